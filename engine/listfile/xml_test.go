package listfile

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"reko.moe/engine"
)

const xmlHead = `<?xml version="1.0" encoding="UTF-8" ?>
		<!--
		 Created by XML Export feature at MyAnimeList.net
		-->

		<myanimelist>

			<myinfo>
				<user_id>1</user_id>
				<user_name>Spike-S</user_name>
				<user_export_type>1</user_export_type>
				<user_total_anime>3</user_total_anime>
			</myinfo>

`

const xmlTail = "\t\t</myanimelist>\n\t\t"

// xmlAnime is an entry as MyAnimeList writes it.
func xmlAnime(id, watched, start, finish, score, status string) string {
	return fmt.Sprintf(`
				<anime>
					<series_animedb_id>%s</series_animedb_id>
					<series_title><![CDATA[Panty & <b>Stocking</b>]]></series_title>
					<series_type>TV</series_type>
					<series_episodes>26</series_episodes>
					<my_id>0</my_id>
					<my_watched_episodes>%s</my_watched_episodes>
					<my_start_date>%s</my_start_date>
					<my_finish_date>%s</my_finish_date>
					<my_rated></my_rated>
					<my_score>%s</my_score>
					<my_storage_value>0.00</my_storage_value>
					<my_status>%s</my_status>
					<my_comments><![CDATA[]]></my_comments>
					<my_times_watched>0</my_times_watched>
					<my_priority>LOW</my_priority>
					<my_tags><![CDATA[]]></my_tags>
					<my_sns>default</my_sns>
					<update_on_import>0</update_on_import>
				</anime>
`, id, watched, start, finish, score, status)
}

var bebop = xmlAnime("1", "26", "2015-01-02", "2015-03-04", "10", "Completed")

func day(year, month, d int) engine.Day {
	return engine.DayOf(time.Date(year, time.Month(month), d, 0, 0, 0, 0, time.UTC))
}

func TestReadXML(t *testing.T) {
	const none = "0000-00-00"
	text := xmlHead +
		xmlAnime("30", "0", none, none, "0", "Plan to Watch") +
		xmlAnime("5", "1", "2016-01-01", none, "9", "Completed") +
		xmlAnime("20", "70000", "2015-00-00", "2014-02-30", "0", "Watching") +
		bebop +
		xmlAnime("6", "13", "2016-05-06", "2017-00-00", "8", "On-Hold") +
		xmlAnime("7", "2", "", "", "", "DROPPED") +
		xmlAnime("10", "1", "2016-05-06", none, "1", "1") +
		xmlAnime("11", "1", none, none, "1", "2") +
		xmlAnime("12", "1", none, none, "1", "3") +
		xmlAnime("13", "1", none, none, "1", "4") +
		xmlAnime("14", " 1 ", none, none, "1", "6") +
		xmlTail
	want := UserList{"spike-s", engine.List{
		{Anime: 6, Episodes: 13, Day: day(2016, 5, 6), Score: 8, Status: engine.OnHold},
		{Anime: 10, Episodes: 1, Day: day(2016, 5, 6), Score: 1, Status: engine.Watching},
		{Anime: 5, Episodes: 1, Day: day(2016, 1, 1), Score: 9, Status: engine.Completed},
		{Anime: 1, Episodes: 26, Day: day(2015, 3, 4), Score: 10, Status: engine.Completed},
		{Anime: 7, Episodes: 2, Status: engine.Dropped},
		{Anime: 11, Episodes: 1, Score: 1, Status: engine.Completed},
		{Anime: 12, Episodes: 1, Score: 1, Status: engine.OnHold},
		{Anime: 13, Episodes: 1, Score: 1, Status: engine.Dropped},
		{Anime: 14, Episodes: 1, Score: 1, Status: engine.Planned},
		{Anime: 20, Episodes: 65535, Status: engine.Watching},
		{Anime: 30, Status: engine.Planned},
	}}
	for name, r := range map[string]io.Reader{
		"whole":                 strings.NewReader(text),
		"byte by byte":          iotest.OneByteReader(strings.NewReader(text)),
		"with a byte order":     strings.NewReader("\ufeff" + text),
		"after an empty line":   strings.NewReader("\r\n " + text),
		"with other line ends":  strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n")),
		"without a declaration": strings.NewReader(text[strings.Index(text, "?>")+2:]),
		"in lower case utf-8":   strings.NewReader(strings.Replace(text, "UTF-8", "utf-8", 1)),
		"without spaces":        strings.NewReader(strings.ReplaceAll(strings.ReplaceAll(text, "\t", ""), "\n", "")),
	} {
		if got, err := ReadXML(r); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: ReadXML() = %v, %v; want %v", name, got, err, want)
		}
	}
}

