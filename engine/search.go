package engine

import (
	"context"
	"strings"
	"time"
)

// UserLine is what is said of a user in a list of many.
type UserLine struct {
	Card
	Origin    Origin
	Entries   int
	FetchedAt time.Time
	Failures  int
	Unlisted  bool
	PrivateAt time.Time // zero: it is not private
}

// SearchStore finds users by parts of their names. It is part of [Store].
type SearchStore interface {
	// FindUsers returns at most n of the users with text in their names, unlisted ones too, without the first skip of them:
	// those whose names it begins come first, then by name.
	FindUsers(ctx context.Context, text string, skip, n int) ([]UserLine, error)
}

// UserPage is how many users a page of them has, AnimePage how many anime.
const (
	UserPage  = 50
	AnimePage = 50
)

// FindUsers returns a page of the users with text in their names, counted from 1.
func (e *Engine) FindUsers(ctx context.Context, text string, page int) ([]UserLine, Page, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	return pageFrom(page, UserPage, func(skip, n int) ([]UserLine, error) { return e.opts.Store.FindUsers(ctx, text, skip, n) })
}

// FindAnime returns a page of the described anime with text in a title, or with that id, counted from 1: in the order of ids.
func (e *Engine) FindAnime(text string, page int) ([]*Anime, Page) {
	text = strings.ToLower(strings.TrimSpace(text))
	c := e.catalogue.Load()
	anime, p, _ := pageFrom(page, AnimePage, func(skip, n int) ([]*Anime, error) { return c.find(text, skip, n), nil })
	return anime, p
}
