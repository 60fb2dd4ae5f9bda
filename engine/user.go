package engine

import (
	"strings"
	"time"
)

// UserID numbers the users of a store, in the order they came, from 1. 0 is nobody.
type UserID int64

// Origin says where a user's list comes from, and so whether it can be asked for again.
type Origin string

// The origins. The values are stored.
const (
	FromMAL  Origin = "mal"    // MyAnimeList's API: refreshed when old
	FromFile Origin = "file"   // an import: stays as it is
	Uploaded Origin = "upload" // by a visitor, under a name that nobody can guess
	FromDemo Origin = "demo"   // the invented demo population
)

// User is somebody with a list. What [Store] returns may be shared between callers: treat List as read-only.
type User struct {
	ID        UserID
	Name      string // lower case, see [CanonicalName]
	Origin    Origin
	Hash      Hash   // 0: no taste can be told; such a user is not matched with others
	List      Packed // the whole list
	FetchedAt time.Time
	FullAt    time.Time // when the list was last fetched from its first entry to its last, so that removals were seen
	Failures  int       // refreshes that failed since FetchedAt
	Unlisted  bool      // others are not matched with it, though it is with others
	PrivateAt time.Time // when it was last made sure that the list is private; zero: it is not. Nobody is told anything of such a list

	recalled bool // from memory, since the store did not answer
}

// Hidden tells whether others are not matched with the user.
func (u *User) Hidden() bool { return u.Unlisted || !u.PrivateAt.IsZero() }

// Card is what is kept of every user in memory.
type Card struct {
	ID   UserID
	Name string
	Hash Hash
}

// The lengths that a user name can have.
const (
	MinName = 2
	MaxName = 16
)

// CanonicalName returns name in lower case, and whether anybody can be called so: 2 to 16 letters, digits, underscores and
// hyphens, as on MyAnimeList.
func CanonicalName(name string) (string, bool) {
	if len(name) < MinName || len(name) > MaxName {
		return "", false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return "", false
		}
	}
	return strings.ToLower(name), true
}