// What people typed, or tools write, may be anything. The list is read all the same.
func TestReadXMLTakes(t *testing.T) {
	for name, change := range map[string][2]string{
		"a bare ampersand":             {"LOW", "Panty & Stocking"},
		"an ampersand before a word":   {"LOW", "R&B"},
		"an ampersand at the end":      {"LOW", "x&"},
		"characters that stand so":     {"LOW", "&lt;&amp;&#9733;&#x2605;&quot;"},
		"control characters":           {"LOW", "a\x00\x0b\x1bb"},
		"bytes that are no text":       {"LOW", "\xff\xc3(\xed\xa0\x80\xf4\x90"},
		"characters that are none":     {"LOW", "\ufffe\uffff"},
		"letters of all sorts":         {"LOW", "ア\U0001F680é"},
		"a long comment":               {"<![CDATA[]]></my_comments>", "<![CDATA[" + strings.Repeat("long ", 10_000) + "]]></my_comments>"},
		"entities in CDATA":            {"<![CDATA[]]></my_comments>", "<![CDATA[&Atilde;&xxe;<!DOCTYPE x>]]></my_comments>"},
		"an element that is not known": {"<my_sns>", "<my_new><deep>x</deep></my_new><my_sns>"},
		"a comment":                    {"<my_sns>", "<!-- <manga> --><my_sns>"},
		"an instruction":               {"<my_sns>", "<?php echo 1 ?><my_sns>"},
		"other sections":               {"<anime>", "<other><series_animedb_id>x</series_animedb_id></other><anime>"},
		"a field twice":                {"<my_score>10<", "<my_score>x</my_score><my_score>10<"},
		"a text in parts":              {"<my_score>10<", "<my_score>1<!-- -->0<"},
		"namespaces":                   {"<myanimelist>", `<myanimelist xmlns="urn:x" xmlns:y="urn:y" y:z="1">`},
	} {
		text := xmlHead + bebop + xmlTail
		if !strings.Contains(text, change[0]) {
			t.Fatalf("%s: no %q", name, change[0])
		}
		got, err := ReadXML(strings.NewReader(strings.Replace(text, change[0], change[1], 1)))
		if err != nil || len(got.List) != 1 || got.List[0].Anime != 1 || got.List[0].Score != 10 || got.Name != "spike-s" {
			t.Errorf("%s: ReadXML() = %v, %v", name, got, err)
		}
	}
	for name, want := range map[string]string{"Spike-S": "spike-s", "": "", "x": "", "<![CDATA[Faye_V]]>": "faye_v", "no name": "", strings.Repeat("x", 17): ""} {
		got, err := ReadXML(strings.NewReader(strings.Replace(xmlHead, "Spike-S", name, 1) + bebop + xmlTail))
		if err != nil || got.Name != want {
			t.Errorf("the name %q: ReadXML() = %q, %v; want %q", name, got.Name, err, want)
		}
	}
	if got, err := ReadXML(strings.NewReader("<myanimelist>" + bebop + bebop + "</myanimelist>")); err != nil || len(got.List) != 1 || got.Name != "" {
		t.Errorf("an anime twice: ReadXML() = %v, %v", got, err)
	}
}

