package main

import (
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"reko.moe/engine/demo"
)

// export writes a list of so many anime as MyAnimeList exports it, packed, and returns where.
func export(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "animelist_1.xml.gz")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	fmt.Fprint(z, "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<myanimelist>\n<myinfo><user_export_type>1</user_export_type></myinfo>\n")
	for i, a := range demo.Anime()[:n] {
		fmt.Fprintf(z, "<anime><series_animedb_id>%d</series_animedb_id><my_watched_episodes>%d</my_watched_episodes>"+
			"<my_finish_date>2020-01-%02d</my_finish_date><my_score>%d</my_score><my_status>Completed</my_status></anime>\n",
			a.ID, max(a.Episodes, 1), 1+i%28, 6+i%5)
	}
	fmt.Fprint(z, "</myanimelist>\n")
	for _, c := range []interface{ Close() error }{z, f} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// journeyUpload comes from a private list to the upload, gets recommendations, and deletes what was uploaded.
func journeyUpload(tb *tab, _ *world) {
	file := func(path string) { tb.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{path})) }
	nonsense := filepath.Join(tb.t.TempDir(), "list.xml")
	if err := os.WriteFile(nonsense, []byte("<html>not a list</html>"), 0o600); err != nil {
		tb.t.Fatal(err)
	}
	tb.expectStatus(403)
	tb.expectStatus(422)
	tb.expectStatus(404)
	tb.open("/u/" + private)
	tb.click("main a", "upload an export")
	tb.at("/import")
	tb.shows("h1", "Upload a list")
	file(nonsense)
	tb.click("button", "Upload")
	tb.shows("[role=alert]", "The list was not taken")

	file(export(tb.t, 60))
	tb.click("label", "Others may be matched")
	tb.click("button", "Upload")
	tb.shows("#results-title", "What to watch")
	tb.shows("main", "60 anime on the list")
	tb.until("there are recommendations", `document.querySelectorAll(".cards h3").length === 16`)
	path := tb.path()
	name := strings.TrimPrefix(path, "/u/")

	tb.open("/import")
	tb.shows("section li", name)
	tb.shows("section li", "others may be matched with it")
	tb.click("button", "Delete "+name)
	tb.lacks("section li", name)
	tb.open(path)
	tb.shows("h1", "Nobody of that name")
}

// journeyDocs asks the API by the forms of its documentation.
func journeyDocs(tb *tab, _ *world) {
	name := demo.Examples()[0].Name
	tb.open("/docs")
	form := fmt.Sprintf("form[data-try=%q]", "/api/{username}/similar")
	tb.expect("/favicon.ico") // which browsers look for where no page says better
	tb.enter(form+" [name=username]", name)
	tb.click(form+" button", "Ask")
	answer := form + " output"
	if tb.plain {
		tb.at("/api/" + name + "/similar")
		answer = "body"
	} else {
		tb.shows(answer, "200 OK")
	}
	tb.shows(answer, `"similarity"`)
	tb.shows(answer, `"username"`)
}
