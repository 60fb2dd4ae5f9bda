package engine

import (
	"slices"
	"sort"
)

// pages hold users ascending by id, so that one who comes or goes moves those on one page, and no more. None is empty. They are not safe for
// concurrent use.
type pages[P page[P]] []P

// A page holds some users, ascending by id.
type page[P any] interface {
	users() int
	room() int // for users, on every page
	id(at int) UserID
	split(at int) (before, rest P) // of no users, and of all: a page that is empty
}

// find returns the page and the place on it where a user is or would be.
func (ps pages[P]) find(id UserID) (page, at int, found bool) {
	after := sort.Search(len(ps), func(i int) bool { return ps[i].id(0) > id })
	if after == 0 {
		return 0, 0, false
	}
	page = after - 1
	on := ps[page]
	at = sort.Search(on.users(), func(i int) bool { return on.id(i) >= id })
	return page, at, at < on.users() && on.id(at) == id
}

// makeRoom returns where one more user can be put in who would be where find said. empty makes the first page.
func (ps *pages[P]) makeRoom(page, at int, empty func() P) (int, int) {
	if len(*ps) == 0 {
		*ps = append(*ps, empty())
		return 0, 0
	}
	on := (*ps)[page]
	room := on.room()
	if on.users() < room {
		return page, at
	}
	// Who comes in the second half comes at the end of the page then, which those fill who come next: who is new, and while all are
	// loaded those before others that were saved meanwhile.
	before, rest := on.split(max(at, room/2))
	(*ps)[page] = before
	*ps = slices.Insert(*ps, page+1, rest)
	if at == room {
		return page + 1, 0
	}
	return page, at
}

// takeOut takes out a page that is empty.
func (ps *pages[P]) takeOut(page int) {
	if (*ps)[page].users() == 0 {
		*ps = slices.Delete(*ps, page, page+1)
	}
}
