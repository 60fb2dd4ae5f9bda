package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"
)

// today is the day of t0.
var today = DayOf(t0)

func clock() time.Time { return t0 }

// loaded returns an engine with all that is in the store.
func loaded(t testing.TB, o Options) *Engine {
	t.Helper()
	e := New(o)
	if err := e.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return e
}

// add stores somebody from a file with any hash.
func (s *memStore) add(name string, h Hash, l ...Entry) UserID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set(User{Name: name, Origin: FromFile, Hash: h, List: List(l).Pack(), FetchedAt: t0})
}

// recommendable describes anime that can be recommended.
func (s *memStore) recommendable(ids ...AnimeID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		s.mention(id).Anime = Anime{ID: id, Title: fmt.Sprint("Anime ", id), Episodes: 12, Mean: 7, DescribedAt: t0, RelatedAt: t0}
	}
}

func ids(recs []Recommendation) []AnimeID {
	var ids []AnimeID
	for _, r := range recs {
		ids = append(ids, r.Anime.ID)
	}
	return ids
}

func recommend(t *testing.T, e *Engine, name string, q Query) (Page, []Recommendation) {
	t.Helper()
	a, err := e.Recommend(t.Context(), name, q)
	if err != nil {
		t.Fatalf("Recommend(%q, %+v): %v", name, q, err)
	}
	return a.Page, a.Data.Items
}

func TestEligibility(t *testing.T) {
	const excluded = 77
	type change struct {
		own   Entry // on the requester's list
		lent  func(*Entry)
		anime func(*Anime)
	}
	for _, test := range []struct {
		name string
		change
		want bool
	}{
		{"completed and scored", change{}, true},
		{"watching", change{lent: func(e *Entry) { e.Status = Watching }}, true},
		{"score 1", change{lent: func(e *Entry) { e.Score = 1 }}, true},
		{"undated", change{lent: func(e *Entry) { e.Day = 0 }}, true},
		{"on hold", change{lent: func(e *Entry) { e.Status = OnHold }}, false},
		{"dropped", change{lent: func(e *Entry) { e.Status = Dropped }}, false},
		{"planned", change{lent: func(e *Entry) { e.Status = Planned }}, false},
		{"in no known status", change{lent: func(e *Entry) { e.Status = StatusUnknown }}, false},
		{"no episode watched", change{lent: func(e *Entry) { e.Episodes = 0 }}, false},
		{"unscored", change{lent: func(e *Entry) { e.Score = 0 }}, false},
		{"undescribed", change{anime: func(a *Anime) { a.DescribedAt = time.Time{} }}, false},
		{"no mean score", change{anime: func(a *Anime) { a.Mean = 0 }}, false},
		{"a parent", change{anime: func(a *Anime) { a.Parent = 5 }}, false},
		{"a sequel is no parent", change{anime: func(a *Anime) { a.Relations = []Relation{{"sequel", 5}} }}, true},
		{"relations unknown", change{anime: func(a *Anime) { a.RelatedAt = time.Time{} }}, true},
		{"not on the list", change{own: completed(76, 9)}, true},
		{"completed by the requester", change{own: completed(78, 9)}, false},
		{"watched by the requester", change{own: Entry{Anime: 78, Status: Watching, Episodes: 1}}, false},
		{"on hold at the requester", change{own: Entry{Anime: 78, Status: OnHold}}, false},
		{"dropped by the requester", change{own: Entry{Anime: 78, Status: Dropped}}, false},
		{"planned by the requester", change{own: Entry{Anime: 78, Status: Planned}}, false},
		{"on the requester's list in no known status", change{own: Entry{Anime: 78}}, false},
		{"excluded", change{lent: func(e *Entry) { e.Anime = excluded }}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newMemStore()
			s.recommendable(1, 2, 76, excluded, 78)
			if test.anime != nil {
				test.anime(&s.anime[78].Anime)
			}
			lent := Entry{Anime: 78, Status: Completed, Score: 9, Episodes: 12, Day: today}
			if test.lent != nil {
				test.lent(&lent)
			}
			own := List{completed(1, 9)}
			if test.own.Anime != 0 {
				own = append(own, test.own)
			}
			s.add("requester", 6, own...)
			s.add("lender", 7, lent, completed(2, 5)) // 2 can always be recommended
			e := loaded(t, Options{Store: s, Now: clock, Exclude: []AnimeID{excluded}})

			want := []AnimeID{2}
			if test.want {
				want = []AnimeID{2, 78}
			}
			check := func(question string, recs []Recommendation) {
				t.Helper()
				got := ids(recs)
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("%s = %v, want %v", question, got, want)
				}
			}
			_, recs := recommend(t, e, "requester", Query{})
			check("Recommend()", recs)
			from, err := e.RecommendFrom(t.Context(), "requester", "lender", Query{})
			if err != nil {
				t.Fatal(err)
			}
			check("RecommendFrom()", from.Data.Items)
			random, err := e.Random(t.Context(), "requester", Query{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			check("Random()", random.Data.Picks)
		})
	}
}

