package engine

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// NamesLike returns at most n users whose names are nearly the given one, the nearest first: names that it begins, and names
// that at most two letters more, less or other would make of it.
func (e *Engine) NamesLike(name string, n int) []Card {
	name = strings.ToLower(name)
	if len(name) > MaxName+2 {
		return nil
	}
	type match struct {
		card Card
		far  int
	}
	const most = 2
	var near []match
	letters := letterBitsOf(name)
	for b := range e.index.Load().blocks() {
		for i := range b.names {
			known, far := &b.names[i], most+1
			if letters.within(most, known) {
				far = edits(name, known.bytes(), most)
			}
			if far > most && len(name) >= 3 && strings.HasPrefix(string(known[:]), name) {
				far = most
			}
			if far <= most && far < max(len(name), 2) {
				near = append(near, match{b.card(i), far})
			}
		}
	}
	slices.SortFunc(near, func(a, b match) int {
		return cmp.Or(cmp.Compare(a.far, b.far), cmp.Compare(a.card.Name, b.card.Name))
	})
	cards := make([]Card, 0, n)
	for _, m := range near[:min(n, len(near))] {
		cards = append(cards, m.card)
	}
	return cards
}

// Some returns at most n users, evenly from the oldest to the newest: always the same ones while nobody comes or goes.
// Uploaded lists are not among them.
func (e *Engine) Some(n int) []Card {
	return slices.DeleteFunc(e.index.Load().evenly(n), func(c Card) bool { return strings.HasPrefix(c.Name, guestPrefix) })
}

// edits is the Levenshtein distance of two short strings; what is more than most is most + 1. Only places that are at most that
// far apart can belong together.
func edits(a string, b []byte, most int) int {
	if max(len(a)-len(b), len(b)-len(a)) > most || len(b) > MaxName {
		return most + 1
	}
	var rows [2][MaxName + 2]int
	last, row := &rows[0], &rows[1]
	for j := range last {
		last[j] = min(j, most+1)
	}
	for i := 1; i <= len(a); i++ {
		from, to := max(i-most, 1), min(i+most, len(b))
		least := most + 1
		if row[from-1] = most + 1; from == 1 {
			row[0] = i
			least = i
		}
		for j := from; j <= to; j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, last[j]+1, row[j-1]+1)
			least = min(least, row[j])
		}
		if least > most {
			return most + 1
		}
		row[to+1] = most + 1
		last, row = row, last
	}
	return min(last[len(b)], most+1)
}

// letterBits counts the bits of a name's letters, place by place. One letter more, less or other changes each count by at most one, so
// that most names need not be compared letter by letter.
type letterBits [5]int8

func letterBitsOf(s string) (t letterBits) {
	for i := range len(s) {
		for place := range t {
			t[place] += int8(s[i] >> place & 1)
		}
	}
	return t
}

// within tells whether the counts of n are at most so far from t.
func (t *letterBits) within(most int, n *name) bool {
	const ones = 0x0101_0101_0101_0101
	first, last := binary.LittleEndian.Uint64(n[:8]), binary.LittleEndian.Uint64(n[8:])
	for place, want := range t {
		got := bits.OnesCount64(first>>place&ones | last>>place&ones<<1)
		if by := got - int(want); by > most || -by > most {
			return false
		}
	}
	return true
}

// AnimeByID returns those of the anime that are described, in the order of ids.
func (e *Engine) AnimeByID(ids []AnimeID) []*Anime {
	c := e.catalogue.Load()
	anime := make([]*Anime, 0, len(ids))
	for _, id := range ids {
		if a := c.Anime(id); a != nil {
			anime = append(anime, a)
		}
	}
	return anime
}

// Explained is a user with what the taste hash was made from.
type Explained struct {
	Card
	Sums []int // of the statistics that [Compared] compares: bit i is set when Sums[i] > Sums[i+1]
}

// Explain returns what the named user's taste hash was made from.
func (e *Engine) Explain(ctx context.Context, name string) (Explained, error) {
	u, err := e.user(ctx, name)
	if err != nil {
		return Explained{}, err
	}
	l, err := u.List.Unpack(nil)
	if err != nil {
		return Explained{}, err
	}
	sums := hashSums(l, e.catalogue.Load())
	out := Explained{Card: card(u), Sums: make([]int, len(sums))}
	for i, s := range sums {
		out.Sums[i] = int(s)
	}
	return out, nil
}

// Stored returns the user of that name who is in the store, without asking the source. Nobody is [ErrNotFound].
func (e *Engine) Stored(ctx context.Context, name string) (Card, error) {
	canonical, ok := CanonicalName(name)
	if !ok {
		return Card{}, fmt.Errorf("user %.40q: %w", name, ErrNotFound)
	}
	u, err := e.opts.Store.User(ctx, canonical)
	return card(u), err
}

// Known is Stored where it makes no difference whether there is nobody or the store fails.
func (e *Engine) Known(ctx context.Context, name string) (Card, bool) {
	c, err := e.Stored(ctx, name)
	return c, err == nil
}
