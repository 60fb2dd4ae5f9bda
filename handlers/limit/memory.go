package limit

import (
	"time"

	"github.com/maypok86/otter/v2"
)

// mostKept bounds how many are counted in this process. Beyond it those are forgotten who asked least often; that is not who is
// over a limit, and a million who ask once each take no more memory than these.
const mostKept = 100_000

// memory counts in this process.
type memory struct {
	full  *otter.Cache[string, time.Duration] // by key, see Budget.spend
	now   func() time.Time
	epoch time.Time // of the clock
}

func newMemory(now func() time.Time) *memory {
	return &memory{
		full:  otter.Must(&otter.Options[string, time.Duration]{MaximumSize: mostKept}),
		now:   now,
		epoch: now(),
	}
}

func (m *memory) take(key string, b Budget) (s spending) {
	now := m.now().Sub(m.epoch)
	m.full.Compute(key, func(full time.Duration, _ bool) (time.Duration, otter.ComputeOp) {
		full, s = b.spend(full, now)
		return full, otter.WriteOp
	})
	return s
}

// spent tells whether one more would be refused.
func (m *memory) spent(key string, b Budget) bool {
	full, ok := m.full.GetIfPresent(key)
	if !ok {
		return false
	}
	_, s := b.spend(full, m.now().Sub(m.epoch))
	return s.wait > 0
}

// note keeps what others counted.
func (m *memory) note(key string, s spending) { m.full.Set(key, m.now().Sub(m.epoch)+s.spent) }