// cast is a vote in a test: a score, so many days before today. -1 is a day that is unknown.
type cast struct {
	score   uint8
	daysAgo int
}

// castVotes stores so many lenders that each anime has its votes: the first is lender1's, and so on.
func castVotes(s *memStore, votes map[AnimeID][]cast) {
	lists := map[int]List{}
	for id, casts := range votes {
		s.recommendable(id)
		for i, c := range casts {
			e := completed(id, c.score)
			if c.daysAgo != unknownDay {
				e.Day = Day(int(today) - c.daysAgo)
			}
			lists[i] = append(lists[i], e)
		}
	}
	for i := range len(lists) {
		changes := make([]Change, len(lists[i]))
		for j, e := range lists[i] {
			changes[j] = Change{e, e.Day.Time()}
		}
		l, err := NewList(changes)
		if err != nil {
			panic(err)
		}
		s.add("lender"+strconv.Itoa(i+1), 7, l...)
	}
}

const unknownDay = math.MinInt

func TestClassicOrder(t *testing.T) {
	s := newMemStore()
	s.recommendable(99)
	s.add("requester", 7, completed(99, 9))
	times := func(n int, c cast) []cast { return slices.Repeat([]cast{c}, n) }
	// A year has 365.25 days.
	castVotes(s, map[AnimeID][]cast{
		1:  times(3, cast{10, unknownDay}),    // 30/4 = 7.5
		2:  times(5, cast{9, unknownDay}),     // 45/6 = 7.5: a tie, by id
		3:  {{10, unknownDay}},                // 10/2 = 5
		4:  times(4, cast{10, 1461}),          // 40/5 - floor(4.000/2) = 8 - 2 = 6
		5:  times(4, cast{10, 1460}),          // 40/5 - floor(3.997/2) = 8 - 1 = 7
		6:  {{8, 3653}, {8, unknownDay}},      // 16/3 - floor(10.001/2) = 5.33 - 5 = 0.33; the unknown day has no say
		7:  {{9, 365}, {7, 1096}},             // 16/3 - floor(mean of 0.999 and 3.001 / 2) = 5.33 - 1 = 4.33
		8:  {{9, 730}, {7, 730}},              // 16/3 - floor(1.999/2) = 5.33 - 0 = 5.33
		9:  {{6, -1}},                         // 6/2 - 0 = 3: tomorrow, in another time zone for example
		10: {{1, 0}},                          // 1/2 = 0.5
		11: {{7, 0}, {6, 0}, {8, 0}, {10, 0}}, // 31/5 = 6.2
	})
	e := loaded(t, Options{Store: s, Now: clock})
	want := []AnimeID{1, 2, 5, 11, 4, 8, 3, 7, 9, 10, 6}
	for _, order := range []Order{Classic, ""} {
		if _, recs := recommend(t, e, "requester", Query{Order: order}); !slices.Equal(ids(recs), want) {
			t.Errorf("order %q: Recommend() = %v, want %v", order, ids(recs), want)
		}
	}
}