// bomb declares entities that would make a billion of one.
func bomb() string {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\"?>\n<!DOCTYPE myanimelist [\n<!ENTITY a0 \"ha\">\n")
	for i := range 30 {
		fmt.Fprintf(&b, "<!ENTITY a%d \"%s\">\n", i+1, strings.Repeat(fmt.Sprintf("&a%d;", i), 10))
	}
	b.WriteString("]>\n<myanimelist><anime><series_title>&a30;</series_title></anime></myanimelist>")
	return b.String()
}

func TestReadXMLRefuses(t *testing.T) {
	const dtd = "line 2: this is no list exported by MyAnimeList: it has a <!DOCTYPE> or another declaration, which is not read"
	entry := func(old, changed string) string {
		if !strings.Contains(bebop, old) {
			t.Fatalf("no %q", old)
		}
		return xmlHead + strings.Replace(bebop, old, changed, 1) + xmlTail
	}
	long := strings.Repeat("x", maxToken)
	for name, test := range map[string]struct{ text, want string }{
		"nothing":              {"", "line 1: the file is empty"},
		"white space":          {" \n\n\t", "line 3: the file is empty"},
		"words":                {"hello", "line 1: this is no list exported by MyAnimeList"},
		"other data":           {"\x89PNG\r\n\x1a\n\x00\x00", "line 3: this is no list exported by MyAnimeList"},
		"a table":              {"user_id,mal_id\n1,1\n", "line 3: this is no list exported by MyAnimeList"},
		"a page":               {"\n<!DOCTYPE html><html><body>x<br></body></html>", dtd},
		"a page without":       {"<html><body>", "line 1: this is no list exported by MyAnimeList: it begins with <html>"},
		"another XML":          {"<?xml version=\"1.0\"?>\n<rss></rss>", "line 2: this is no list exported by MyAnimeList: it begins with <rss>"},
		"broken at once":       {"<myanimelist", "line 1: this is no list exported by MyAnimeList"},
		"much of nothing":      {"<" + long, "line 1: this is no list exported by MyAnimeList"},
		"XML of the future":    {`<?xml version="1.1"?><myanimelist/>`, "line 1: this is no list exported by MyAnimeList"},
		"another encoding":     {strings.Replace(xmlHead, "UTF-8", "ISO-8859-1", 1) + bebop + xmlTail, `line 1: the encoding is "ISO-8859-1"; only UTF-8 is read`},
		"UTF-16":               {"\xff\xfe<\x00m\x00y\x00", `line 1: the encoding is "UTF-16"; only UTF-8 is read`},
		"the other UTF-16":     {"\xfe\xff\x00<\x00m\x00y", `line 1: the encoding is "UTF-16"; only UTF-8 is read`},
		"a manga list":         {strings.Replace(xmlHead, "type>1<", "type>2<", 1) + xmlTail, "line 11: this is an export of a manga list; an anime list is needed"},
		"manga":                {"<myanimelist>\n<manga><manga_mangadb_id>1</manga_mangadb_id></manga></myanimelist>", "line 2: this is an export of a manga list; an anime list is needed"},
		"no anime":             {xmlHead + xmlTail, "line 16: there is no anime in this export"},
		"an empty element":     {"<myanimelist/>", "line 1: there is no anime in this export"},
		"an end too early":     {xmlHead + bebop, "line 36: the file ends too early; it is not whole"},
		"an end within":        {(xmlHead + bebop)[:len(xmlHead)+400], "line 25: the file ends too early; it is not whole"},
		"something after":      {"<myanimelist>" + bebop + "</myanimelist>\nx", "line 23: something follows the end of the list"},
		"a list after":         {"<myanimelist></myanimelist><myanimelist>" + bebop + "</myanimelist>", "line 1: something follows the end of the list"},
		"text between":         {"<myanimelist>x" + bebop + "</myanimelist>", "line 2: text stands where only elements belong"},
		"elements crossed":     {entry("</my_score>", "</my_status>"), "line 26: this is not XML as it should be: element <my_score> closed by </my_status>"},
		"an external entity":   {"<?xml version=\"1.0\"?>\n<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><myanimelist><anime><series_title>&e;</series_title></anime></myanimelist>", dtd},
		"an external DTD":      {"\n<!DOCTYPE myanimelist SYSTEM \"http://127.0.0.1:1/x.dtd\"><myanimelist>" + bebop + "</myanimelist>", dtd},
		"a parameter entity":   {"\n<!DOCTYPE r [<!ENTITY % p SYSTEM \"http://127.0.0.1:1/x\">%p;]><myanimelist/>", dtd},
		"a bomb":               {bomb(), "line 34: this is no list exported by MyAnimeList: it has a <!DOCTYPE> or another declaration, which is not read"},
		"a bomb of one":        {"<!DOCTYPE x [<!ENTITY a \"" + long + "\">]><myanimelist>" + bebop + "</myanimelist>", "line 1: this is no list exported by MyAnimeList"},
		"a declaration within": {entry("<my_sns>", "<!ENTITY a \"b\"><my_sns>"), "line 33: this is no list exported by MyAnimeList: it has a <!DOCTYPE> or another declaration, which is not read"},
		"an unknown entity":    {entry("LOW", "&xxe;"), "line 31: this is not XML as it should be: invalid character entity &xxe;"},
		"no character":         {entry("LOW", "&#0;"), "line 31: this is not XML as it should be: illegal character code U+0000"},
		"depth":                {"<myanimelist>" + strings.Repeat("<x>", 1_000_000), "line 1: too many elements in each other"},
		"a long text":          {entry("LOW", long), "line 31: a text or a tag is longer than 65536 bytes"},
		"a long tag":           {entry("<my_sns>", "<my_sns "+long+"=\"\">"), "line 33: a text or a tag is longer than 65536 bytes"},
		"a long value":         {entry("<my_sns>", "<my_sns a=\""+long+"\">"), "line 33: a text or a tag is longer than 65536 bytes"},
		"a long comment":       {entry("<my_sns>", "<!--"+long+"--><my_sns>"), "line 33: a text or a tag is longer than 65536 bytes"},
		"a long score":         {entry(">10<", ">"+strings.Repeat("0", 1001)+"<"), "line 26: <my_score> is longer than 1000 bytes"},
		"a long score in bits": {entry(">10<", ">"+strings.Repeat("0<!---->", 1001)+"<"), "line 26: <my_score> is longer than 1000 bytes"},
		"a score too high":     {entry(">10<", ">11<"), `line 16: Panty ＆ <b>Stocking</b>: score "11" is no whole number in 0..10`},
		"half a score":         {entry(">10<", ">7.5<"), `line 16: Panty ＆ <b>Stocking</b>: score "7.5" is no whole number in 0..10`},
		"no id":                {entry("_id>1<", "_id><"), "line 16: Panty ＆ <b>Stocking</b>: no anime id"},
		"nothing of an entry":  {xmlHead + "<anime></anime>" + xmlTail, "line 15: no anime id"},
		"an id that is none":   {entry("_id>1<", "_id>0<"), "line 16: Panty ＆ <b>Stocking</b>: no anime id"},
		"an id too large":      {entry("_id>1<", "_id>4194304<"), `line 16: Panty ＆ <b>Stocking</b>: anime id "4194304" is no whole number in 0..4194303`},
		"episodes below none":  {entry(">26</my_w", ">-1</my_w"), `line 16: Panty ＆ <b>Stocking</b>: number of episodes "-1" is no whole number in 0..2147483647`},
		"no status":            {entry(">Completed<", "><"), `line 16: Panty ＆ <b>Stocking</b>: status "" is not Watching, Completed, On-Hold, Dropped or Plan to Watch`},
		"a status of manga":    {entry(">Completed<", ">Reading<"), `line 16: Panty ＆ <b>Stocking</b>: status "Reading" is not Watching, Completed, On-Hold, Dropped or Plan to Watch`},
	} {
		got, err := ReadXML(strings.NewReader(test.text))
		var placed *Error
		if err == nil || err.Error() != test.want || !errors.As(err, &placed) || got.Name != "" || got.List != nil {
			t.Errorf("%s: ReadXML() = %v, %v; want the error %s", name, got, err, test.want)
		}
	}
}

