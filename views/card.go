package views

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
	"unicode"

	"reko.moe/engine"
)

// CardView is what a card depends on beside its anime.
type CardView struct {
	Name    string // of the user it is recommended to
	Single  bool   // it is from one user's list: nobody has to be named
	CanHide bool
	Hidden  int    // how many anime the visitor hid
	Leave   *State // whose influences can be left out; nil: they cannot
	Saved   map[engine.AnimeID]bool
	Back    string // where forms come back to
}

// because says what an influence is to the requester.
func (v CardView) because(in engine.Influence) string {
	switch {
	case v.Name == "":
		return "Because you picked " + in.Anime.Title
	case in.Status == engine.Completed || in.Status == engine.Watching:
		return "Because you watched " + in.Anime.Title
	case in.Status == engine.Planned:
		return "Because you plan to watch " + in.Anime.Title
	}
	return "Because " + in.Anime.Title + " is on your list"
}

// strength is how strong an influence is beside the strongest, in percent.
func strength(in engine.Influence, strongest float64) int {
	return max(1, int(math.Round(100*in.Weight/strongest)))
}

// measured is the score that the bar of a card shows, 1..10: the predicted one, or else the one of those who recommend.
func measured(r engine.Recommendation) float64 {
	if r.Expected > 0 {
		return r.Expected
	}
	return float64(r.Score)
}

// about is a predicted score, which is not known more exactly.
func about(score float64) string { return strconv.FormatFloat(score, 'f', 1, 64) }

// anchor is the id of a card on its page.
func anchor(id engine.AnimeID) string { return "anime-" + strconv.Itoa(int(id)) }

// englishTitle is the English title of an anime, if the main one does not begin with it.
func englishTitle(a *engine.Anime) string {
	title, english := lettersOf(a.Title), lettersOf(a.English)
	if len(english) <= len(title) && strings.EqualFold(english, title[:len(english)]) {
		return ""
	}
	return a.English
}

// lettersOf is a text without what stands between its letters and digits.
func lettersOf(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, text)
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
