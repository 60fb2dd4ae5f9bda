package views

import (
	"math/bits"
	"strings"

	"reko.moe/engine"
)

// CardView is what a card depends on beside its anime.
type CardView struct {
	Name    string // of the user it is recommended to
	Single  bool   // it is from one user's list: nobody has to be named
	CanHide bool
	Saved   map[engine.AnimeID]bool
	Back    string // where forms come back to
}

func savePath(saved bool) string {
	if saved {
		return "/unsave"
	}
	return "/save"
}

// genreNames joins the names of the first few genres.
func genreNames(a *engine.Anime) string {
	var names []string
	for _, g := range a.Genres {
		if g.Name != "" && len(names) < 5 {
			names = append(names, g.Name)
		}
	}
	return strings.Join(names, ", ")
}

// mix spreads an id over 64 bits.
func mix(id engine.AnimeID) uint64 { return bits.RotateLeft64(uint64(id)*0x9E3779B97F4A7C15, 32) }

func inkOfAnime(id engine.AnimeID) string { return ink(mix(id)) }

// posterPath draws some shapes, always the same for an anime.
func posterPath(id engine.AnimeID) string {
	shapes := [...]string{
		"M0 0H200V90Q100 160 0 90Z",
		"M0 300L200 80V300Z",
		"M100 40a80 80 0 1 0 .1 0Z",
		"M0 60H200V100H0ZM0 130H200V150H0ZM0 180H200V190H0Z",
		"M0 0L120 150L0 300ZM200 0L80 150L200 300Z",
		"M20 20H180V200H20ZM44 44V176H156V44Z",
	}
	return shapes[mix(id)>>8%uint64(len(shapes))]
}
