package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// allOrders remembers everything, and says how often.
type allOrders struct {
	mu     sync.Mutex
	orders map[OrderKey]Remembered
	hits   int // orders and pages
	pages  int // of these
	near   int // searches
}

func (m *allOrders) Get(key OrderKey) (Remembered, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.orders[key]
	if r.Near.since > 0 || r.Near.cut > 0 {
		m.near++
	} else if ok {
		m.hits++
	}
	if len(r.Ballots) > 0 {
		m.pages++
	}
	return r, ok
}

func (m *allOrders) Set(key OrderKey, r Remembered) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.orders[key] = r
}

// moodyTrainer makes models that put everything in another order whenever anything is different.
type moodyTrainer struct{ trained *uint64 }

func (mt moodyTrainer) Train(context.Context, func() iter.Seq2[List, error], *Catalogue) ([]byte, error) {
	*mt.trained++
	return binary.LittleEndian.AppendUint64(nil, *mt.trained), nil
}

func (moodyTrainer) Read(data []byte) (Model, error) {
	return moodyModel(binary.LittleEndian.Uint64(data)), nil
}

type moodyModel uint64

func (m moodyModel) Fold(l List, c *Catalogue, without []AnimeID) Fold {
	f := &moodyFold{toyFold{catalogue: c}, rand.NewPCG(uint64(m), 0)}
	for i := range l {
		if !slices.Contains(without, l[i].Anime) {
			f.inputs = append(f.inputs, l[i].Anime)
		}
	}
	return f
}

type moodyFold struct {
	toyFold
	mood *rand.PCG
}

func (f *moodyFold) Matches(dst []float64, anime []AnimeID, niche int) []float64 {
	mood := f.mood.Uint64() + uint64(niche)
	for _, id := range f.inputs {
		mood += uint64(id) << 32
	}
	for _, id := range anime {
		dst = append(dst, rand.New(rand.NewPCG(mood, uint64(id))).Float64())
	}
	return dst
}

// orderWorld changes in all ways that an order can depend on.
type orderWorld struct {
	*memStore
	r     *rand.Rand
	now   time.Time
	names []string
}

const orderAnime = 120

func newOrderWorld(t *testing.T) *orderWorld {
	w := &orderWorld{memStore: newMemStore(), r: rand.New(rand.NewPCG(77, 1)), now: t0}
	var anime []Anime
	for id := AnimeID(1); id <= orderAnime; id++ {
		anime = append(anime, w.anime(id))
	}
	if err := w.SaveAnime(t.Context(), anime); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		w.names = append(w.names, fmt.Sprint("user", i))
		w.add(w.names[i], Hash(w.r.Uint64()|1), w.list()...)
	}
	return w
}

func (w *orderWorld) anime(id AnimeID) Anime {
	a := Anime{
		ID: id, Title: fmt.Sprint("Anime ", id), Type: []string{"tv", "movie"}[w.r.IntN(2)], Episodes: 1 + w.r.IntN(30), Mean: float64(50+w.r.IntN(40)) / 10,
		Members: w.r.IntN(1000), Start: Date{Year: 1990 + w.r.IntN(30)}, DescribedAt: w.now, RelatedAt: w.now,
	}
	for g := range 3 {
		if w.r.IntN(2) == 0 {
			a.Genres = append(a.Genres, Genre{ID: g + 1, Name: fmt.Sprint("Genre ", g+1)})
		}
	}
	if w.r.IntN(5) == 0 {
		a.Relations = []Relation{{ID: AnimeID(1 + w.r.IntN(orderAnime)), Type: "sequel"}}
	}
	if w.r.IntN(8) == 0 {
		a.Parent = 1
	}
	return a
}

