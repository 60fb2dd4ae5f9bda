package engine

import (
	"fmt"
	"iter"
	"slices"
	"sort"
)

// roll tells in which cell of a tree a user is. It holds users ascending by id, 8 bytes each, on pages, so that one who comes or goes moves few.
// It is not safe for concurrent use.
type roll struct {
	pages [][]entered // none is empty
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
	last := len(r.pages) - 1
	if last < 0 || len(r.pages[last]) == maxPage {
		r.pages = append(r.pages, make([]entered, 0, maxPage))
		last++
	}
	r.pages[last] = append(r.pages[last], e)
}

// find returns the page and the place on it where a user is or would be.
func (r *roll) find(id UserID) (page, at int, found bool) {
	after := sort.Search(len(r.pages), func(i int) bool { return r.pages[i][0].id() > id })
	if after == 0 {
		return 0, 0, false
	}
	page = after - 1
	on := r.pages[page]
	at = sort.Search(len(on), func(i int) bool { return on[i].id() >= id })
	return page, at, at < len(on) && on[at].id() == id
}

// cell returns the cell of a user, if there.
func (r *roll) cell(id UserID) (cell, bool) {
	page, at, found := r.find(id)
	if !found {
		return 0, false
	}
	return r.pages[page][at].cell(), true
}

// set puts in a user, or says in which cell one is now.
func (r *roll) set(id UserID, c cell) {
	page, at, found := r.find(id)
	switch {
	case found:
		r.pages[page][at] = enter(id, c)
		return
	case len(r.pages) == 0, page == len(r.pages)-1 && at == len(r.pages[page]):
		r.append(enter(id, c))
		return
	}
	if on := r.pages[page]; len(on) == maxPage {
		const half = maxPage / 2
		r.pages[page] = on[:half]
		r.pages = slices.Insert(r.pages, page+1, append(make([]entered, 0, maxPage), on[half:]...))
		if at > half {
			page, at = page+1, at-half
		}
	}
	r.pages[page] = slices.Insert(r.pages[page], at, enter(id, c))
}

// remove takes out a user, if there.
func (r *roll) remove(id UserID) {
	page, at, found := r.find(id)
	if !found {
		return
	}
	if r.pages[page] = slices.Delete(r.pages[page], at, at+1); len(r.pages[page]) == 0 {
		r.pages = slices.Delete(r.pages, page, page+1)
	}
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
