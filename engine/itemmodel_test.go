package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"
)

// toyTrainer makes models in which an anime fits the better, the smaller its id is, and the more entries a list has. What it learns
// is how many lists there were.
type toyTrainer struct {
	fails error
	least int
}

func (tt *toyTrainer) Train(_ context.Context, lists func() iter.Seq2[List, error], _ *Catalogue) ([]byte, error) {
	if tt.fails != nil {
		return nil, tt.fails
	}
	for range 2 { // as real ones do
		n := 0
		for _, err := range lists() {
			if err != nil {
				return nil, err
			}
			n++
		}
		if n < tt.least {
			return nil, ErrTooFew
		}
	}
	return []byte("toy"), nil
}

func (*toyTrainer) Read(data []byte) (Model, error) {
	if string(data) != "toy" {
		return nil, fmt.Errorf("toy: %w", ErrCorrupt)
	}
	return toyModel{}, nil
}

type toyModel struct{}

func (toyModel) Fold(l List, c *Catalogue, without []AnimeID) Fold {
	f := &toyFold{catalogue: c}
	for i := range l {
		if !slices.Contains(without, l[i].Anime) {
			f.inputs = append(f.inputs, l[i].Anime)
		}
	}
	return f
}

type toyFold struct {
	catalogue *Catalogue
	inputs    []AnimeID
}

func (f *toyFold) Matches(dst []float64, anime []AnimeID, niche int) []float64 {
	for _, id := range anime {
		dst = append(dst, float64(len(f.inputs))*1000-float64(id)*float64(1+niche*niche))
	}
	return dst
}

func (f *toyFold) Because(anime []*Anime) [][]Influence {
	because := make([][]Influence, len(anime))
	for i := range because {
		for _, id := range f.inputs[:min(len(f.inputs), MaxInfluences)] {
			if a := f.catalogue.Anime(id); a != nil {
				because[i] = append(because[i], Influence{Anime: a, Weight: 1000, Status: Completed})
			}
		}
	}
	return because
}

func (*toyFold) Expected(a *Anime) float64 { return 1 + float64(a.ID%9) }
func (*toyFold) Release()                  {}

// modelled is an engine over a store with a trained model.
func modelled(t *testing.T, s *memStore) *Engine {
	t.Helper()
	e := loaded(t, Options{Store: s, Now: clock, Trainer: &toyTrainer{}})
	if outcome, err := e.TrainModel(t.Context()); err != nil || !strings.Contains(outcome, "learnt from") {
		t.Fatalf("TrainModel() = %q, %v", outcome, err)
	}
	return e
}

func TestTasteOrder(t *testing.T) {
	e := modelled(t, crowdedStore(5, 20))
	_, recs := recommend(t, e, "requester", Query{})
	if got := ids(recs); len(got) != PageSize || !slices.IsSorted(got) {
		t.Errorf("by taste come %v, want ascending ids", got)
	}
	for _, r := range recs {
		if r.Match != 1000-float64(r.Anime.ID) || r.Expected != 1+float64(r.Anime.ID%9) || len(r.Because) != 1 || r.Because[0].Anime.ID != 1 {
			t.Errorf("anime %d: match %g, expected %g, because %v", r.Anime.ID, r.Match, r.Expected, r.Because)
		}
	}
	if _, same := recommend(t, e, "requester", Query{Order: Taste}); !slices.Equal(ids(same), ids(recs)) {
		t.Errorf("the default is %v, the order taste %v", ids(recs), ids(same))
	}
	unmodelled := loaded(t, Options{Store: crowdedStore(5, 20), Now: clock})
	for _, order := range []Order{"", Taste, Classic} {
		_, want := recommend(t, unmodelled, "requester", Query{Order: Classic})
		if _, got := recommend(t, unmodelled, "requester", Query{Order: order}); !slices.Equal(ids(got), ids(want)) || got[0].Expected != 0 {
			t.Errorf("without a model %q is %v, want the classic order %v", order, ids(got), ids(want))
		}
		_, got := recommend(t, e, "requester", Query{Order: Classic})
		if !slices.Equal(ids(got), ids(want)) {
			t.Errorf("with a model the classic order is %v, want %v", ids(got), ids(want))
		}
		if got[0].Because == nil || got[0].Expected == 0 {
			t.Error("the classic order is not explained")
		}
	}
}

