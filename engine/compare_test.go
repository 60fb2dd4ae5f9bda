package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestCompareShowsWhatIsShared(t *testing.T) {
	s := newMemStore()
	s.recommendable(1, 2, 3, 4, 5, 6, 7, 8, 9)
	s.add("faye", 8,
		completed(1, 9), completed(2, 3), completed(3, 8), completed(4, 0), completed(5, 7), completed(6, 10),
		Entry{Anime: 7, Status: Planned}, completed(8, 6))
	s.add("spike", 9,
		completed(1, 7), completed(2, 10), completed(3, 6), completed(4, 9), Entry{Anime: 5, Status: Dropped, Score: 1, Episodes: 2},
		completed(6, 10), completed(7, 8), completed(9, 5))
	e := loaded(t, Options{Store: s, Now: clock})
	text := func(shared []Shared) string {
		var lines []string
		for _, s := range shared {
			lines = append(lines, fmt.Sprintf("%d: %d %d", s.Anime.ID, s.Mine, s.Theirs))
		}
		return strings.Join(lines, ", ")
	}
	a, err := e.Compare(t.Context(), "faye", "spike")
	if err != nil {
		t.Fatal(err)
	}
	// Furthest apart first, then the higher scores, then by id; 4 is unscored by one; 5 was not watched by both.
	if got, want := text(a.Data.Shared), "2: 3 10, 1: 9 7, 3: 8 6, 6: 10 10, 4: 0 9"; got != want {
		t.Errorf("shared are %s; want %s", got, want)
	}
	// 1..7 of 1..9 are on both lists.
	if a.Data.SharedAll != 100*7/9 {
		t.Errorf("%d %% shared, want %d", a.Data.SharedAll, 100*7/9)
	}
	if forMe, forThem := ids(a.Data.ForMe), ids(a.Data.ForThem); !slices.Equal(forMe, []AnimeID{9}) || !slices.Equal(forThem, []AnimeID{8}) {
		t.Errorf("for faye %v, for spike %v; want 9 and 8", forMe, forThem)
	}
	back, err := e.Compare(t.Context(), "spike", "faye")
	if err != nil || back.Data.SharedAll != a.Data.SharedAll || back.Data.Distance != a.Data.Distance || len(back.Data.Shared) != len(a.Data.Shared) {
		t.Errorf("the other way round %+v, %v", back.Data, err)
	}
	if mine, theirs := ids(back.Data.ForMe), ids(back.Data.ForThem); !slices.Equal(mine, []AnimeID{8}) || !slices.Equal(theirs, []AnimeID{9}) {
		t.Errorf("for spike %v, for faye %v; want 8 and 9", mine, theirs)
	}
}

func TestCompareWithOneself(t *testing.T) {
	s := newMemStore()
	s.recommendable(1, 2)
	s.add("faye", 8, completed(1, 9), completed(2, 7))
	e := loaded(t, Options{Store: s, Now: clock})
	a, err := e.Compare(t.Context(), "faye", "faye")
	if d := a.Data; err != nil || d.Similarity() != 100 || d.SharedAll != 100 || len(d.Shared) != 2 || len(d.ForMe)+len(d.ForThem) != 0 {
		t.Errorf("Compare() with oneself = %+v, %v", d, err)
	}
}

func TestCompareRecommendsAtMostAPage(t *testing.T) {
	s := newMemStore()
	s.recommendable(100)
	s.add("faye", 8, completed(100, 9))
	var l List
	for id := range AnimeID(40) {
		s.recommendable(id + 1)
		l = append(l, completed(id+1, uint8(1+id%10)))
	}
	s.add("spike", 9, l...)
	e := loaded(t, Options{Store: s, Now: clock})
	a, err := e.Compare(t.Context(), "faye", "spike")
	from, errFrom := e.RecommendFrom(t.Context(), "faye", "spike", Query{})
	if err != nil || errFrom != nil || len(a.Data.ForMe) != PageSize || !slices.Equal(ids(a.Data.ForMe), ids(from.Data.Items)) {
		t.Errorf("Compare() offers %v, %v; want the first page of RecommendFrom(), %v, %v", ids(a.Data.ForMe), err, ids(from.Data.Items), errFrom)
	}
}
