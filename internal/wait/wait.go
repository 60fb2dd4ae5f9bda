// Package wait lets tests wait for what happens in its own time.
package wait

import (
	"testing"
	"time"
)

// For calls f until it has no error to return, and fails the test if that takes a minute. It asks often at first and less often
// later: who waits for a server must not come upon its limits.
func For(t testing.TB, f func() error) {
	t.Helper()
	late := time.After(time.Minute)
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-time.After(pause):
		case <-late:
			t.Fatal(err)
		}
	}
}
