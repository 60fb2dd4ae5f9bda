package engine

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Store keeps users and anime. Every method is one transaction: it happens whole or not at all. Methods that look up one
// thing return [ErrNotFound] when it is not there; any other failure is an [ErrStore], and an [ErrStoreDown] if it passes. Implementations are safe for
// concurrent use.
type Store interface {
	// User returns the user of that canonical name.
	User(ctx context.Context, name string) (User, error)
	// Users appends to dst those of the given users that exist, in the order of ids.
	Users(ctx context.Context, dst []User, ids []UserID) ([]User, error)
	// Recall returns the user of that canonical name from memory, as it was when it was read last, and asks nobody: for when
	// the store does not answer.
	Recall(name string) (User, bool)
	// SaveUser stores u under its name, whole, in place of whoever had the name, and returns its id: that of u.Name if it
	// is there already, else a new one, greater than any before. A name that is kept out is [ErrNotFound].
	SaveUser(ctx context.Context, u User) (UserID, error)
	// RefreshFailed counts a failed refresh of the user and leaves the list as it is.
	RefreshFailed(ctx context.Context, id UserID) error
	// StaleUsers returns the names of at most n users of origin [FromMAL] whose list was fetched before the given time,
	// those with the fewest failures first, then the stalest. Those found to be private since are left alone.
	StaleUsers(ctx context.Context, before time.Time, n int) ([]string, error)
	// DeleteUser deletes the user, if there.
	DeleteUser(ctx context.Context, id UserID) error
	// RemoveUser deletes whoever has that canonical name in what is stored now, and returns who it was.
	RemoveUser(ctx context.Context, name string) (UserID, error)
	// Cards walks over all users but unlisted and private ones in order of their ids. Users that come or go meanwhile may be
	// missed.
	Cards(ctx context.Context) iter.Seq2[Card, error]
	// AllUsers walks over all users, lists included, in order of their ids and in bounded memory. Users that come or go
	// meanwhile may be missed.
	AllUsers(ctx context.Context) iter.Seq2[User, error]
	// SetHashes changes the hash of those users whose list is still the one given, and returns them.
	SetHashes(ctx context.Context, changed []User) ([]User, error)
	// ImportUsers stores many users at once, each as SaveUser does. Of users of one name the last stays; new ids are in
	// the given order. Those whose names are kept out are passed over.
	ImportUsers(ctx context.Context, users []User) error
	// RemoveOrigin deletes all users of an origin and returns how many there were.
	RemoveOrigin(ctx context.Context, origin Origin) (int, error)
	// CountUsers returns how many users of each origin there are.
	CountUsers(ctx context.Context) (map[Origin]int, error)
	// CountOrigin returns how many users of an origin there are.
	CountOrigin(ctx context.Context, origin Origin) (int, error)

	// Anime walks over all described anime in order of their ids.
	Anime(ctx context.Context) iter.Seq2[Anime, error]
	// SaveAnime stores anime, in place of what was known under their ids. What came later is not replaced by what came
	// earlier: neither details by older ones (DescribedAt), nor relations (RelatedAt).
	SaveAnime(ctx context.Context, anime []Anime) error
	// MentionAnime notes ids that some list has; those nobody described yet wait for it.
	MentionAnime(ctx context.Context, ids []AnimeID) error
	// UndescribedAnime returns at most n ids that wait for details or for relations: those that failed least often first, of
	// these the ones without details first, then by id.
	UndescribedAnime(ctx context.Context, n int) ([]AnimeID, error)
	// DescribeFailed counts a failed attempt to describe an anime.
	DescribeFailed(ctx context.Context, id AnimeID) error
	// AiringAnime returns at most n ids of anime that have not ended and were described before the given time:
	// those that failed least often first, then the stalest.
	AiringAnime(ctx context.Context, before time.Time, n int) ([]AnimeID, error)

	// Forget drops what is kept in memory, because another process changed the store.
	Forget()
	// Counter returns the value of a named counter, 0 at first. AddCounter changes it and returns the new value.
	Counter(ctx context.Context, name string) (int64, error)
	AddCounter(ctx context.Context, name string, delta int64) (int64, error)

	ChangeStore
	TotalsStore
	PopulationStore
	ModelStore
	KeyStore
	AdminStore
	PrivacyStore
}

// The counters that the engine keeps.
const (
	// counterBulk grows whenever users or anime were changed in bulk, by an import for example: what is in memory has to be
	// loaded again.
	counterBulk = "bulk"
	// counterTaste grows whenever the statistics of an anime changed, counterHashed follows once the hashes are made again.
	counterTaste  = "taste"
	counterHashed = "hashed"
)

