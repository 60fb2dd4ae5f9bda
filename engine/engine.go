package engine

import (
	"context"
	"iter"
	"time"
)

// Store keeps users and anime. Every method is one transaction: it happens whole or not at all. Methods that look up one
// thing return [ErrNotFound] when it is not there; any other failure is an [ErrStore]. Implementations are safe for
// concurrent use.
type Store interface {
	// User returns the user of that canonical name.
	User(ctx context.Context, name string) (User, error)
	// Users returns those of the given users that exist, in the order of ids.
	Users(ctx context.Context, ids []UserID) ([]User, error)
	// SaveUser stores u under its name, whole, in place of whoever had the name, and returns its id: that of u.Name if it
	// is there already, else a new one, greater than any before.
	SaveUser(ctx context.Context, u User) (UserID, error)
	// RefreshFailed counts a failed refresh of the user and leaves the list as it is.
	RefreshFailed(ctx context.Context, id UserID) error
	// StaleUsers returns the names of at most n users of origin [FromMAL] whose list was fetched before the given time,
	// those with the fewest failures first, then the stalest.
	StaleUsers(ctx context.Context, before time.Time, n int) ([]string, error)
	// Cards walks over all users in order of their ids.
	Cards(ctx context.Context) iter.Seq2[Card, error]
	// AllUsers walks over all users, lists included, in order of their ids and in bounded memory. Users that come or go
	// meanwhile may be missed.
	AllUsers(ctx context.Context) iter.Seq2[User, error]
	// SetHashes changes the hash of users whose list is still the one given, and of no others.
	SetHashes(ctx context.Context, changed []User) error

	// Anime walks over all described anime in order of their ids.
	Anime(ctx context.Context) iter.Seq2[Anime, error]
	// SaveAnime stores anime, in place of what was known under their ids. What came later is not replaced by what came
	// earlier: neither details by older ones (DescribedAt), nor relations (RelatedAt).
	SaveAnime(ctx context.Context, anime []Anime) error
	// MentionAnime notes ids that some list has; those nobody described yet wait for it.
	MentionAnime(ctx context.Context, ids []AnimeID) error
	// UndescribedAnime returns at most n ids that wait for details or, after all those, for relations; those that failed
	// least often first, then those mentioned first.
	UndescribedAnime(ctx context.Context, n int) ([]AnimeID, error)
	// DescribeFailed counts a failed attempt to describe an anime.
	DescribeFailed(ctx context.Context, id AnimeID) error
	// AiringAnime returns at most n ids of anime that have not ended and were described before the given time, stalest
	// first.
	AiringAnime(ctx context.Context, before time.Time, n int) ([]AnimeID, error)

	// Generation changes whenever users or anime were changed in bulk, by an import for example.
	Generation(ctx context.Context) (int64, error)
}

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