func TestClassicOrderOfOneUser(t *testing.T) {
	s := newMemStore()
	s.recommendable(99)
	s.add("requester", 7, completed(99, 9))
	castVotes(s, map[AnimeID][]cast{
		1: {{7, unknownDay}},  // 7
		2: {{9, 1461}},        // 9 - floor(4.000/2) = 7: a tie, by id
		3: {{9, 1460}},        // 9 - floor(3.997/2) = 8
		4: {{10, 10958}},      // 10 - floor(30.001/2) = -5
		5: {{1, 0}},           // 1
		6: {{8, 0}},           // 8: a tie, by id
		7: {{10, unknownDay}}, // 10
	})
	e := loaded(t, Options{Store: s, Now: clock})
	a, err := e.RecommendFrom(t.Context(), "requester", "lender1", Query{})
	if want := []AnimeID{7, 3, 6, 1, 2, 5, 4}; err != nil || !slices.Equal(ids(a.Data.Items), want) {
		t.Errorf("RecommendFrom() = %v, %v; want %v", ids(a.Data.Items), err, want)
	}
	for _, r := range a.Data.Items {
		if len(r.Votes) != 1 || r.Votes[0].Name != "lender1" || r.Votes[0].Score != r.Score || r.Votes[0].Distance != 0 {
			t.Errorf("anime %d: score %d, votes %+v; want that of lender1 alone", r.Anime.ID, r.Score, r.Votes)
		}
	}
}

func TestScoreIsTheRoundedMean(t *testing.T) {
	s := newMemStore()
	s.recommendable(99)
	s.add("requester", 7, completed(99, 9))
	votes, want := map[AnimeID][]cast{}, map[AnimeID]int{}
	for i, test := range []struct {
		scores []uint8
		want   int
	}{
		{[]uint8{7, 8}, 8},       // 7.5
		{[]uint8{8, 9, 8, 9}, 9}, // 8.5
		{[]uint8{7, 7, 8}, 7},    // 7.33
		{[]uint8{7, 8, 8}, 8},    // 7.67
		{[]uint8{1}, 1}, {[]uint8{1, 2}, 2}, {[]uint8{10, 10}, 10}, {[]uint8{10, 9}, 10}, {[]uint8{1, 10}, 6},
		{[]uint8{9, 9, 9, 9, 9, 9, 9, 8}, 9},
	} {
		id := AnimeID(i + 1)
		want[id] = test.want
		for _, score := range test.scores {
			votes[id] = append(votes[id], cast{score, 0})
		}
	}
	castVotes(s, votes)
	_, recs := recommend(t, loaded(t, Options{Store: s, Now: clock}), "requester", Query{})
	for _, r := range recs {
		if r.Score != want[r.Anime.ID] {
			t.Errorf("score of %v = %d, want %d", votes[r.Anime.ID], r.Score, want[r.Anime.ID])
		}
	}
	if len(recs) != len(want) {
		t.Errorf("%d anime, want %d", len(recs), len(want))
	}
}

