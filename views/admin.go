package views

import (
	"net/url"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"reko.moe/engine"
)

// AdminPage is what the frame of a page below /admin needs, beside [Page].
type AdminPage struct {
	Page
	Admin string // who is logged in
	Token string // that every form has to send
	Here  string // path of the part of the admin side that the page belongs to
	Now   time.Time
}

// adminParts are the parts of the admin side, in the order of the navigation.
var adminParts = []struct{ Path, Name string }{
	{"/admin", "Overview"},
	{"/admin/jobs", "Jobs"},
	{"/admin/users", "Users"},
	{"/admin/anime", "Anime"},
	{"/admin/keys", "Keys"},
	{"/admin/admins", "Admins"},
	{"/admin/log", "Log"},
}

// part is the name of the part of the admin side that the page belongs to; empty: none.
func (p AdminPage) part() string {
	for _, part := range adminParts {
		if part.Path == p.Here {
			return part.Name
		}
	}
	return ""
}

// LoginView is what the login page shows.
type LoginView struct {
	Token string
	Next  string // where to go after the login
	Name  string // that was typed
	Wrong string // with what was typed; empty: nothing
}

// origins are the origins of users, in the order in which they are shown.
var origins = []engine.Origin{engine.FromMAL, engine.FromFile, engine.Uploaded, engine.FromDemo}

func originName(o engine.Origin) string {
	switch o {
	case engine.FromMAL:
		return "MyAnimeList"
	case engine.FromFile:
		return "import"
	case engine.Uploaded:
		return "upload"
	case engine.FromDemo:
		return "demo"
	}
	return string(o)
}

// took is a duration as it is read easily.
func took(d time.Duration) string {
	switch {
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
	return every(d.Round(time.Second))
}

// every is a duration without the units that are 0: 1h, 90s is 1m 30s.
func every(d time.Duration) string {
	text := ""
	for _, u := range []struct {
		d    time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}} {
		if n := int(d / u.d); n > 0 {
			text += " " + strconv.Itoa(n) + " " + u.name
			d %= u.d
		}
	}
	if text == "" {
		return took(d)
	}
	return text[1:]
}

// utc prints a moment in full.
func utc(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// userLink is where more is said of a user.
func userLink(name string) templ.SafeURL { return link("/admin/users/" + url.PathEscape(name)) }

// keepOutLink is where a user can be kept out.
func keepOutLink(name string) templ.SafeURL {
	return link("/admin/kept-out?name=" + url.QueryEscape(name))
}

// deletion says what deleting a user of an origin means.
func deletion(o engine.Origin) string {
	if o == engine.FromMAL {
		return "The list is deleted. A public list on MyAnimeList comes back when somebody asks for the name."
	}
	return "The list is deleted for good."
}