func TestQueryReachesTheModel(t *testing.T) {
	e := modelled(t, crowdedStore(5, 20))
	_, recs := recommend(t, e, "requester", Query{})
	for niche, times := range map[int]float64{0: 1, 1: 2, 2: 5, 99: 5, -2: 5} {
		_, got := recommend(t, e, "requester", Query{Niche: niche})
		if want := 1000 - times*float64(got[0].Anime.ID); got[0].Match != want {
			t.Errorf("niche %d: match %g, want %g", niche, got[0].Match, want)
		}
	}
	_, got := recommend(t, e, "requester", Query{Without: []AnimeID{1, 77}})
	if fell := recs[0].Match - got[0].Match; fell != recs[0].Because[0].Weight || len(got[0].Because) != 0 {
		t.Errorf("without the influence the match fell by %g, want its weight %g; because %v", fell, recs[0].Because[0].Weight, got[0].Because)
	}
}

// One page has one anime of a franchise, and nothing gets lost.
func TestPagesVary(t *testing.T) {
	s := crowdedStore(4, 30)
	for id := AnimeID(2); id <= 121; id++ {
		a := s.mention(id)
		if id%3 == 0 {
			a.Relations = []Relation{{Type: "spin_off", ID: 3}}
		}
		if id%4 != 0 {
			a.Genres = []Genre{{ID: 4, Name: "Comedy"}}
		}
	}
	e := modelled(t, s)
	seen := map[AnimeID]bool{}
	for page := 1; ; page++ {
		p, recs := recommend(t, e, "requester", Query{Page: page})
		franchises, comedies := map[AnimeID]int{}, 0
		for _, r := range recs {
			if seen[r.Anime.ID] {
				t.Errorf("%d is there twice", r.Anime.ID)
			}
			seen[r.Anime.ID] = true
			franchises[e.catalogue.Load().Franchise(r.Anime.ID)]++
			if r.Anime.hasGenre(4) {
				comedies++
			}
		}
		if page <= 2 && (franchises[3] != 1 || comedies > mostOfGenre) {
			t.Errorf("page %d has %d of a franchise and %d comedies", page, franchises[3], comedies)
		}
		if !p.More {
			break
		}
	}
	if len(seen) != 120 {
		t.Errorf("%d anime on all pages, want 120", len(seen))
	}
	_, recs := recommend(t, e, "requester", Query{Filter: Filter{With: []int{4}}})
	franchise := 0
	for _, r := range recs {
		if r.Anime.ID%3 == 0 {
			franchise++
		}
	}
	if len(recs) != PageSize || franchise != 1 {
		t.Errorf("of the genre that was asked for there are %d, %d of the franchise; want a page and 1", len(recs), franchise)
	}
}

func TestFranchise(t *testing.T) {
	related := func(id AnimeID, kind string, to ...AnimeID) Anime {
		a := Anime{ID: id, DescribedAt: t0}
		for _, other := range to {
			a.Relations = append(a.Relations, Relation{kind, other})
		}
		return a
	}
	c := NewCatalogue([]Anime{
		related(9, "sequel", 5), related(5, "side_story", 20), related(20, "prequel", 5), related(3, "character", 9), related(4, "other", 9),
		related(7, "spin_off", 1<<22), related(8, "sequel", 0, 40_000), related(11, ""),
	})
	for id, want := range map[AnimeID]AnimeID{9: 5, 5: 5, 20: 5, 3: 3, 4: 4, 7: 7, 8: 8, 40_000: 8, 11: 11, 1 << 22: 1 << 22, 0: 0, -1: -1} {
		if got := c.Franchise(id); got != want {
			t.Errorf("Franchise(%d) = %d, want %d", id, got, want)
		}
	}
	if all := c.Connect(func(string) bool { return true }); all[9] != 3 || all[4] != 3 || all[8] != 8 {
		t.Errorf("with all relations 9, 4 and 8 are in %d, %d and %d", all[9], all[4], all[8])
	}
}

