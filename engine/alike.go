package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// MaxRekos is how many anime [Engine.RecommendAlike] recommends at most.
const MaxRekos = 24

// RefreshEvery is how soon a list can be fetched again by [Engine.Refresh].
const RefreshEvery = 10 * time.Minute

// Refresh fetches the list of the named user again, unless that happened less than [RefreshEvery] ago, it cannot be, or just
// failed. When it fails the stored list is as it was. Nothing happens to a user that is not in the store. See
// [Manners].
func (e *Engine) Refresh(ctx context.Context, name string) error {
	canonical, ok := CanonicalName(name)
	if !ok {
		return fmt.Errorf("user %.40q: %w", name, ErrNotFound)
	}
	u, err := e.opts.Store.User(ctx, canonical)
	if err != nil {
		if errors.Is(err, ErrNotFound) {
			err = nil // there is nothing to refresh
		}
		return err
	}
	now := e.opts.Now()
	due := e.opts.Source != nil && u.Origin == FromMAL && older(u.FetchedAt, now, RefreshEvery)
	if due && e.holds.err(canonical, now) == nil {
		if err := e.leave(ctx, canonical); err != nil {
			return err
		}
		_, err = e.fetch(ctx, canonical, u)
	}
	return err
}

// FetchNow fetches the list of the named user again, whenever that was done last, and returns it. A user whose list does not
// come from the source is [ErrInvalid].
func (e *Engine) FetchNow(ctx context.Context, name string) (User, error) {
	canonical, ok := CanonicalName(name)
	if !ok {
		return User{}, fmt.Errorf("user %.40q: %w", name, ErrNotFound)
	}
	u, err := e.opts.Store.User(ctx, canonical)
	switch {
	case err != nil:
		return User{}, err
	case u.Origin != FromMAL:
		return User{}, fmt.Errorf("the list of %q comes from elsewhere: %w", canonical, ErrInvalid)
	case e.opts.Source == nil:
		return User{}, errNoSource
	}
	return e.fetch(ctx, canonical, u)
}

// latest is user, after a refresh if that is wanted: an old list is better than none, but who may not refresh is told so.
func (e *Engine) latest(ctx context.Context, name string, refresh bool) (User, error) {
	if refresh {
		if err := e.Refresh(ctx, name); errors.Is(err, ErrStore) || errors.Is(err, ErrNoLeave) {
			return User{}, err
		}
	}
	return e.user(ctx, name)
}

// AlikeQuery says which recommendations are wanted from users with similar profiles.
type AlikeQuery struct {
	Accuracy float64 // of the search, 0..100
	Refresh  bool    // fetch the user's list first, see [Engine.Refresh]
	Without  map[AnimeID]bool
	Banned   func(name string) bool // users to leave out; nil: none
}

// Alike is somebody with a similar profile.
type Alike struct {
	Card
	Affinity float64 // see [Affinity]
	Found    int     // anime that the requester could add
	Sent     int     // those of them in the answer
}

// Reko is a recommended anime.
type Reko struct {
	Anime     *Anime
	Score     float64 // predicted: by the item model or, without one, [ExpectedScore]
	Enjoyment float64 // see [ExpectedEnjoyment]
	Users     []int   // places in Rekos.Users of those who have it, ascending
}

// Rekos are recommendations from users with similar profiles.
type Rekos struct {
	Users    []Alike // the longest lists first
	Items    []Reko  // at most [MaxRekos], what will be enjoyed most first
	Found    int     // anime that could be recommended
	Passages int     // searches that it took
	Accuracy float64 // of the last one
}

// RecommendAlike recommends what the users with the most similar profiles watched and the named user could. Similar are those
// of whom every value is within a tolerance of the user's. If those are too few the search is repeated, less accurate each
// time.
func (e *Engine) RecommendAlike(ctx context.Context, name string, q AlikeQuery) (Answer[Rekos], error) {
	none := Answer[Rekos]{}
	u, err := e.latest(ctx, name, q.Refresh)
	if err != nil {
		return none, err
	}
	m, err := e.profiles.await(ctx)
	if err != nil {
		return none, err
	}
	me, err := e.subject(m.population, u)
	if err != nil {
		return none, err
	}
	out := Rekos{Accuracy: q.Accuracy}
	a := e.alikes(m, me, q.Banned)
	var found []UserID
	for out.Passages = 1; ; out.Passages++ {
		if found, err = a.find(ctx, out.Accuracy); err != nil {
			return none, err
		}
		if len(found) >= enoughAlike || out.Passages == MaxPassages {
			break
		}
		out.Accuracy = max(out.Accuracy-lessAccurate, 0)
	}
	near := make([]Neighbour, len(found))
	lenders := make([]User, len(found))
	out.Users = make([]Alike, len(found))
	for i, id := range found {
		lenders[i] = a.users[id]
		near[i] = Neighbour{Card: card(lenders[i])}
		out.Users[i] = Alike{Card: near[i].Card, Affinity: Affinity(me.ranks, m.population.Ranks(a.profiles[id]))}
	}
	p, err := e.lend(u, near, lenders)
	if err != nil {
		return none, err
	}
	defer p.close()
	e.gather(ctx, p, false)
	p.fold = p.model.fold(p.own, p.catalogue, nil)
	p.ranked = slices.DeleteFunc(p.ranked, func(el eligible) bool { return q.Without[el.id] })
	p.rankByEnjoyment(me)
	out.fill(p, e.vote(ctx, p, p.ranked), me)
	return Answer[Rekos]{Requester: e.requester(u), Data: out}, nil
}

