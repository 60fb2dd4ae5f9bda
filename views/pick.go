package views

import (
	"net/url"
	"slices"
	"strconv"

	"reko.moe/engine"
)

// pickPath is where who has no list picks anime, and is recommended some for them.
const pickPath = "/pick"

// MostPicked is how many anime can be picked; a few tell enough.
const MostPicked = 20

// PickView is what the page shows on which anime are picked.
type PickView struct {
	Find    string
	Offered []*engine.Anime // to be picked, by what is to be found, or the well known
	Picked  []*engine.Anime // so far
	Missing bool            // recommendations were asked for, with nothing picked
}

// URL is the address of the page.
func (v PickView) URL() string {
	q := url.Values{"choose": {"yes"}}
	for _, a := range v.Picked {
		q.Add("anime", strconv.Itoa(int(a.ID)))
	}
	if v.Find != "" {
		q.Set("find", v.Find)
	}
	return pickPath + "?" + q.Encode()
}

// chooseAgain is where the picks of recommendations can be changed.
func chooseAgain(picked []*engine.Anime) string { return PickView{Picked: picked}.URL() }

// unpicked returns v without one of the picks.
func (v PickView) unpicked(a *engine.Anime) PickView {
	v.Picked = slices.DeleteFunc(slices.Clone(v.Picked), func(other *engine.Anime) bool { return other.ID == a.ID })
	return v
}

// searchedFor returns v on another search.
func (v PickView) searchedFor(text string) PickView { v.Find = text; return v }

func (v PickView) picked(a *engine.Anime) bool { return slices.Contains(v.Picked, a) }

func (v PickView) offers(a *engine.Anime) bool { return slices.Contains(v.Offered, a) }

// picksText says how many are picked.
func picksText(n int) string {
	switch {
	case n == 0:
		return "Nothing picked yet; five are a good start."
	case n < 5:
		return strconv.Itoa(n) + " picked; five are a good start."
	case n == MostPicked:
		return strconv.Itoa(n) + " picked, as many as there can be."
	}
	return strconv.Itoa(n) + " picked."
}
