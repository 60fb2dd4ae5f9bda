package engine

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// pageOf puts anime on a page one after the other, as vary does, and returns those that it takes.
func pageOf(c *Catalogue, ids []AnimeID, asked []int) (taken []AnimeID) {
	page := variedPage{asked: asked}
	page.turn()
	for _, id := range ids {
		if len(taken) == PageSize {
			break
		}
		if page.takes(c, id) {
			taken = append(taken, id)
		}
	}
	return taken
}

// pageByHand is the same, said as it is meant: not another of a genre that all but mostLacking of so many have.
func pageByHand(c *Catalogue, ids []AnimeID, asked []int) (taken []AnimeID) {
	for _, id := range ids {
		if len(taken) == PageSize {
			break
		}
		crowded := slices.ContainsFunc(c.Anime(id).Genres, func(g Genre) bool {
			have := 0
			for _, other := range taken {
				if c.Anime(other).hasGenre(g.ID) {
					have++
				}
			}
			return have >= mostOfGenre && !slices.Contains(asked, g.ID)
		})
		if !crowded {
			taken = append(taken, id)
		}
	}
	return taken
}

// A page is of one genre only up to where others come first, whether their numbers share a bit or not, unless it was asked for.
func TestNoPageOfOneGenre(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	turnedAway := 0
	for range 500 {
		var anime []Anime
		var ids []AnimeID
		for id := AnimeID(1); id <= 40; id++ {
			genres := []int{}
			for _, g := range []int{1, 65, 2, 130} { // of which 1 and 65 share a bit, and 2 and 130
				if r.IntN(10) < 8 {
					genres = append(genres, g)
				}
			}
			anime, ids = append(anime, described(id, "2010-07-04", 12, "r", genres...)), append(ids, id)
		}
		c := NewCatalogue(anime)
		asked := []int{65}[:r.IntN(2)]
		got, want := pageOf(c, ids, asked), pageByHand(c, ids, asked)
		if !slices.Equal(got, want) {
			t.Fatalf("asked for %v: %v are on the page, want %v", asked, got, want)
		}
		if len(want) == PageSize && want[PageSize-1] != PageSize {
			turnedAway++
		}
	}
	if turnedAway < 100 {
		t.Errorf("on %d of 500 pages something had to wait", turnedAway)
	}
}
