package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestTotalsAreCountedOnceAMinute(t *testing.T) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	store := newMemStore()
	e := New(Options{Store: store, Now: func() time.Time { return at }})
	want := func(users int, when time.Time) {
		t.Helper()
		got, err := e.Totals(t.Context())
		if err != nil || got.All().Users != users || !got.At.Equal(when) {
			t.Errorf("Totals = %+v, %v, want %d users at %v", got, err, users, when)
		}
	}
	begin := at
	want(0, begin)
	if _, err := store.SaveUser(t.Context(), User{Name: "spike", Origin: FromMAL, List: List{}.Pack()}); err != nil {
		t.Fatal(err)
	}
	at = at.Add(totalsAge - time.Second)
	want(0, begin)
	at = at.Add(time.Second)
	want(1, at)
	store.broken = func(string) error { return errors.New("down") }
	want(1, at)
	at = at.Add(totalsAge)
	if _, err := e.Totals(t.Context()); err == nil {
		t.Error("totals that cannot be counted are no error")
	}
}

// A count that takes long keeps nobody waiting who can have an older one.
func TestTotalsThatTakeLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemStore()
		e := New(Options{Store: store})
		slow := func(d time.Duration) {
			store.broken = func(string) error { time.Sleep(d); return nil }
		}
		ask := func(wait time.Duration, want int) {
			t.Helper()
			start := time.Now()
			got, err := e.Totals(t.Context())
			if err != nil || got.All().Users != want || time.Since(start) != wait {
				t.Errorf("Totals = %+v, %v after %v, want %d users after %v", got, err, time.Since(start), want, wait)
			}
		}
		slow(2 * time.Second)
		ask(2*time.Second, 0) // there is no older one
		slow(0)
		if _, err := store.SaveUser(t.Context(), User{Name: "spike", Origin: FromMAL, List: List{}.Pack()}); err != nil {
			t.Fatal(err)
		}
		slow(2 * time.Second)
		time.Sleep(totalsAge)
		ask(totalsPatience, 0)
		ask(totalsPatience, 0)
		time.Sleep(2 * time.Second)
		ask(0, 1)

		time.Sleep(totalsAge)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := e.Totals(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Totals for who has left: %v", err)
		}
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
		ask(0, 1)
	})
}

func TestMemoryFollowsWhatIsKept(t *testing.T) {
	s := alikeStore()
	e := loaded(t, Options{Store: s, Now: clock})
	m := e.Memory()
	if m.Users == 0 || m.IndexBytes != 32*m.Users || m.Profiles == 0 || m.ProfileBytes != 78*m.Profiles || m.Titles != e.Titles() ||
		m.Population != 0 || !m.PopulationAt.IsZero() || m.Populace != 7 {
		t.Errorf("Memory = %+v", m)
	}
	if _, err := e.UpdatePopulation(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m := e.Memory(); m.Population != 1 || !m.PopulationAt.Equal(clock()) {
		t.Errorf("Memory = %+v, want version 1 of the population", m)
	}
}
