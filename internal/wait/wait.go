// Package wait lets tests wait for what happens in its own time.
package wait

import (
	"testing"
	"time"
)

// For calls f until it has no error to return, and fails the test if that takes half a minute.
func For(t testing.TB, f func() error) {
	t.Helper()
	late := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatal(err)
		}
	}
}
