// Package crowd makes up any number of users who watch like given ones, to measure Reko with more users than there are lists.
//
// Everybody made up is a mixture of real lists: most entries are drawn from one, most others from somebody with a similar taste,
// and a few from anybody. Drawing from lists keeps what a distribution of one figure would lose: which anime go together, who
// scores how, and that long lists have what short ones have not. The hashes then lie in clusters like those of the lists that
// were given, see [Measure].
package crowd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"reko.moe/engine"
)

// The constants of the mixture: those at which the made hashes lie as the real ones do, see docs/performance.md.
const (
	shareLeast  = 0.45 // of a list's entries, how many are from the first list
	shareMost   = 0.85
	stray       = 0.04 // how many are from anybody
	alike       = 48   // how many similar users the second list is drawn from
	lengthNoise = 0.15 // of a list's length, as a standard deviation of its logarithm
	rescored    = 0.25 // of the scores, how many are off by one
	mostMixed   = 12   // lists that one list is mixed from
)

// Options are the settings of a [Crowd].
type Options struct {
	Seed uint64
	Mean int // entries of a list, on average; 0: as many as in the given lists
}

// Crowd makes lists. It is safe for concurrent use.
type Crowd struct {
	seed   uint64
	lists  []engine.List
	near   [][]uint32 // of lists[i], those of the most similar users
	starts []int      // of lists[i] among all entries; one more at the end
	scale  float64    // from given lengths to made ones
	top    engine.AnimeID
}

// New makes a crowd that is like lists, whose taste is told by the catalogue. It keeps lists.
func New(lists []engine.List, c *engine.Catalogue, o Options) (*Crowd, error) {
	lists = slices.DeleteFunc(slices.Clone(lists), func(l engine.List) bool { return len(l) == 0 })
	if len(lists) == 0 {
		return nil, errors.New("no lists to make others like")
	}
	x := &Crowd{seed: o.Seed, lists: lists, starts: make([]int, 1, len(lists)+1), scale: 1}
	cards := make([]engine.Card, len(lists))
	for i, l := range lists {
		cards[i] = engine.Card{ID: engine.UserID(i + 1), Hash: engine.TasteHash(l, c)}
		x.starts = append(x.starts, x.starts[i]+len(l))
		for j := range l {
			x.top = max(x.top, l[j].Anime)
		}
	}
	if o.Mean > 0 {
		x.scale = float64(o.Mean) * float64(len(lists)) / float64(x.starts[len(lists)])
	}
	index := engine.NewIndex(cards)
	x.near = make([][]uint32, len(lists))
	for i, card := range cards {
		near, _ := index.Nearest(card.Hash, card.ID, 0, alike)
		for _, n := range near {
			x.near[i] = append(x.near[i], uint32(n.ID-1))
		}
		if len(near) == 0 {
			x.near[i] = []uint32{uint32(i)}
		}
	}
	return x, nil
}

// Name is the name of user n: nobody chooses one with two hyphens.
func Name(n int) string { return fmt.Sprint("made--", n) }

// Maker makes lists of a crowd, one at a time.
type Maker struct {
	*Crowd
	seen  []uint32 // by anime: the turn in which it came onto the list
	turn  uint32
	order []uint32
	list  engine.List
}

// Maker returns a new maker.
func (x *Crowd) Maker() *Maker { return &Maker{Crowd: x, seen: make([]uint32, x.top+1)} }

// List returns the list of user n, which depends on nothing but the crowd and n. It is the maker's again at the next call.
func (m *Maker) List(n int) engine.List {
	r := rand.New(rand.NewPCG(m.seed, uint64(n)))
	m.turn++
	m.list = m.list[:0]
	first := r.IntN(len(m.lists))
	length := float64(len(m.lists[first])) * m.scale * math.Exp(lengthNoise*r.NormFloat64()-lengthNoise*lengthNoise/2)
	want := max(int(math.Round(length)), 1)
	m.take(r, m.lists[first], int(math.Ceil(length*(shareLeast+(shareMost-shareLeast)*r.Float64()))))
	for range int(math.Round(length * stray)) {
		m.add(m.any(r))
	}
	for range mostMixed {
		if len(m.list) >= want {
			break
		}
		near := m.near[first]
		m.take(r, m.lists[near[r.IntN(len(near))]], want-len(m.list))
	}
	for i := range m.list {
		if e := &m.list[i]; e.Score > 0 && r.Float64() < rescored {
			e.Score = uint8(min(max(int(e.Score)+1-2*r.IntN(2), 1), engine.MaxScore))
		}
	}
	slices.SortFunc(m.list, func(a, b engine.Entry) int {
		return cmp.Or(cmp.Compare(b.Day, a.Day), cmp.Compare(a.Anime, b.Anime))
	})
	return m.list
}

// take adds n entries of l, as far as there are so many that are not there yet, each as likely as the others.
func (m *Maker) take(r *rand.Rand, l engine.List, n int) {
	m.order = m.order[:0]
	for i := range l {
		m.order = append(m.order, uint32(i))
	}
	for left := m.order; n > 0 && len(left) > 0; left = left[1:] {
		k := r.IntN(len(left))
		left[0], left[k] = left[k], left[0]
		if m.add(l[left[0]]) {
			n--
		}
	}
}

// any returns one of all entries.
func (m *Maker) any(r *rand.Rand) engine.Entry {
	at := r.IntN(m.starts[len(m.lists)])
	i, found := slices.BinarySearch(m.starts, at)
	if !found {
		i--
	}
	return m.lists[i][at-m.starts[i]]
}

// add adds an entry unless its anime is there.
func (m *Maker) add(e engine.Entry) bool {
	if m.seen[e.Anime] == m.turn {
		return false
	}
	m.seen[e.Anime] = m.turn
	m.list = append(m.list, e)
	return true
}

// Made is a made user's number and packed list.
type Made struct {
	N    int
	List engine.Packed
}

// Batches makes users from..to, in batches of size that several goroutines make ahead, and calls do with each in turn. It stops
// at the first error, or when ctx is done.
func (x *Crowd) Batches(ctx context.Context, from, to, size, workers int, do func([]Made) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := make(chan chan []Made, workers) // in the order of users
	work := make(chan func(*Maker))
	for range workers {
		go func() {
			m := x.Maker()
			for job := range work {
				job(m)
			}
		}()
	}
	go func() {
		defer close(work)
		defer close(queue)
		for ; from <= to; from += size {
			first, last, done := from, min(from+size-1, to), make(chan []Made, 1)
			select {
			case queue <- done:
			case <-ctx.Done():
				return
			}
			work <- func(m *Maker) {
				batch := make([]Made, 0, last-first+1)
				for n := first; n <= last; n++ {
					batch = append(batch, Made{n, m.List(n).Pack()})
				}
				done <- batch
			}
		}
	}()
	var err error
	for done := range queue {
		if batch := <-done; err == nil {
			if err = cmp.Or(ctx.Err(), do(batch)); err != nil {
				cancel()
			}
		}
	}
	return cmp.Or(err, ctx.Err())
}
