package engine

import (
	"errors"
	"testing"
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

func TestMemoryFollowsWhatIsKept(t *testing.T) {
	s := alikeStore()
	e := loaded(t, Options{Store: s, Now: clock})
	m := e.Memory()
	if m.Users == 0 || m.IndexBytes != 32*m.Users || m.Profiles == 0 || m.ProfileBytes != 128*m.Profiles || m.Titles != e.Titles() ||
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