func TestVotesComeMostSimilarFirst(t *testing.T) {
	s := newMemStore()
	s.recommendable(1, 2, 3)
	// The last bits that count once: 62, 61, 60, 58.
	s.add("far", 0b101010, completed(1, 5), completed(2, 6)) // distance 3
	s.add("near2", 0b000100, completed(1, 7))                // 1
	s.add("requester", 0b000110, completed(3, 9))
	s.add("same", 0b000110, completed(2, 8))                   // 0
	s.add("near1", 0b000010, completed(1, 9), completed(2, 9)) // 1
	s.add("middle", 0b100010, completed(1, 3))                 // 2
	s.add("nohash", 0, completed(1, 10))
	e := loaded(t, Options{Store: s, Now: clock})
	a, err := e.Recommend(t.Context(), "requester", Query{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[AnimeID]string{}
	for _, r := range a.Data.Items {
		for _, v := range r.Votes {
			got[r.Anime.ID] += fmt.Sprintf("%s %d %d%%, ", v.Name, v.Score, v.Similarity())
		}
	}
	for id, want := range map[AnimeID]string{
		1: "near2 7 99%, near1 9 99%, middle 3 98%, far 5 97%, ",
		2: "same 8 100%, near1 9 99%, far 6 97%, ",
	} {
		if got[id] != want {
			t.Errorf("votes of anime %d = %s want %s", id, got[id], want)
		}
	}
	if r := a.Requester; r.Name != "requester" || r.Hash != 0b000110 || r.ID != 3 || r.Entries != 1 || r.Origin != FromFile || r.Stale {
		t.Errorf("requester %+v", r)
	}
}

// crowdedStore has a requester, and lenders with so many anime each that nobody else has.
func crowdedStore(lenders, each int) *memStore {
	s := newMemStore()
	r := rand.New(rand.NewPCG(20, uint64(lenders)))
	s.recommendable(1)
	s.add("requester", Hash(r.Uint64()), completed(1, 9))
	id := AnimeID(1)
	for i := range lenders {
		var l List
		for range each {
			id++
			s.recommendable(id)
			l = append(l, completed(id, uint8(1+r.IntN(10))))
		}
		s.add("lender"+strconv.Itoa(i+1), Hash(r.Uint64()), l...)
	}
	return s
}

// walkPages asks for page after page, from the first, until there are no more.
func walkPages(t *testing.T, e *Engine, q Query) (pages int, all []Recommendation) {
	t.Helper()
	for q.Page = 1; ; q.Page++ {
		p, recs := recommend(t, e, "requester", q)
		if p.Current != q.Page {
			t.Fatalf("asked for page %d, got %d", q.Page, p.Current)
		}
		if p.More && len(recs) != PageSize {
			t.Fatalf("page %d has %d, and there are more", q.Page, len(recs))
		}
		all = append(all, recs...)
		if !p.More {
			return q.Page, all
		}
	}
}

func TestWalkVisitsEveryItemOnce(t *testing.T) {
	for _, test := range []struct{ lenders, each, pages, items int }{
		{0, 0, 1, 0}, {1, 1, 1, 1}, {1, 15, 1, 15}, {1, 16, 1, 16}, {1, 17, 2, 17}, {4, 8, 2, 32}, {5, 37, 12, 185},
		{10, 32, 20, 320}, // exactly the cap
		{19, 17, 20, 320}, // three more
		{32, 30, 20, 320}, // many more
	} {
		e := loaded(t, Options{Store: crowdedStore(test.lenders, test.each), Now: clock})
		pages, recs := walkPages(t, e, Query{})
		if pages != test.pages || len(recs) != test.items {
			t.Errorf("%d anime of %d lenders: %d on %d pages, want %d on %d",
				test.lenders*test.each, test.lenders, len(recs), pages, test.items, test.pages)
		}
		seen := ids(recs)
		slices.Sort(seen)
		if len(slices.Compact(seen)) != len(recs) {
			t.Errorf("%d anime of %d lenders: some come twice", test.lenders*test.each, test.lenders)
		}
	}
}

func TestPageIsTakenIntoRange(t *testing.T) {
	few := loaded(t, Options{Store: crowdedStore(2, 10), Now: clock})   // 2 pages
	many := loaded(t, Options{Store: crowdedStore(20, 20), Now: clock}) // more than the cap
	for _, test := range []struct {
		e           *Engine
		page, taken int
		items       int
		more        bool
	}{
		{few, 1, 1, 16, true}, {few, 2, 2, 4, false}, {few, 3, 3, 0, false}, {few, 20, 20, 0, false},
		{few, 0, 1, 16, true}, {few, -1, 1, 16, true}, {few, math.MinInt, 1, 16, true},
		{few, 21, 20, 0, false}, {few, 1e9, 20, 0, false}, {few, math.MaxInt, 20, 0, false},
		{many, 19, 19, 16, true}, {many, 20, 20, 16, false}, {many, 21, 20, 16, false}, {many, 1e9, 20, 16, false},
	} {
		p, recs := recommend(t, test.e, "requester", Query{Page: test.page})
		if p != (Page{test.taken, test.more}) || len(recs) != test.items {
			t.Errorf("page %d: %+v with %d, want page %d with %d, more: %t", test.page, p, len(recs), test.taken, test.items, test.more)
		}
		a, err := test.e.RecommendFrom(t.Context(), "requester", "lender1", Query{Page: test.page})
		if err != nil || a.Page.Current != test.taken {
			t.Errorf("page %d of one user: %+v, %v; want page %d", test.page, a.Page, err, test.taken)
		}
	}
}

func FuzzPageAt(f *testing.F) {
	f.Add(uint16(33), uint8(16), uint8(20), int64(2))
	f.Add(uint16(0), uint8(1), uint8(1), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, n uint16, size, last uint8, asked int64) {
		items := make([]int, n%2000)
		for i := range items {
			items[i] = i
		}
		sz, top := int(size)+1, int(last)+1
		next := 0
		for page := 1; ; page++ {
			p, from, to := pageAt(page, sz, top, len(items))
			shown := items[from:to]
			if p.Current != page || len(shown) > sz {
				t.Fatalf("pageAt(%d, %d, %d, %d) = %+v with %d", page, sz, top, len(items), p, len(shown))
			}
			for _, item := range shown {
				if item != next {
					t.Fatalf("page %d has %d, want %d", page, item, next)
				}
				next++
			}
			if !p.More {
				break
			}
		}
		if want := min(len(items), sz*top); next != want {
			t.Fatalf("a walk over %d, %d to a page, at most %d pages, saw %d, want %d", len(items), sz, top, next, want)
		}
		if p, from, to := pageAt(int(asked), sz, top, len(items)); p.Current < 1 || p.Current > top || p.More && to-from != sz {
			t.Fatalf("pageAt(%d, %d, %d, %d) = %+v with %d", asked, sz, top, len(items), p, to-from)
		}
	})
}

func TestBatchesAreDisjoint(t *testing.T) {
	e := loaded(t, Options{Store: crowdedStore(1300, 1), Now: clock})
	voters := map[string]int{} // in which batch
	farthest := 0
	for batch := 1; batch <= MaxBatch; batch++ {
		_, recs := walkPages(t, e, Query{Batch: batch})
		if len(recs) != BatchSize {
			t.Fatalf("batch %d: %d anime, want one of each of %d", batch, len(recs), BatchSize)
		}
		nearest, farthestHere := MaxDistance, 0
		for _, r := range recs {
			v := r.Votes[0]
			if other, twice := voters[v.Name]; twice || len(r.Votes) != 1 || v.Name == "requester" {
				t.Fatalf("batch %d has %v, batch %d too", batch, r.Votes, other)
			}
			voters[v.Name] = batch
			nearest, farthestHere = min(nearest, v.Distance), max(farthestHere, v.Distance)
		}
		if nearest < farthest {
			t.Errorf("batch %d has somebody at %d, the one before at %d", batch, nearest, farthest)
		}
		farthest = farthestHere
	}
	if len(voters) != MaxBatch*BatchSize {
		t.Errorf("%d users in %d batches", len(voters), MaxBatch)
	}
	for asked, want := range map[int]int{-1: 1, 0: 1, math.MinInt: 1, 41: 40, 1e9: 40, math.MaxInt: 40} {
		if _, recs := recommend(t, e, "requester", Query{Batch: asked}); voters[recs[0].Votes[0].Name] != want {
			t.Errorf("batch %d is batch %d, want %d", asked, voters[recs[0].Votes[0].Name], want)
		}
	}
}

func TestBatchPastTheEndIsEmpty(t *testing.T) {
	e := loaded(t, Options{Store: crowdedStore(40, 2), Now: clock})
	for batch, want := range map[int]int{1: 64, 2: 16, 3: 0, 40: 0} {
		if _, recs := walkPages(t, e, Query{Batch: batch}); len(recs) != want {
			t.Errorf("batch %d: %d anime, want %d", batch, len(recs), want)
		}
	}
}

func TestRecommendFromOneself(t *testing.T) {
	e := loaded(t, Options{Store: crowdedStore(3, 3), Now: clock})
	a, err := e.RecommendFrom(t.Context(), "lender1", "Lender1", Query{})
	if err != nil || len(a.Data.Items) != 0 || a.Page != (Page{Current: 1}) {
		t.Errorf("RecommendFrom() oneself = %v, %+v, %v; want nothing", ids(a.Data.Items), a.Page, err)
	}
}

func TestParseOrder(t *testing.T) {
	for s, order := range map[string]Order{"": Taste, "taste": Taste, "classic": Classic} {
		if o, err := ParseOrder(s); o != order || err != nil {
			t.Errorf("ParseOrder(%q) = %q, %v; want %q", s, o, err, order)
		}
	}
	for _, s := range []string{"Classic", "Taste", "best", " classic", "\x00"} {
		if o, err := ParseOrder(s); !errors.Is(err, ErrInvalid) {
			t.Errorf("ParseOrder(%q) = %q, %v; want ErrInvalid", s, o, err)
		}
	}
}
