// Package demo is what Reko shows before anybody imported anything: a small hand-written catalogue of well-known anime,
// and an invented population with tastes that can be told apart. None of its users exists; their lists are drawn from a
// fixed seed, so every installation has the same ones.
//
// The catalogue names anime by MyAnimeList's ids and titles. It is dated far back, so that whatever else describes the
// same anime replaces it (see [engine.Store]). It has no pictures.
package demo

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/listfile"
)

//go:embed catalogue.csv
var catalogue []byte

// described is the age that the catalogue claims. It is older than any real description.
var described = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// fetched is the age of all lists. No entry changed later.
var fetched = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// Anime returns the demo's catalogue in order of ids. All are described, with those of their relations that matter here:
// related anime are in the catalogue too. The result is the caller's.
func Anime() []engine.Anime {
	var anime []engine.Anime
	for a, err := range listfile.ReadAnime(bytes.NewReader(catalogue), described) {
		if err != nil {
			panic(fmt.Sprintf("demo: catalogue.csv: %v", err)) // the file is part of the program, and tests read it
		}
		anime = append(anime, a)
	}
	return anime
}

// Users returns the invented users, without ids, those of [Examples] first. It is the same at every call. Their hashes are
// those over [Anime]; in a store that knows these anime better they are made again like everybody else's. The result is
// the caller's.
func Users() []engine.User {
	anime := Anime()
	c := engine.NewCatalogue(anime)
	shelf := newShelf(anime)
	people := population()
	users := make([]engine.User, len(people))
	for i := range people {
		list := people[i].list(shelf)
		users[i] = engine.User{
			Name:      people[i].name,
			Origin:    engine.FromDemo,
			Hash:      engine.TasteHash(list, c),
			List:      list.Pack(),
			FetchedAt: fetched,
			FullAt:    fetched,
		}
	}
	return users
}

// Example is a user worth looking at first.
type Example struct {
	Name  string
	Taste string // what they like, to follow “somebody who likes”
}

// Examples returns one user of every taste, in a fixed order.
func Examples() []Example {
	examples := make([]Example, len(tastes))
	for i := range tastes {
		examples[i] = Example{Name: tastes[i].example, Taste: tastes[i].about}
	}
	return examples
}

// population returns who is invented, without their lists: in every round one of each taste that has users left.
func population() []person {
	var people []person
	taken := make(map[string]bool)
	for i := range tastes {
		taken[tastes[i].example] = true
	}
	most := slices.MaxFunc(tastes, func(a, b taste) int { return a.users - b.users }).users
	for round := range most {
		for i := range tastes {
			t := &tastes[i]
			if round >= t.users {
				continue
			}
			name := t.example
			if round > 0 {
				name = t.name(round, taken)
			}
			people = append(people, newPerson(name, i))
		}
	}
	return people
}
