package engine

import (
	"fmt"
	"iter"
	"slices"
)

// roll tells in which cell of a tree a user is, in 8 bytes each. It is not safe for concurrent use.
type roll struct {
	pages pages[rollPage]
}

// rollPage is a page of a roll.
type rollPage []entered

func newRollPage() rollPage { return make(rollPage, 0, maxPage) }

func (p rollPage) users() int       { return len(p) }
func (p rollPage) room() int        { return maxPage }
func (p rollPage) id(at int) UserID { return p[at].id() }

func (p rollPage) split(at int) (before, rest rollPage) {
	return p[:at], append(newRollPage(), p[at:]...)
}

// entered is a user's id, and in the last 16 bits the cell.
type entered uint64

const (
	cellBits = 16
	maxPage  = 1024
)

// maxUserID is the largest id that an [Index] can hold: 2.8e14.
const maxUserID = 1<<(64-cellBits) - 1

func enter(id UserID, c cell) entered {
	if id <= 0 || id > maxUserID {
		panic(fmt.Sprintf("engine: nobody can have the id %d", id))
	}
	return entered(id)<<cellBits | entered(c)
}

func (e entered) id() UserID { return UserID(e >> cellBits) }
func (e entered) cell() cell { return cell(e) }

// append puts in a user who comes after all others.
func (r *roll) append(e entered) {
	last, at := max(len(r.pages)-1, 0), 0
	if len(r.pages) > 0 {
		at = len(r.pages[last])
	}
	r.put(last, at, e)
}

// put puts in a user who is not there, where find said.
func (r *roll) put(page, at int, e entered) {
	page, at = r.pages.makeRoom(page, at, newRollPage)
	r.pages[page] = slices.Insert(r.pages[page], at, e)
}

// cell returns the cell of a user, if there.
func (r *roll) cell(id UserID) (cell, bool) {
	page, at, found := r.pages.find(id)
	if !found {
		return 0, false
	}
	return r.pages[page][at].cell(), true
}

// set puts in a user, or says in which cell one is now.
func (r *roll) set(id UserID, c cell) {
	page, at, found := r.pages.find(id)
	if found {
		r.pages[page][at] = enter(id, c)
		return
	}
	r.put(page, at, enter(id, c))
}

// remove takes out a user, if there.
func (r *roll) remove(id UserID) {
	page, at, found := r.pages.find(id)
	if !found {
		return
	}
	r.pages[page] = slices.Delete(r.pages[page], at, at+1)
	r.pages.takeOut(page)
}

// evenly yields n of the users, who are all of them or more, from the first to the last at even distances.
func (r *roll) evenly(n, users int) iter.Seq[entered] {
	return func(yield func(entered) bool) {
		page, before := 0, 0 // how many are on the pages before
		for i := range n {
			at := i * users / n
			for at-before >= len(r.pages[page]) {
				before += len(r.pages[page])
				page++
			}
			if !yield(r.pages[page][at-before]) {
				return
			}
		}
	}
}
