package engine

import (
	"errors"
	"fmt"
)

// The kinds of failure. They are wrapped with what was being done; callers tell them apart by errors.Is. What a visitor
// or a program is told about each is decided in one place, the handlers.
var (
	ErrInvalid         = errors.New("invalid parameter")                // what was asked makes no sense
	ErrUnauthorized    = errors.New("unauthorized")                     // a key or a password is missing or wrong
	ErrTooSoon         = errors.New("too many attempts")                // to log in; a [TooSoon] says how long to wait
	ErrLastAdmin       = errors.New("the last admin stays")             // another one has to be there first
	ErrExists          = errors.New("there is one already")             // of that name
	ErrNotFound        = errors.New("not found")                        // no such thing, or nobody of that name
	ErrPrivate         = errors.New("list is private")                  // made sure of: other lists can be read
	ErrEmptyList       = errors.New("nothing watched")                  // the list has no watched entry
	ErrNoLeave         = errors.New("no leave to fetch a list")         // see Manners
	ErrInvalidList     = errors.New("list not understood")              // the source's answer could not be read
	ErrNoHash          = errors.New("taste hash is 0")                  // the list tells no taste
	ErrFull            = errors.New("no more uploaded lists are kept")  // see [Options.Uploads]
	ErrStarting        = errors.New("not in memory yet")                // shortly after the start; soon it is
	ErrStore           = errors.New("store failed")                     // the database refused
	ErrStoreDown       = fmt.Errorf("%w: it does not answer", ErrStore) // or has no room; that passes
	ErrUpstream        = errors.New("the source of lists failed")       // and nothing older is stored
	ErrNotAsked        = fmt.Errorf("%w lately, so it is not asked", ErrUpstream)
	ErrUpstreamTimeout = errors.New("the source of lists took too long") // and nothing older is stored
	ErrTooFew          = errors.New("too few lists to learn from")       // for an item model
	ErrCorrupt         = errors.New("what is stored cannot be read")     // a list, a model ...: damaged, or of another version
)
