// Package views has the pages and their parts, as templ components. They take values of the engine or one small struct; they
// fetch and decide nothing.
package views

//go:generate go tool templ generate
//go:generate npm run --silent --prefix .. build

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/a-h/templ"

	"reko.moe/engine"
)

// Page is what the layout needs of any page.
type Page struct {
	Title       string
	Description string
	Path        string // of this page, with the query: where a form that changes something comes back to
	PublicURL   string // of the site, without a slash at its end; empty when it is not known
	Image       string // path of the picture to share the page with; empty: the site's
	Index       bool   // search engines may list it; people's pages they may not
	Theme       string // light, dark, or empty for the system's preference
	Name        string // of the visitor, if remembered
	Saved       int    // how many anime the visitor saved
	Demo        bool   // the users are invented
	Flash       string // said once
	Again       int    // seconds after which a browser without scripts asks again; 0: never
}

// htmxConfig is how htmx is configured: no styles or code of its own in the page, so that the policy can be strict; errors go to
// the flash region, which the server names; the server is asked anew for pages that one comes back to.
const htmxConfig = `{"includeIndicatorStyles":false,"allowEval":false,"historyCacheSize":0,"refreshOnHistoryMiss":true,` +
	`"scrollBehavior":"auto","responseHandling":[{"code":"204","swap":false},{"code":"[23]..","swap":true},{"code":"...","swap":true,"error":true}]}`

// userPath is the address of a page of somebody: userPath("spike", "compare", "faye") is /u/spike/compare/faye.
func userPath(name string, parts ...string) string {
	path := "/u/" + url.PathEscape(name)
	for _, p := range parts {
		path += "/" + url.PathEscape(p)
	}
	return path
}

// beside is where two users are compared; the page of the other one when one has no name.
func beside(name, other string) string {
	if name == "" {
		return userPath(other)
	}
	return userPath(name, "compare", other)
}

// beforeQuery is a path without what follows its question mark.
func beforeQuery(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return path
}

func link(path string) templ.SafeURL { return templ.SafeURL(path) }

// malAnime and malUser are addresses on MyAnimeList.
func malAnime(id engine.AnimeID) templ.SafeURL {
	return templ.SafeURL("https://myanimelist.net/anime/" + strconv.Itoa(int(id)))
}

func malUser(name string) templ.SafeURL {
	return templ.SafeURL("https://myanimelist.net/profile/" + url.PathEscape(name))
}

// percent, whole and mean print numbers.
func percent(n int) string { return strconv.Itoa(n) + " %" }

func whole(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func mean(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }

// plural is "1 user" or "2 users".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return whole(n) + " " + many
}

// in says when something can be tried again.
func in(seconds int) string {
	if seconds > 90 {
		return "in " + plural((seconds+59)/60, "minute", "minutes")
	}
	return "in " + plural(seconds, "second", "seconds")
}

// ago says how long ago t was, roughly.
func ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return "at an unknown time"
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return plural(int(d.Minutes()), "minute", "minutes") + " ago"
	case d < 48*time.Hour:
		return plural(int(d.Hours()), "hour", "hours") + " ago"
	case d < 60*24*time.Hour:
		return plural(int(d.Hours()/24), "day", "days") + " ago"
	}
	return "on " + t.Format("2 January 2006")
}

// facts are the short facts under a title: “2004 · TV · 26 eps”.
func facts(a *engine.Anime) string {
	var parts []string
	if a.Start.Year != 0 {
		parts = append(parts, strconv.Itoa(a.Start.Year))
	}
	if a.Type != "" {
		parts = append(parts, typeName(a.Type))
	}
	if a.Episodes > 1 || a.Episodes == 1 && a.Type != "movie" {
		parts = append(parts, plural(a.Episodes, "ep", "eps"))
	}
	return strings.Join(parts, " · ")
}

// types are the media types that can be filtered by, in MyAnimeList's spelling.
var types = []string{"tv", "movie", "ova", "ona", "special", "tv_special", "music"}

func typeName(t string) string {
	switch t {
	case "tv", "ova", "ona", "cm", "pv":
		return strings.ToUpper(t)
	case "tv_special":
		return "TV special"
	case "movie":
		return "Film"
	}
	if t == "" {
		return ""
	}
	return strings.ToUpper(t[:1]) + t[1:]
}

// initials are at most two letters that stand for a title.
func initials(title string) string {
	var out []rune
	for _, word := range strings.Fields(title) {
		r, _ := utf8.DecodeRuneInString(word)
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			out = append(out, unicode.ToUpper(r))
		}
		if len(out) == 2 {
			break
		}
	}
	return string(out)
}

// image is the path of the picture to share p with.
func (p Page) image() string {
	if p.Image != "" {
		return p.Image
	}
	return "/share.png"
}

// again returns p with Again.
func (p Page) again(seconds int) Page { p.Again = seconds; return p }

// contactLink leads to an address of mail, or to that of a page.
func contactLink(contact string) templ.SafeURL {
	if strings.Contains(contact, "://") {
		return templ.URL(contact)
	}
	return templ.URL("mailto:" + contact)
}

// PictureHosts are where pictures of anime may come from.
var PictureHosts = []string{"cdn.myanimelist.net", "api-cdn.myanimelist.net", "myanimelist.net"}

// hasPicture tells whether there is a picture that may be shown: from one of [PictureHosts], as browsers are told, too.
func hasPicture(a *engine.Anime) bool {
	u, err := url.Parse(a.Picture)
	return err == nil && u.Scheme == "https" && u.User == nil && slices.Contains(PictureHosts, u.Host)
}
