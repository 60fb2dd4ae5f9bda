package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// Comparison is another user as seen from the requester.
type Comparison struct {
	Neighbour
	Shared    []Shared         // watched by both, where they are furthest apart first; unscored ones last
	ForThem   []Recommendation // what the other could watch of the requester's, best first, at most a page
	ForMe     []Recommendation // what the requester could watch of the other's
	SharedAll int              // of all that is on either list, how much is on both, in percent
}

// Shared is an anime that two users watched.
type Shared struct {
	Anime        *Anime
	Mine, Theirs int // scores, 0: unscored
}

// Scored tells whether both scored it.
func (s *Shared) Scored() bool { return s.Mine > 0 && s.Theirs > 0 }

// Apart is how far the scores are apart.
func (s *Shared) Apart() int { return max(s.Mine-s.Theirs, s.Theirs-s.Mine) }

// Between returns how similar the other user is to the named one: what [Engine.Compare] says without a look at the lists, and so all that is
// said while the store does not answer.
func (e *Engine) Between(ctx context.Context, name, other string) (Answer[Neighbour], error) {
	u, err := e.taste(ctx, name)
	if err != nil {
		return Answer[Neighbour]{}, err
	}
	o, err := e.taste(ctx, other)
	if err != nil {
		return Answer[Neighbour]{}, err
	}
	return Answer[Neighbour]{Requester: e.requester(u), Data: Neighbour{card(o), Distance(u.Hash, o.Hash)}}, nil
}

// Compare returns the other user as seen from the named one.
func (e *Engine) Compare(ctx context.Context, name, other string) (Answer[Comparison], error) {
	none := Answer[Comparison]{}
	u, err := e.user(ctx, name)
	if err != nil {
		return none, err
	}
	o, err := e.user(ctx, other)
	if err != nil {
		return none, err
	}
	distance := Distance(u.Hash, o.Hash)
	c := Comparison{Neighbour: Neighbour{card(o), distance}}
	if c.Shared, c.SharedAll, err = e.shared(u, o); err != nil {
		return none, err
	}
	if c.ForMe, err = e.top(ctx, u, o, distance); err != nil {
		return none, err
	}
	if c.ForThem, err = e.top(ctx, o, u, distance); err != nil {
		return none, err
	}
	return Answer[Comparison]{Requester: e.requester(u), Data: c}, nil
}

// top is the first page of what to can add from from's list.
func (e *Engine) top(ctx context.Context, to, from User, distance int) ([]Recommendation, error) {
	found, err := e.lend(to, []Neighbour{{card(from), distance}}, []User{from})
	if err != nil {
		return nil, err
	}
	defer found.close()
	e.arrange(ctx, found, Query{}, true)
	var s shown // is the caller's
	e.recommend(ctx, found, &s, found.between(0, min(len(found.order), PageSize)), false)
	return s.recs, nil
}

// shared finds what two users watched both, and how much of their lists is the same.
func (e *Engine) shared(u, o User) (both []Shared, percent int, err error) {
	mine, err := u.List.Unpack(nil)
	if err != nil {
		return nil, 0, fmt.Errorf("list of %q: %w", u.Name, err)
	}
	theirs, err := o.List.Unpack(nil)
	if err != nil {
		return nil, 0, fmt.Errorf("list of %q: %w", o.Name, err)
	}
	c := e.catalogue.Load()
	place := make(map[AnimeID]int, len(mine))
	for i := range mine {
		place[mine[i].Anime] = i
	}
	onBoth := 0
	for i := range theirs {
		t := &theirs[i]
		at, on := place[t.Anime]
		if !on {
			continue
		}
		onBoth++
		a := c.Anime(t.Anime)
		if m := &mine[at]; a != nil && m.Watched() && t.Watched() {
			both = append(both, Shared{a, int(m.Score), int(t.Score)})
		}
	}
	slices.SortFunc(both, func(a, b Shared) int {
		return cmp.Or(
			compareBool(b.Scored(), a.Scored()),
			cmp.Compare(b.Apart(), a.Apart()),
			cmp.Compare(b.Mine+b.Theirs, a.Mine+a.Theirs),
			cmp.Compare(a.Anime.ID, b.Anime.ID),
		)
	})
	return both, 100 * onBoth / max(len(mine)+len(theirs)-onBoth, 1), nil
}

// compareBool orders false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
