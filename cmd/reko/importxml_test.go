package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"strings"
	"testing"
)

const exported = `<?xml version="1.0" encoding="UTF-8" ?>
<myanimelist>
	<myinfo><user_name>Spike</user_name><user_export_type>1</user_export_type></myinfo>
	<anime>
		<series_animedb_id>1</series_animedb_id>
		<series_title><![CDATA[Cowboy Bebop]]></series_title>
		<my_watched_episodes>26</my_watched_episodes>
		<my_finish_date>2015-03-04</my_finish_date>
		<my_score>10</my_score>
		<my_status>Completed</my_status>
	</anime>
</myanimelist>
`

func TestImportXML(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(exported)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"list.xml": exported, "list.xml.gz": packed.String(), "half.xml.gz": packed.String()[:packed.Len()/2], "half.xml": exported[:300],
		"high.xml":    strings.Replace(exported, ">10<", ">11<", 1),
		"manga.xml":   strings.Replace(exported, "type>1<", "type>2<", 1),
		"page.xml":    "<html></html>",
		"planned.xml": strings.Replace(exported, "Completed", "Plan to Watch", 1),
		"anime.csv":   "mal_id,title,episodes,mean,start_date,genre_ids\n1,Cowboy Bebop,26,8.75,1998-04-03,1;46;24;50;29\n",
	} {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		args string
		fail bool
		want string // in what is printed
	}{
		{"import --help", false, "import xml"},
		{"import xml --help", false, "--user NAME"},
		{"import xml list.xml", true, "--user"},
		{"import xml --user=s list.xml", true, `--user "s" is not 2 to 16 letters, digits, _ or -`},
		{"import xml --user=spike missing.xml", true, "missing.xml"},
		{"import xml --user=spike half.xml", true, "half.xml: line 8: the file ends too early; it is not whole"},
		{"import xml --user=spike half.xml.gz", true, "half.xml.gz: the compressed file ends too early; it is not whole"},
		{"import xml --user=spike high.xml", true, `high.xml: line 4: Cowboy Bebop: score "11" is no whole number in 0..10`},
		{"import xml --user=spike manga.xml", true, "manga.xml: line 3: this is an export of a manga list; an anime list is needed"},
		{"import xml --user=spike page.xml", true, "page.xml: line 1: this is no list exported by MyAnimeList: it begins with <html>"},
		{"check", false, "0 users, 0 entries, 0 damaged lists"},
		{"import xml --user=planner planned.xml", false, "None of them are watched"},
		{"import xml --user=Spike list.xml", false, "list.xml: 1 anime imported as the list of spike"},
		{"import xml --user=faye list.xml.gz", false, "no taste is known"},
		{"import anime anime.csv", false, "2 of 3 hashes changed"},
		{"import xml --user=faye list.xml.gz", false, "list.xml.gz: 1 anime imported as the list of faye"},
		{"check", false, "3 users, 3 entries, 0 damaged lists"},
	} {
		out, err := program(t, dir, nil, strings.Fields(test.args)...).CombinedOutput()
		if (err != nil) != test.fail || !strings.Contains(string(out), test.want) {
			t.Errorf("reko %s: %v, printed:\n%s\nwant: %s", test.args, err, out, test.want)
		}
	}

	// A file that cannot be read leaves the demo where it is.
	db := "REKO_DB_URL=sqlite:demo.db"
	start(t, func(cfg *config) { cfg.Database = "sqlite:" + dir + "/demo.db" })
	for _, test := range []struct{ args, want, users string }{
		{"xml --user=spike half.xml", "not whole", "400 users"},
		{"lists half.xml", "parse error", "400 users"},
		{"xml --user=spike list.xml", "400 invented demo users removed", "1 users"},
	} {
		out, err := program(t, dir, []string{db}, append([]string{"import"}, strings.Fields(test.args)...)...).CombinedOutput()
		if (err != nil) != (test.users == "400 users") || !strings.Contains(string(out), test.want) {
			t.Errorf("%s: %v\n%s", test.args, err, out)
		}
		if out, err := program(t, dir, []string{db}, "check").CombinedOutput(); err != nil || !strings.Contains(string(out), test.users) {
			t.Errorf("after %s: %v, %s; want %s", test.args, err, out, test.users)
		}
	}
}
