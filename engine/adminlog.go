package engine

import (
	"context"
	"time"
)

// Action is what an admin did.
type Action struct {
	At    time.Time
	Admin string // empty: nobody who was logged in
	What  string // in words, in the past tense
	On    string // what it was done to; empty: nothing
	From  string // address
}

// LogStore keeps what admins did. It is part of [Store].
type LogStore interface {
	// NoteAction keeps an action. Of very many the oldest go; however many logins failed, they push nothing else out.
	NoteAction(ctx context.Context, a Action) error
	// Actions returns at most n actions, the newest first, without the newest skip of them.
	Actions(ctx context.Context, skip, n int) ([]Action, error)
	// LastActions returns the newest n actions that are no [FailedLogin], the newest first.
	LastActions(ctx context.Context, n int) ([]Action, error)
}

// FailedLogin is what an [Action] is that anybody can do, as often as they like.
const FailedLogin = "failed to log in"

// ActionPage is how many actions a page of them has.
const ActionPage = 50

// Note keeps what an admin did, now.
func (e *Engine) Note(ctx context.Context, a Action) error {
	a.At = e.opts.Now()
	return e.opts.Store.NoteAction(context.WithoutCancel(ctx), a)
}

// Actions returns a page of what admins did, the newest first, counted from 1.
func (e *Engine) Actions(ctx context.Context, page int) ([]Action, Page, error) {
	return pageFrom(page, ActionPage, func(skip, n int) ([]Action, error) { return e.opts.Store.Actions(ctx, skip, n) })
}

// LastActions returns the n last things that admins did, the newest first. Logins that failed are not among them.
func (e *Engine) LastActions(ctx context.Context, n int) ([]Action, error) {
	return e.opts.Store.LastActions(ctx, n)
}

// pageFrom reads a page of size items, and one more to know whether there is a next one. Pages before the first are the first.
func pageFrom[T any](page, size int, read func(skip, n int) ([]T, error)) ([]T, Page, error) {
	page = min(max(page, 1), 1<<20)
	items, err := read((page-1)*size, size+1)
	more := len(items) > size
	return items[:min(len(items), size)], Page{Current: page, More: more}, err
}