// entries is an endless export, generated as it is read.
type entries struct {
	n    int
	rest []byte
}

func (e *entries) Read(p []byte) (int, error) {
	if len(e.rest) == 0 {
		e.n++
		e.rest = fmt.Appendf(e.rest[:0], "<anime><series_animedb_id>%d</series_animedb_id><my_status>2</my_status></anime>", e.n)
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func TestReadXMLCounts(t *testing.T) {
	const most = 1000
	_, err := readXML(io.MultiReader(strings.NewReader("<myanimelist>"), &entries{}), most)
	if want := "line 1: there are more than 1000 anime"; err == nil || err.Error() != want {
		t.Errorf("an endless export: %v, want %s", err, want)
	}
	whole := []io.Reader{strings.NewReader("<myanimelist>")}
	for i := range most {
		e := &entries{n: i}
		_, _ = e.Read(nil)
		whole = append(whole, bytes.NewReader(e.rest))
	}
	whole = append(whole, strings.NewReader("</myanimelist>"))
	if got, err := readXML(io.MultiReader(whole...), most); err != nil || len(got.List) != most {
		t.Errorf("%d anime are read as %d, %v", most, len(got.List), err)
	}
}

// What fails while the file is read is no mistake in the file.
func TestReadXMLReaderFails(t *testing.T) {
	gone := errors.New("the disk is gone")
	for n := 0; n < len(xmlHead+bebop); n += 3 {
		got, err := ReadXML(io.MultiReader(strings.NewReader((xmlHead + bebop)[:n]), iotest.ErrReader(gone)))
		if !errors.Is(err, gone) || err.Error() != gone.Error() || got.List != nil {
			t.Fatalf("after %d bytes: %v, %v; want %v", n, got, err, gone)
		}
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = io.WriteString(z, xmlHead+bebop+xmlTail)
	_ = z.Close()
	r, err := gzip.NewReader(bytes.NewReader(packed.Bytes()[:packed.Len()-9]))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ReadXML(r); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a compressed file: %v", err)
	}
}

// Whatever is read, what comes out is a list, or a mistake with its line.
func FuzzReadXML(f *testing.F) {
	for _, seed := range []string{
		xmlHead + bebop + xmlTail, bomb(), "", "<myanimelist/>", "<myanimelist><anime><series_animedb_id>1</series_animedb_id><my_status>2</my_status></anime></myanimelist>",
		"<myanimelist><manga/>", "\xff\xfe<", "<?xml version='1.0' encoding='x'?>", "<myanimelist>&a;&#1;& \xe3\x82", "<myanimelist><![CDATA[]]>", "<a:myanimelist xmlns:a=''><!---->",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := ReadXML(bytes.NewReader(data))
		if err != nil {
			var placed *Error
			if !errors.As(err, &placed) || placed.Line < 1 || placed.Line > bytes.Count(data, []byte("\n"))+1 || got.List != nil {
				t.Errorf("%v, %+v", got, err)
			}
			return
		}
		if name, ok := engine.CanonicalName(got.Name); got.Name != "" && (!ok || name != got.Name) {
			t.Errorf("the name %q", got.Name)
		}
		if l, err := got.List.Pack().Unpack(nil); err != nil || len(l) == 0 || !reflect.DeepEqual(l, got.List) {
			t.Errorf("%v is packed as %v, %v", got.List, l, err)
		}
	})
}

func BenchmarkReadXML(b *testing.B) {
	text := xmlHead + strings.Repeat(bebop, 1000) + xmlTail
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := ReadXML(strings.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}
