package engine

import (
	"cmp"
	"context"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
)

// NewMemStore returns a store in memory with anime and users.
func NewMemStore(anime []Anime, users []User) Store {
	s := newMemStore()
	for _, a := range anime {
		s.mention(a.ID).Anime = a
	}
	for _, u := range users {
		s.last++
		u.ID = s.last
		s.users[u.ID] = u
	}
	return s
}

// Alike searches as [Engine.RecommendAlike] does in one passage.
func (e *Engine) Alike(ctx context.Context, u User, accuracy float64, banned func(string) bool) ([]UserID, error) {
	m := e.profiles.matcher()
	me, err := e.subject(m.population, u)
	if err != nil {
		return nil, err
	}
	return e.alikes(m, me, banned).find(ctx, accuracy)
}

// Stand is where a user stands.
type Stand struct {
	User
	Entries int
	Ranks   *Ranks
}

// Stands are all users that can be found.
func (e *Engine) Stands(ctx context.Context) ([]Stand, error) {
	var all []Stand
	m := e.profiles.matcher()
	err := e.eachProfile(e.opts.Store.AllUsers(ctx), func(u User, p *Profile) {
		if p.Entries > 0 {
			all = append(all, Stand{u, p.Entries, m.population.Ranks(p)})
		}
	})
	return all, err
}

// PlainAlike is what Alike finds, found by looking at everybody.
func PlainAlike(all []Stand, me Stand, accuracy float64, banned func(string) bool) []UserID {
	most := tolerances(len(all), accuracy)
	var found []Stand
	for _, s := range all {
		if s.ID != me.ID && (banned == nil || !banned(s.Name)) && plainWithin(me.Ranks, s.Ranks, most) {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b Stand) int { return cmp.Or(cmp.Compare(b.Entries, a.Entries), cmp.Compare(a.ID, b.ID)) })
	var ids []UserID
	for _, s := range found[:min(len(found), MaxAlike)] {
		ids = append(ids, s.ID)
	}
	return ids
}

func plainWithin(a, b *Ranks, most *values) bool {
	for s := range most {
		for m := range most[s] {
			if math.Abs(a.values[s][m]-b.values[s][m]) > most[s][m] {
				return false
			}
		}
	}
	return true
}

// manyStore has every user of a store many times.
type manyStore struct {
	Store
	base UserID // users of Store
}

func (s manyStore) Users(ctx context.Context, users []User, ids []UserID) ([]User, error) {
	for _, id := range ids {
		one, err := s.Store.Users(ctx, nil, []UserID{(id-1)%s.base + 1})
		if err != nil {
			return nil, err
		}
		one[0].ID = id
		users = append(users, one...)
	}
	return users, nil
}

// Multiply makes n users of those there are, each a little different in memory.
func (e *Engine) Multiply(n int) {
	r := rand.New(rand.NewPCG(54, 54))
	base := e.profiles.matcher()
	m := newMatcher(base.population)
	for i := range n {
		on := base.pages[i%base.count/profiledAPage] // all but the last are full
		from := i % base.count % profiledAPage
		changed := on.rows[from]
		entries := on.entries[from]
		if i >= base.count {
			entries = uint32(max(1, float64(entries)*(0.9+r.Float64()/5)))
			for at := range changed {
				if changed[at] != missingRank {
					changed[at] = uint8(min(max(int(changed[at])+r.IntN(9)-4, 0), rankSteps))
				}
			}
		}
		m.put(UserID(i+1), int(entries), changed, true)
	}
	e.opts.Store = manyStore{e.opts.Store, UserID(base.count)}
	e.profiles.now.Store(m)
}

// everybody yields the ids of a matcher in its order, and how many entries each has.
func (m *matcher) everybody() iter.Seq2[UserID, uint32] {
	return func(yield func(UserID, uint32) bool) {
		for _, on := range m.pages {
			for i, id := range on.ids {
				if !yield(id, on.entries[i]) {
					return
				}
			}
		}
	}
}

// ProfileOf is [ProfileOf] with the engine's catalogue.
func (e *Engine) ProfileOf(l List) *Profile { return ProfileOf(l, e.catalogue.Load()) }

// Census makes the population.
func (e *Engine) Census(ctx context.Context) error {
	_, err := e.census(e.opts.Store.AllUsers(ctx))
	return err
}
