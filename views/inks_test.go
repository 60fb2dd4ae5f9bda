package views

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The colours that pictures are drawn in are those of the pages.
func TestColoursAgreeWithCSS(t *testing.T) {
	data, err := os.ReadFile("app.css")
	if err != nil {
		t.Fatal(err)
	}
	css := string(data)
	at := strings.Index(css, `[data-theme="dark"]`)
	if at < 0 {
		t.Fatal("app.css has no dark theme")
	}
	light, dark := css[:at], css[at:]

	declared := regexp.MustCompile(`--ink-\d+:`)
	themes := []struct {
		name, css string
		of        func(Ink) Colour
		times     int // the dark one is there for the switch and for the system's preference
	}{
		{"light", light, func(i Ink) Colour { return i.Light }, 1},
		{"dark", dark, func(i Ink) Colour { return i.Dark }, 2},
	}
	for _, theme := range themes {
		if n := len(declared.FindAllString(theme.css, -1)); n != theme.times*len(inks) {
			t.Errorf("the %s theme has %d inks, want %d times %d", theme.name, n, theme.times, len(inks))
		}
		for n, ink := range inks {
			want := fmt.Sprintf("--ink-%d: #%06x;", n, theme.of(ink))
			if strings.Count(theme.css, want) != theme.times {
				t.Errorf("the %s theme does not have %q %d times", theme.name, want, theme.times)
			}
		}
	}
	for n := range inks {
		if want := fmt.Sprintf(".ink-%d { color: var(--ink-%d); }", n, n); !strings.Contains(css, want) {
			t.Errorf("app.css does not have %q", want)
		}
	}
	for name, c := range map[string]Colour{"paper": DarkPaper, "line": DarkLine, "ink": DarkInk, "soft": DarkSoft, "accent": DarkAccent} {
		want := "--" + name + ": " + strconv.Itoa(int(c>>16)) + " " + strconv.Itoa(int(c>>8&255)) + " " + strconv.Itoa(int(c&255)) + ";"
		if strings.Count(dark, want) != 2 {
			t.Errorf("the dark theme does not have %q twice", want)
		}
	}
}
