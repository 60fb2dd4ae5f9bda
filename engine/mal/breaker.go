package mal

import (
	"time"

	"github.com/sony/gobreaker/v2"
)

// When the service failed several times in a row it is not asked for a while, and then once: whoever comes meanwhile is told at
// once. That one has less time than others, so that it is soon seen when a service that took too long answers again.
const (
	fewFailed = 5
	coolDown  = 2 * time.Second
	probeTime = 2500 * time.Millisecond
)

// newBreaker makes what keeps us from asking a service that fails.
func newBreaker(changed func(from, to gobreaker.State)) *gobreaker.TwoStepCircuitBreaker[any] {
	return gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		Timeout:     coolDown,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= fewFailed },
		IsSuccessful: func(err error) bool {
			o, ok := err.(outcomeError) //nolint:errorlint // it is ours, and never wrapped
			return !ok || Outcome(o) != Failed && Outcome(o) != TimedOut
		},
		IsExcluded: func(err error) bool {
			o, ok := err.(outcomeError)                                    //nolint:errorlint // see above
			return ok && (Outcome(o) == Limited || Outcome(o) == Canceled) // which is no sign that it works, nor that it does not
		},
		OnStateChange: func(_ string, from, to gobreaker.State) { changed(from, to) },
	})
}

// outcomeError is an outcome as the breaker wants it.
type outcomeError Outcome

func (o outcomeError) Error() string { return string(o) }
