package heldout

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
	Aside   []engine.AnimeID // neither folded in nor to be found: passed over where an order names it
}

// Split holds out the fifth of the watched entries whose keys are smallest. Planned, dropped and on-hold entries stay in the
// fold-in. ok is false for lists with fewer than [MinWatched] watched entries.
func Split(name string, l engine.List) (c Case, ok bool) {
	keys := watchedKeys(name, l)
	if len(keys) < MinWatched {
		return Case{}, false
	}
	c.Name = name
	number, held := Number(name), keys[len(keys)/5]
	for i := range l {
		if l[i].Watched() && key(number, l[i].Anime) < held {
			c.HeldOut = append(c.HeldOut, l[i])
		} else {
			c.FoldIn = append(c.FoldIn, l[i])
		}
	}
	return c, true
}

// Cut leaves of the fold-in n watched entries, those with the largest keys, beside what is planned, on hold and dropped: a
// newcomer's list. ok is false when there are fewer.
func (c *Case) Cut(n int) (newcomer Case, ok bool) {
	keys := watchedKeys(c.Name, c.FoldIn)
	if len(keys) < n {
		return Case{}, false
	}
	newcomer = Case{Name: c.Name, HeldOut: c.HeldOut}
	number, least := Number(c.Name), keys[len(keys)-n]
	for i := range c.FoldIn {
		if e := c.FoldIn[i]; !e.Watched() || key(number, e.Anime) >= least {
			newcomer.FoldIn = append(newcomer.FoldIn, e)
		} else {
			newcomer.Aside = append(newcomer.Aside, e.Anime)
		}
	}
	return newcomer, true
}

// watchedKeys are the keys of the watched entries, ascending.
func watchedKeys(name string, l engine.List) []uint64 {
	var keys []uint64
	number := Number(name)
	for i := range l {
		if l[i].Watched() {
			keys = append(keys, key(number, l[i].Anime))
		}
	}
	slices.SortFunc(keys, cmp.Compare[uint64])
	return keys
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