func (w *orderWorld) list() List {
	var changes []Change
	for _, i := range w.r.Perm(orderAnime)[:20+w.r.IntN(40)] {
		c := Change{Entry: completed(AnimeID(i+1), uint8(w.r.IntN(11)))}
		if w.r.IntN(3) > 0 {
			c.At = t0.AddDate(0, 0, -w.r.IntN(3000))
		}
		changes = append(changes, c)
	}
	l, err := NewList(changes)
	if err != nil {
		panic(err)
	}
	return l
}

// change changes something.
func (w *orderWorld) change(t *testing.T, e *Engine) {
	t.Helper()
	var err error
	id := AnimeID(1 + w.r.IntN(orderAnime))
	switch w.r.IntN(7) {
	case 0: // fetched at the same time, as a file would say
		err = e.ImportUsers(t.Context(), []User{{Name: w.names[w.r.IntN(len(w.names))], Origin: FromFile, List: w.list().Pack(), FetchedAt: t0}})
		if err == nil {
			err = e.ImportDone(t.Context())
		}
	case 1: // a list that was fetched said more
		err = e.describe(t.Context(), []Anime{w.anime(id)})
	case 2:
		if err = e.ImportAnime(t.Context(), []Anime{w.anime(id)}); err == nil {
			err = e.ImportDone(t.Context())
		}
	case 3:
		err = e.Exclude(t.Context(), id, "admin")
	case 4:
		err = e.Include(t.Context(), id)
	case 5:
		_, err = e.TrainModel(t.Context())
	case 6:
		w.now = w.now.AddDate(1, 0, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (w *orderWorld) query() Query {
	some := func() []AnimeID {
		var ids []AnimeID
		for range w.r.IntN(3) {
			ids = append(ids, AnimeID(1+w.r.IntN(4)))
		}
		return ids
	}
	q := Query{Page: 1 + w.r.IntN(3), Batch: 1, Order: []Order{Taste, Classic, ""}[w.r.IntN(3)], Niche: w.r.IntN(2), Bare: w.r.IntN(2) > 0}
	if w.r.IntN(2) == 0 {
		q.Without = some()
	}
	f := &q.Filter
	switch w.r.IntN(12) {
	case 0:
		f.With = []int{1 + w.r.IntN(3)}
	case 1:
		f.Without = []int{1 + w.r.IntN(3)}
	case 2:
		f.From, f.To = 1990+w.r.IntN(20), 2000+w.r.IntN(20)
	case 3:
		f.MinMean = float64(50+w.r.IntN(40)) / 10
	case 4:
		f.MinMembers, f.MaxMembers = w.r.IntN(500), w.r.IntN(1000)
	case 5:
		f.Type = []string{"tv", "movie", "none"}[w.r.IntN(3)]
	case 6:
		f.Hidden = some()
	case 7:
		f.Length = Statistics[statLength+w.r.IntN(3)].Name
	}
	return q
}

// A remembered order is never told from one that is made anew, whatever changed meanwhile.
func TestRememberedOrdersAreThoseOfNow(t *testing.T) {
	w := newOrderWorld(t)
	memory := &allOrders{orders: map[OrderKey]Remembered{}}
	now := func() time.Time { return w.now }
	trainer := moodyTrainer{new(uint64)}
	e := loaded(t, Options{Store: w, Now: now, Trainer: trainer, Orders: memory})
	steps := 50
	if testing.Short() {
		steps = 20
	}
	for range steps {
		w.change(t, e)
		plain := New(Options{Store: w, Now: now, Trainer: trainer})
		if err := plain.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			q, seed := w.query(), w.r.Uint64N(5)
			me, other := w.names[w.r.IntN(2)], w.names[2+w.r.IntN(2)]
			for range 2 { // the second time it is known
				for _, question := range []func(e *Engine) (any, error){
					func(e *Engine) (any, error) { return e.Recommend(t.Context(), me, q) },
					func(e *Engine) (any, error) { return e.RecommendFrom(t.Context(), me, other, q) },
					func(e *Engine) (any, error) { return e.Random(t.Context(), me, q, &seed) },
				} {
					got, err := question(e)
					want, wantErr := question(plain)
					if !reflect.DeepEqual(got, want) || (err == nil) != (wantErr == nil) {
						t.Fatalf("%s, %s, %+v: %+v (%v)\ninstead of %+v (%v)", me, other, q, got, err, want, wantErr)
					}
				}
			}
		}
	}
	if memory.hits < steps*20 || memory.pages < steps*5 {
		t.Errorf("only %d orders and pages were remembered, pages %d times", memory.hits, memory.pages)
	}
}

// One lender's list is ordered in another way when it is asked for alone than when there are no other neighbours.
func TestRememberedOrderOfOneListIsItsOwn(t *testing.T) {
	s := newMemStore()
	s.recommendable(1, 2, 3)
	s.add("me", 1, completed(3, 9))
	old, fresh := completed(1, 10), completed(2, 7)
	old.Day, fresh.Day = DayOf(t0.AddDate(-4, -2, 0)), DayOf(t0)
	s.add("other", 2, fresh, old)
	memory := &allOrders{orders: map[OrderKey]Remembered{}}
	e := loaded(t, Options{Store: s, Now: clock, Order: Classic, Orders: memory})
	for range 2 {
		if _, recs := recommend(t, e, "me", Query{}); !slices.Equal(ids(recs), []AnimeID{2, 1}) {
			t.Errorf("of all neighbours: %v", ids(recs))
		}
		from, err := e.RecommendFrom(t.Context(), "me", "other", Query{})
		if err != nil || !slices.Equal(ids(from.Data.Items), []AnimeID{1, 2}) {
			t.Errorf("of one user: %v, %v", ids(from.Data.Items), err)
		}
	}
	if memory.hits != 2 {
		t.Errorf("%d orders were remembered", memory.hits)
	}
}

// A list that is damaged after an order with its anime was remembered has no votes, and what nobody else votes for is not drawn.
func TestListThatIsDamagedBehindARememberedOrder(t *testing.T) {
	s := newMemStore()
	s.recommendable(1, 2, 3)
	s.add("me", 1, completed(3, 9))
	s.add("near", 2, completed(1, 10))
	l := List{completed(1, 6), completed(2, 7)}
	s.add("far", 3, l...)
	var said bytes.Buffer
	e := loaded(t, Options{
		Store: s, Now: clock, Orders: &allOrders{orders: map[OrderKey]Remembered{}}, Log: slog.New(slog.NewTextHandler(&said, nil)),
	})
	draw := func() []Recommendation {
		t.Helper()
		d, err := e.Random(t.Context(), "me", Query{Bare: true}, new(uint64))
		if err != nil {
			t.Fatal(err)
		}
		return d.Data.Picks
	}
	if picks := draw(); len(picks) != 2 || said.Len() > 0 {
		t.Fatalf("%v; it says %s", ids(picks), &said)
	}
	p := l.Pack()
	p[len(p)-packedChecksum-1] ^= 1
	s.mu.Lock()
	s.set(User{Name: "far", Origin: FromFile, Hash: 3, List: p, FetchedAt: t0})
	s.mu.Unlock()
	if picks := draw(); !slices.Equal(ids(picks), []AnimeID{1}) || len(picks[0].Votes) != 1 || picks[0].Score != 10 {
		t.Errorf("%v", picks)
	}
	if !strings.Contains(said.String(), "user=far") {
		t.Errorf("it says %q, and not whose list", &said)
	}
}

func TestPackedOrderKeepsEveryID(t *testing.T) {
	want := []AnimeID{1, MaxAnimeID, longID<<8 - 1, longID << 8, 255, 256, 1<<16 - 1, 1 << 16, 52991}
	packed := pack(want)
	if got := packed.unpack(make([]AnimeID, 3)); !slices.Equal(got, want) {
		t.Errorf("%v became %v", want, got)
	}
	if len(packed) != 5*2+4*4 {
		t.Errorf("%d bytes", len(packed))
	}
}
