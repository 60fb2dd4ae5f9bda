package engine

import (
	"slices"
	"testing"
)

// Comparing with oneself: all is shared.
func TestCompareWithOneselfSharesAll(t *testing.T) {
	s := newMemStore()
	s.recommendable(1)
	s.add("spike", 8, completed(1, 9), completed(50, 9))
	e := loaded(t, Options{Store: s, Now: clock})
	a, err := e.Compare(t.Context(), "spike", "spike")
	if err != nil || a.Data.SharedAll != 100 {
		t.Errorf("Compare() with oneself = %d %% shared, %v", a.Data.SharedAll, err)
	}
}

func TestSomeIsEven(t *testing.T) {
	s := newMemStore()
	for i := range 19 {
		s.add(string([]byte{'u', byte('a' + i)}), 8, completed(1, 9))
	}
	e := loaded(t, Options{Store: s, Now: clock})
	var got []UserID
	for _, c := range e.Some(10) {
		got = append(got, c.ID)
	}
	if !slices.ContainsFunc(got, func(id UserID) bool { return id > 15 }) {
		t.Errorf("Some(10) of 19 = %v", got)
	}
}