// Source is where lists come from. Its failures are [ErrNotFound], [ErrPrivate], [ErrInvalidList], [ErrUpstream] and
// [ErrUpstreamTimeout]. Implementations are safe for concurrent use.
type Source interface {
	// List fetches the list of the user of that canonical name. known is the stored list, nil for none: with it, the
	// source may stop as soon as it meets what is known, unless full is set.
	List(ctx context.Context, name string, known List, full bool) (Fetched, error)
	// Anime fetches one anime with its relations.
	Anime(ctx context.Context, id AnimeID) (Anime, error)
}

// Fetched is a list from a [Source].
type Fetched struct {
	List  List    // the whole list, what was known included
	Full  bool    // every entry was seen, so that entries which are gone are gone from List too
	Anime []Anime // what the answer said about anime on the list: details without relations
}

// Options are the settings of an [Engine]. The zero value of each field but Store means its default.
type Options struct {
	Store        Store
	Source       Source                                              // nil: only stored lists are known
	MaxAge       time.Duration                                       // a list older than this is refreshed when asked for; 72 h
	Patience     time.Duration                                       // how long a visitor waits for a refresh before the stored list serves; 1.5 s
	FetchTimeout time.Duration                                       // the longest that fetching one list may take; 60 s
	Uploads      int                                                 // so many uploaded lists are kept, and no more taken; 10,000
	Exclude      []AnimeID                                           // never recommended
	Trainer      Trainer                                             // of the item model; nil: there is none
	Order        Order                                               // of queries that name none; Taste
	Orders       OrderMemory                                         // nil: no order is remembered
	Passwords    Passwords                                           // of admins; without it nobody logs in
	SessionIdle  time.Duration                                       // an admin's session ends when nothing was done for as long; 30 min
	SessionFor   time.Duration                                       // and so long after the login whatever was done; 12 h
	Secret       []byte                                              // of the hashes that stand for names and addresses of logins; nil: one that the store keeps
	Log          *slog.Logger                                        // default: nowhere
	Trace        func(ctx context.Context, step string) (end func()) // is told when an expensive step begins and ends; nil: nobody is
	Now          func() time.Time
	Seed         func() uint64 // of a random draw that names none; at most [MaxSeed]
}

// Engine answers the questions that Reko exists for. It is safe for concurrent use.
type Engine struct {
	opts Options

	configured map[AnimeID]bool // never recommended, whatever admins say
	exclude    atomic.Pointer[excluded]
	excluding  sync.Mutex // one reads what is excluded at a time

	// loading is held for writing while index and catalogue are replaced, and for reading from a change in the store until
	// the same change in memory, so that no change falls between.
	loading   sync.RWMutex
	index     atomic.Pointer[Index]
	catalogue atomic.Pointer[Catalogue]
	loaded    atomic.Int64 // counterBulk when they were loaded
	following following
	saved     atomic.Int64 // when a list was saved here last, in unix nanoseconds
	profiles  profiles
	models    models
	totals    totals
	attempts  atomic.Pointer[[]byte] // the store's secret of logins, once it was asked for

	kept    atomic.Pointer[keptOut]
	keeping sync.Mutex // one reads what is kept out at a time
	hidden  hiding

	describing sync.Mutex // one change of the catalogue at a time
	fetches    flights[User]
	holds      holds
}

// step tells of an expensive step of answering. The function that it returns is for its end.
func (e *Engine) step(ctx context.Context, name string) (end func()) {
	if e.opts.Trace == nil {
		return nothing
	}
	return e.opts.Trace(ctx, name)
}

func nothing() {}

// New makes an engine without users. [Engine.Load] fills it.
func New(o Options) *Engine {
	o.MaxAge = cmp.Or(o.MaxAge, 72*time.Hour)
	o.Patience = cmp.Or(o.Patience, 1500*time.Millisecond)
	o.FetchTimeout = cmp.Or(o.FetchTimeout, time.Minute)
	o.Uploads = cmp.Or(o.Uploads, 10_000)
	o.SessionIdle = cmp.Or(o.SessionIdle, 30*time.Minute)
	o.SessionFor = cmp.Or(o.SessionFor, 12*time.Hour)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Seed == nil {
		o.Seed = func() uint64 { return rand.Uint64N(MaxSeed + 1) }
	}
	o.Order = cmp.Or(o.Order, Taste)
	e := &Engine{opts: o, configured: map[AnimeID]bool{}, profiles: profiles{there: make(chan struct{})}}
	for _, id := range o.Exclude {
		e.configured[id] = true
	}
	e.exclude.Store(&excluded{anime: e.configured, version: versions.Add(1)})
	e.index.Store(new(Index))
	e.kept.Store(new(keptOut))
	e.catalogue.Store(new(Catalogue))
	return e
}