// subject is the user for whom others are searched.
type subject struct {
	id      UserID
	profile *Profile
	ranks   *Ranks
}

func (e *Engine) subject(among *Population, u User) (*subject, error) {
	p, err := e.profile(u)
	if err != nil {
		return nil, err
	}
	return &subject{u.ID, p, among.Ranks(p)}, nil
}

// profile makes the profile of a user.
func (e *Engine) profile(u User) (*Profile, error) {
	l, err := u.List.Unpack(nil)
	if err != nil {
		return nil, fmt.Errorf("list of %q: %w", u.Name, err)
	}
	return ProfileOf(l, e.catalogue.Load()), nil
}

// rankByEnjoyment puts what is eligible in the order of expected enjoyment; ties by anime id.
func (p *pool) rankByEnjoyment(me *subject) {
	for i := range p.ranked {
		p.ranked[i].value = ExpectedEnjoyment(me.profile, me.ranks, p.catalogue.Anime(p.ranked[i].id))
	}
	p.sort()
}

// fill answers the best of p, whose votes are those of out.Users, and counts.
func (out *Rekos) fill(p *pool, ballots Ballots, me *subject) {
	out.Found = len(p.ranked)
	out.Items = make([]Reko, 0, min(len(p.ranked), MaxRekos))
	at := make(map[UserID]int, len(out.Users))
	for i := range out.Users {
		at[out.Users[i].ID] = i
	}
	for i, votes := range p.votes(new(shown), ballots, len(p.ranked)) {
		users := make([]int, len(votes))
		for k := range votes {
			by := at[votes[k].ID]
			users[k] = by
			out.Users[by].Found++
			if i < MaxRekos {
				out.Users[by].Sent++
			}
		}
		if i < MaxRekos {
			el := &p.ranked[i]
			a := p.catalogue.Anime(el.id)
			out.Items = append(out.Items, Reko{a, p.expected(me.profile, a), el.value, users})
		}
	}
}

// expected predicts the requester's score of an anime: by the item model where there is one, since that errs less on scores
// held out (see docs/adr).
func (p *pool) expected(me *Profile, a *Anime) float64 {
	if p.fold != nil {
		if score := p.fold.Expected(a); score > 0 {
			return score
		}
	}
	return ExpectedScore(me, a)
}

// alikes searches users with similar profiles. Those that were looked at once are kept for the next passage.
type alikes struct {
	engine   *Engine
	matcher  *matcher
	me       *subject
	banned   func(name string) bool
	users    map[UserID]User
	profiles map[UserID]*Profile // nil: cannot be found
}

func (e *Engine) alikes(m *matcher, me *subject, banned func(string) bool) *alikes {
	return &alikes{engine: e, matcher: m, me: me, banned: banned, users: map[UserID]User{}, profiles: map[UserID]*Profile{}}
}

// find returns the at most [MaxAlike] longest lists whose profiles are similar with that accuracy.
func (a *alikes) find(ctx context.Context, accuracy float64) ([]UserID, error) {
	most := tolerances(a.matcher.users(), accuracy)
	s := a.matcher.search(a.me, most)
	var found []UserID
	var last hit
	for size := MaxAlike; ; size = min(2*size, 256) {
		hits := a.matcher.longest(s, size, last)
		if err := a.look(ctx, hits); err != nil {
			return nil, err
		}
		for _, h := range hits {
			p := a.profiles[h.id]
			if p == nil || !a.matcher.population.within(a.me.ranks, p, most) {
				continue
			}
			if found = append(found, h.id); len(found) == MaxAlike {
				return found, nil
			}
		}
		if len(hits) < size {
			return found, nil
		}
		last = hits[len(hits)-1]
	}
}

// look gets the whole profiles of users that were not looked at before.
func (a *alikes) look(ctx context.Context, hits []hit) error {
	var missing []UserID
	for _, h := range hits {
		if _, ok := a.profiles[h.id]; !ok {
			a.profiles[h.id] = nil
			missing = append(missing, h.id)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	users, err := a.engine.opts.Store.Users(ctx, nil, missing)
	if err != nil {
		return err
	}
	for _, u := range users {
		if u.Hidden() || a.banned != nil && a.banned(u.Name) {
			continue
		}
		p, err := a.engine.profile(u)
		if err != nil {
			a.engine.opts.Log.ErrorContext(ctx, "stored list", "err", err)
			continue
		}
		a.users[u.ID], a.profiles[u.ID] = u, p
	}
	return nil
}

// ProfileReport is a user's profile, and where it stands among all users.
type ProfileReport struct {
	Profile    *Profile
	Ranks      *Ranks
	Population *Population
}

// Profile returns the profile of the named user, after a refresh of the list if that is wanted.
func (e *Engine) Profile(ctx context.Context, name string, refresh bool) (Answer[ProfileReport], error) {
	u, err := e.latest(ctx, name, refresh)
	if err != nil {
		return Answer[ProfileReport]{}, err
	}
	among, err := e.profiles.awaitPopulation(ctx)
	if err != nil {
		return Answer[ProfileReport]{}, err
	}
	me, err := e.subject(among, u)
	if err != nil {
		return Answer[ProfileReport]{}, err
	}
	return Answer[ProfileReport]{Requester: e.requester(u), Data: ProfileReport{me.profile, me.ranks, among}}, nil
}