// A training that fails leaves the model that serves; what another process trains serves here too.
func TestModelsAreSwapped(t *testing.T) {
	s := crowdedStore(5, 20)
	trainer := &toyTrainer{least: 100}
	e := loaded(t, Options{Store: s, Now: clock, Trainer: trainer})
	if outcome, err := e.TrainModel(t.Context()); outcome != ErrTooFew.Error() || err != nil {
		t.Errorf("TrainModel() of few lists = %q, %v", outcome, err)
	}
	if info, ok := e.Model(); ok {
		t.Errorf("there is a model: %+v", info)
	}
	other := modelled(t, s)
	if reloaded, err := e.Reload(t.Context()); reloaded || err != nil {
		t.Errorf("Reload() = %t, %v", reloaded, err)
	}
	info, ok := e.Model()
	if want, _ := other.Model(); !ok || info.ID != want.ID || info.Users != 6 || info.Size != 3 || info.Data != nil || !info.MadeAt.Equal(t0) {
		t.Errorf("after a training elsewhere the model is %+v, %t; want %+v", info, ok, want)
	}
	failure := errors.New("out of memory")
	trainer.fails = failure
	if _, err := e.TrainModel(t.Context()); !errors.Is(err, failure) {
		t.Errorf("TrainModel() = %v, want its failure", err)
	}
	if err := s.SaveModel(t.Context(), StoredModel{Data: []byte("damaged"), MadeAt: t0}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddCounter(t.Context(), counterModel, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Reload(t.Context()); err != nil {
		t.Error(err)
	}
	if now, ok := e.Model(); !ok || now.ID != info.ID {
		t.Errorf("after a damaged version the model is %+v, %t; want the one before", now, ok)
	}
}

// What cannot be learnt from is told of.
func TestTrainingTellsOfDamagedLists(t *testing.T) {
	s := crowdedStore(5, 20)
	s.set(User{ID: 99, Name: "torn", List: damaged(completed(1, 1))})
	e := loaded(t, Options{Store: s, Now: clock, Trainer: &toyTrainer{}})
	if outcome, err := e.TrainModel(t.Context()); err != nil || outcome != "learnt from 6 lists; damaged and left out: 1, see reko check" {
		t.Errorf("TrainModel() = %q, %v", outcome, err)
	}
}

// Who does not want to hear what the model says gets the same order without it.
func TestBareRecommendations(t *testing.T) {
	e := modelled(t, crowdedStore(5, 20))
	for _, order := range []Order{Taste, Classic} {
		_, want := recommend(t, e, "requester", Query{Order: order})
		_, got := recommend(t, e, "requester", Query{Order: order, Bare: true})
		if !slices.Equal(ids(got), ids(want)) {
			t.Errorf("%s: bare ones are %v, others %v", order, ids(got), ids(want))
		}
		for i, r := range got {
			if r.HasMatch || r.Match != 0 || r.Expected != 0 || r.Because != nil || !want[i].HasMatch || want[i].Because == nil {
				t.Errorf("%s: bare is %+v, else it is %+v", order, r, want[i])
			}
		}
	}
}

// A version that cannot be read, by this program at least, is replaced by the job, though no list changed.
func TestUnreadableModelsAreReplaced(t *testing.T) {
	s := crowdedStore(5, 20)
	e := modelled(t, s)
	info, _ := e.Model()
	if err := s.SaveModel(t.Context(), StoredModel{Data: []byte("of another version"), MadeAt: t0, State: info.State}); err != nil {
		t.Fatal(err)
	}
	if outcome, err := e.UpdateModel(t.Context()); err != nil || !strings.Contains(outcome, "learnt from") {
		t.Errorf("UpdateModel() = %q, %v; want a training", outcome, err)
	}
	if outcome, err := e.UpdateModel(t.Context()); err != nil || outcome != "no user changed" {
		t.Errorf("UpdateModel() again = %q, %v", outcome, err)
	}
}

// Whoever does not want to be matched is not learnt from either.
func TestUnlistedAreNotLearntFrom(t *testing.T) {
	s := crowdedStore(5, 20)
	u, err := s.User(t.Context(), "lender1")
	if err != nil {
		t.Fatal(err)
	}
	u.Unlisted = true
	s.set(u)
	if info, _ := modelled(t, s).Model(); info.Users != 5 {
		t.Errorf("learnt from %d lists, want 5", info.Users)
	}
}

func TestTrainingIsDue(t *testing.T) {
	s := crowdedStore(40, 3)
	now := t0
	e := loaded(t, Options{Store: s, Now: func() time.Time { return now }, Trainer: &toyTrainer{}})
	fetch := func(n int) {
		for i := range n {
			u, err := s.User(t.Context(), fmt.Sprint("lender", i+1))
			if err != nil {
				t.Fatal(err)
			}
			u.FetchedAt = now
			s.set(u)
		}
	}
	for _, step := range []struct {
		after   time.Duration
		fetched int
		want    string
	}{
		{0, 0, "learnt from"},
		{30 * time.Hour, 0, "no user changed"},
		{0, 1, "learnt from"},
		{5 * time.Minute, 10, "not yet"},
		{6 * time.Minute, 0, "learnt from"},
		{time.Hour, 3, "not yet"},
		{18 * time.Hour, 0, "not yet"},
		{time.Hour, 0, "learnt from"},
	} {
		now = now.Add(step.after)
		fetch(step.fetched)
		if got, err := e.UpdateModel(t.Context()); err != nil || !strings.Contains(got, step.want) {
			t.Errorf("after %v with %d lists fetched: %q, %v; want %q", now.Sub(t0), step.fetched, got, err, step.want)
		}
	}
	if _, err := New(Options{Store: s, Now: clock}).TrainModel(t.Context()); !errors.Is(err, ErrInvalid) {
		t.Errorf("without a trainer: %v", err)
	}
}

// A list of which nothing is stored gets what a stored user with that list gets.
func TestRecommendList(t *testing.T) {
	s := benchStore(BatchSize)
	e := modelled(t, s)
	u, err := s.User(t.Context(), "requester")
	if err != nil {
		t.Fatal(err)
	}
	l, err := u.List.Unpack(nil)
	if err != nil {
		t.Fatal(err)
	}
	u.Hash, u.Unlisted = TasteHash(l, e.catalogue.Load()), true
	s.set(u)
	if err := e.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, want := recommend(t, e, "requester", Query{Page: 2})
	got, err := e.RecommendList(t.Context(), l, Query{Page: 2})
	if err != nil || !slices.Equal(ids(got.Data.Items), ids(want)) || len(want) != PageSize {
		t.Errorf("RecommendList() = %v, %v; want %v", ids(got.Data.Items), err, ids(want))
	}
	for _, test := range []struct {
		list List
		want error
	}{{nil, ErrEmptyList}, {List{{Anime: 1, Status: Planned}}, ErrEmptyList}, {List{{Anime: MaxAnimeID, Status: Completed, Episodes: 1}}, ErrNoHash}} {
		if _, err := e.RecommendList(t.Context(), test.list, Query{}); !errors.Is(err, test.want) {
			t.Errorf("RecommendList(%v) = %v, want %v", test.list, err, test.want)
		}
	}
	some := slices.SortedFunc(e.catalogue.Load().All(), func(a, b *Anime) int { return cmp.Compare(a.ID, b.ID) })[:3]
	if m, x := e.Matches(l, some), e.Expected(l, some); len(m) != 3 || m[0] <= m[2] || !slices.Equal(x, []float64{2, 3, 4}) {
		t.Errorf("Matches() = %v, Expected() = %v", m, x)
	}
}