// Load reads the catalogue, the item model, and the hashes and profiles of all users into memory, in place of what is there. Questions asked
// meanwhile are answered from what was there before.
func (e *Engine) Load(ctx context.Context) error {
	if err := e.LoadUsers(ctx); err != nil {
		return err
	}
	return e.LoadProfiles(ctx)
}

// LoadUsers is Load without the profiles of users, for which all lists have to be read. Until [Engine.LoadProfiles] has made them,
// questions that need them are [ErrStarting].
func (e *Engine) LoadUsers(ctx context.Context) error {
	e.following.Lock()
	defer e.following.Unlock()
	c, err := e.opts.Store.Changes(ctx, "")
	if err != nil {
		return err
	}
	return e.loadAll(ctx, c.Mark)
}

// loadAll is LoadUsers with the mark from which on what changes is followed; e.following is locked.
func (e *Engine) loadAll(ctx context.Context, mark string) error {
	var model error
	var reading sync.WaitGroup // beside the rest, since it takes about as long
	reading.Go(func() { model = e.loadModel(ctx) })
	err := e.loadAt(ctx, mark)
	reading.Wait()
	if err := errors.Join(err, model); err != nil {
		return err
	}
	return errors.Join(e.loadExcluded(ctx), e.loadKeptOut(ctx), e.loadHidden(ctx), e.loadPopulation(ctx))
}

// loadAt reads catalogue and hashes. What the store changes after mark is followed from then on; e.following is locked.
func (e *Engine) loadAt(ctx context.Context, mark string) error {
	e.loading.Lock()
	defer e.loading.Unlock()
	bulk, err := e.opts.Store.Counter(ctx, counterBulk)
	if err != nil {
		return err
	}
	e.opts.Store.Forget()
	var index *Index
	var cardsErr error
	var reading sync.WaitGroup
	reading.Go(func() {
		var cards []Card
		if cards, cardsErr = collect(e.opts.Store.Cards(ctx)); cardsErr == nil {
			index = NewIndex(cards)
		}
	})
	anime, err := collect(e.opts.Store.Anime(ctx))
	reading.Wait()
	if err := errors.Join(err, cardsErr); err != nil {
		return err
	}
	compact(anime)
	e.catalogue.Store(NewCatalogue(anime))
	e.index.Store(index)
	e.loaded.Store(bulk)
	e.following.mark = mark
	return nil
}

// collect returns all of seq, or its first error. It gathers them in parts, so that what is long is copied once.
func collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	const least, most = 64, 4096
	var parts [][]T
	part := make([]T, 0, least)
	for v, err := range seq {
		if err != nil {
			return nil, err
		}
		if len(part) == cap(part) {
			parts, part = append(parts, part), make([]T, 0, min(2*cap(part), most))
		}
		part = append(part, v)
	}
	return slices.Concat(append(parts, part)...), nil
}

// Reload loads again if users or anime were changed in bulk since, for example by an import in another process, and tells
// whether they were. What is excluded, the item model and the profiles it loads again, too, if they changed.
func (e *Engine) Reload(ctx context.Context) (bool, error) {
	reloaded, err := e.ReloadUsers(ctx)
	if err != nil {
		return reloaded, err
	}
	_, err = e.ReloadProfiles(ctx)
	return reloaded, err
}

// ReloadUsers is Reload without the profiles.
func (e *Engine) ReloadUsers(ctx context.Context) (bool, error) {
	if err := errors.Join(e.reloadExcluded(ctx), e.reloadKeptOut(ctx)); err != nil {
		return false, err
	}
	bulk, err := e.opts.Store.Counter(ctx, counterBulk)
	if err != nil {
		return false, err
	}
	if bulk == e.loaded.Load() {
		return false, e.reloadModel(ctx)
	}
	e.profiles.outdated.Store(true)
	return true, e.LoadUsers(ctx)
}

// Close waits until the lists that are being fetched are saved, and nothing is counted any more, or ctx is done.
func (e *Engine) Close(ctx context.Context) error {
	return errors.Join(e.fetches.wait(ctx), e.totals.counting.wait(ctx))
}

// Users returns the number of users that can be matched.
func (e *Engine) Users() int { return e.index.Load().Len() }

// Titles returns the number of described anime.
func (e *Engine) Titles() int { return e.catalogue.Load().Len() }
