package eval

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"reko.moe/engine"
)

// MinWatched is how many watched entries a list needs to be worth splitting.
const MinWatched = 20

// Case is a user whose list is split: what is folded in is shown to an order, what is held out is what it should find.
type Case struct {
	Name    string
	FoldIn  engine.List
	HeldOut engine.List
}

// Split holds out the fifth of the watched entries whose keys are smallest. Planned, dropped and on-hold entries stay in the
// fold-in. ok is false for lists with fewer than [MinWatched] watched entries.
func Split(name string, l engine.List) (c Case, ok bool) {
	type keyed struct {
		key uint64
		at  int
	}
	number := Number(name)
	var watched []keyed
	for i := range l {
		if l[i].Watched() {
			watched = append(watched, keyed{key(number, l[i].Anime), i})
		}
	}
	if len(watched) < MinWatched {
		return Case{}, false
	}
	slices.SortFunc(watched, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
	held := make([]bool, len(l))
	for _, w := range watched[:len(watched)/5] {
		held[w.at] = true
	}
	c.Name = name
	for i := range l {
		if held[i] {
			c.HeldOut = append(c.HeldOut, l[i])
		} else {
			c.FoldIn = append(c.FoldIn, l[i])
		}
	}
	return c, true
}

// Cut leaves n of the watched entries of a fold-in, those with the largest keys, and nothing else: a newcomer's list.
func (c Case) Cut(n int) Case {
	number := Number(c.Name)
	watched := slices.DeleteFunc(slices.Clone(c.FoldIn), func(e engine.Entry) bool { return !e.Watched() })
	if len(watched) <= n {
		return Case{c.Name, watched, c.HeldOut}
	}
	keys := make([]uint64, len(watched))
	for i := range watched {
		keys[i] = key(number, watched[i].Anime)
	}
	slices.Sort(keys)
	least := keys[len(keys)-n]
	watched = slices.DeleteFunc(watched, func(e engine.Entry) bool { return key(number, e.Anime) < least })
	return Case{c.Name, watched, c.HeldOut}
}

// Number is the user's number in the protocol: n for the name un, as imports call users that are numbered; for other names a
// hash of the name.
func Number(name string) uint64 {
	if digits, ok := strings.CutPrefix(name, "u"); ok {
		if n, err := strconv.ParseUint(digits, 10, 64); err == nil {
			return n
		}
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return h.Sum64()
}

// The constants of splitmix64 (Steele, Lea and Flood, “Fast splittable pseudorandom number generators”, 2014), and a seed.
const (
	golden = 0x9E3779B97F4A7C15
	mixA   = 0xBF58476D1CE4E5B9
	mixB   = 0x94D049BB133111EB
	seed   = 20191121
)

// key orders a user's entries the same everywhere, without a random generator.
func key(user uint64, anime engine.AnimeID) uint64 {
	x := uint64(seed)
	x = x*golden + user*mixA + uint64(anime)*mixB
	x = (x ^ x>>30) * mixA
	x = (x ^ x>>27) * mixB
	return x ^ x>>31
}
