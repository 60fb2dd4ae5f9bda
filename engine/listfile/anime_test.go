package listfile

import (
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"reko.moe/engine"
)

// made is when the files were made.
var made = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func readAnime(r io.Reader) (anime []engine.Anime, err error) {
	for a, e := range ReadAnime(r, made) {
		if err != nil {
			return anime, fmt.Errorf("goes on after %w", err)
		}
		if err = e; err == nil {
			anime = append(anime, a)
		}
	}
	return anime, err
}

func TestReadAnime(t *testing.T) {
	bebop := engine.Anime{
		ID: 1, Title: "Cowboy Bebop", English: "Cowboy Bebop", Type: "tv", Episodes: 26, Mean: 8.75, Rating: engine.RatingR,
		Start: engine.Date{Year: 1998, Month: 4, Day: 3}, Status: engine.FinishedAiring,
		Genres:  []engine.Genre{{ID: 1, Name: "Action"}, {ID: 46, Name: "Award Winning"}, {ID: 24, Name: "Sci-Fi"}},
		Picture: "https://example.org/1.jpg", Members: 2_073_470, NSFW: "white",
		Relations: []engine.Relation{{Type: "side_story", ID: 5}, {Type: "summary", ID: 4037}}, DescribedAt: made, RelatedAt: made,
	}
	least := engine.Anime{ID: 7, Title: "Seven", Genres: []engine.Genre{}, DescribedAt: made}
	child := least
	child.Relations, child.Parent, child.RelatedAt = []engine.Relation{{Type: "sequel", ID: 3}, {Type: "prequel", ID: 4}}, 4, made
	adopted := child
	adopted.Parent = 9
	orphan := least
	orphan.RelatedAt = made
	whole := "mal_id,title,type,episodes,mean,rating,start_date,status,genres,genre_ids,parent_id,relations,picture,members,nsfw,title_english\n" +
		"1,Cowboy Bebop,tv,26,8.75,r,1998-04-03,finished_airing,Action;Award Winning;Sci-Fi,1;46;24,,side_story:5;summary:4037,https://example.org/1.jpg,2073470,white,Cowboy Bebop\n"
	for _, test := range []struct {
		name, file string
		want       []engine.Anime
	}{
		{"all columns", whole, []engine.Anime{bebop}},
		{"byte order mark and CRLF", "\ufeff" + strings.ReplaceAll(whole, "\n", "\r\n"), []engine.Anime{bebop}},
		{"what is needed", "mal_id,title\n7,Seven\n", []engine.Anime{least}},
		{"in another order, with more", "popularity,title,mal_id\n3,Seven,7\n", []engine.Anime{least}},
		{"nothing", "mal_id,title\n", nil},
		{"two", "mal_id,title\n7,Seven\n7,Seven", []engine.Anime{least, least}},
		{"empty fields", "mal_id,title,episodes,mean,rating,start_date,status,genres,genre_ids,members\n7,Seven,,,,,,,,\n", []engine.Anime{least}},
		{"rating and status that nobody knows", "mal_id,title,rating,status\n7,Seven,nc_17,cancelled\n", []engine.Anime{least}},
		{"the parent follows from the relations", "mal_id,title,relations\n7,Seven,sequel:3;prequel:4\n", []engine.Anime{child}},
		{"a parent that is named", "mal_id,title,relations,parent_id\n7,Seven,sequel:3;prequel:4,9\n", []engine.Anime{adopted}},
		{"no relations are known to be none", "mal_id,title,relations\n7,Seven,\n", []engine.Anime{orphan}},
		{"no parent is known to be none", "mal_id,title,parent_id\n7,Seven,\n", []engine.Anime{orphan}},
		{"quotes", "mal_id,title\n7,\"Seven\"\n", []engine.Anime{least}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for how, r := range map[string]io.Reader{
				"whole": strings.NewReader(test.file), "byte by byte": iotest.OneByteReader(strings.NewReader(test.file)),
			} {
				got, err := readAnime(r)
				if !reflect.DeepEqual(got, test.want) || err != nil {
					t.Errorf("%s: ReadAnime() = %+v, %v; want %+v", how, got, err, test.want)
				}
			}
		})
	}
}

func TestReadAnimeTitles(t *testing.T) {
	file := "mal_id,title\n1,\"Comma, comma\"\n2,\"Say \"\"hello\"\"\"\n3,\"Two\nlines\"\n4,  spaces  \n5,進撃の巨人\n"
	anime, err := readAnime(strings.NewReader(file))
	var titles []string
	for _, a := range anime {
		titles = append(titles, a.Title)
	}
	if want := []string{"Comma, comma", `Say "hello"`, "Two\nlines", "spaces", "進撃の巨人"}; !reflect.DeepEqual(titles, want) || err != nil {
		t.Errorf("titles %q, %v; want %q", titles, err, want)
	}
}

func TestReadAnimeJoinsGenres(t *testing.T) {
	g := func(id int, name string) engine.Genre { return engine.Genre{ID: id, Name: name} }
	for _, test := range []struct {
		names, ids string
		want       []engine.Genre
	}{
		{"", "", []engine.Genre{}},
		{"Action;Space", "1;29", []engine.Genre{g(1, "Action"), g(29, "Space")}},
		{"Shounen Ai;Action", "28;1", []engine.Genre{g(28, "Shounen Ai"), g(1, "Action")}}, // what the file calls it
		{"Action;Music Video", "1;-2", []engine.Genre{g(1, "Action"), g(0, "Music Video")}},
		{"", "1;29", []engine.Genre{g(1, "Action"), g(29, "Space")}},
		{"", "1;1000", []engine.Genre{g(1, "Action")}},
		{"Action;Space", "", []engine.Genre{g(0, "Action"), g(0, "Space")}},
		{"Unheard of;Space;Action", "1;29", []engine.Genre{g(0, "Unheard of"), g(29, "Space"), g(1, "Action")}},
		{"Space", "1;29;24", []engine.Genre{g(29, "Space"), g(1, "Action"), g(24, "Sci-Fi")}},
	} {
		anime, err := readAnime(strings.NewReader("mal_id,title,genres,genre_ids\n7,Seven," + test.names + "," + test.ids + "\n"))
		if err != nil || len(anime) != 1 || !reflect.DeepEqual(anime[0].Genres, test.want) {
			t.Errorf("genres %q with ids %q = %+v, %v; want %+v", test.names, test.ids, anime, err, test.want)
		}
	}
}

func TestReadAnimeNamesMistakes(t *testing.T) {
	const columns = "mal_id,title,episodes,mean,start_date,genre_ids,relations,parent_id,members\n"
	const good = "7,Seven,12,7.5,2017-04,1;2,sequel:8,,100\n"
	for _, test := range []struct {
		name, file string
		line       int
		says       string
	}{
		{"empty file", "", 1, "empty"},
		{"no id", "title,episodes\n", 1, `"mal_id"`},
		{"no title", "mal_id,episodes\n", 1, `"title"`},
		{"a column twice", "mal_id,title,TITLE\n", 1, `"title" is there twice`},
		{"an id that is no number", columns + good + "x,Eight,,,,,,,\n", 3, `"x"`},
		{"an empty id", columns + good + ",Eight,,,,,,,\n", 3, "no anime id"},
		{"an id out of range", columns + good + "4194304,Eight,,,,,,,\n", 3, `"4194304"`},
		{"an empty title", columns + good + "8,,,,,,,,\n", 3, "anime 8 has no title"},
		{"a blank title", columns + good + "8,  ,,,,,,,\n", 3, "anime 8 has no title"},
		{"episodes", columns + good + "8,Eight,12.0,,,,,,\n", 3, `"12.0"`},
		{"negative episodes", columns + good + "8,Eight,-1,,,,,,\n", 3, `"-1"`},
		{"too many episodes", columns + good + "8,Eight,2147483648,,,,,,\n", 3, `"2147483648"`},
		{"a mean that is no number", columns + good + "8,Eight,,N/A,,,,,\n", 3, `"N/A"`},
		{"a mean of NaN", columns + good + "8,Eight,,NaN,,,,,\n", 3, `"NaN"`},
		{"an infinite mean", columns + good + "8,Eight,,Inf,,,,,\n", 3, `"Inf"`},
		{"a mean above 10", columns + good + "8,Eight,,10.01,,,,,\n", 3, `"10.01"`},
		{"a mean below 0", columns + good + "8,Eight,,-0.5,,,,,\n", 3, `"-0.5"`},
		{"a date", columns + good + "8,Eight,,,April 2017,,,,\n", 3, `"April 2017"`},
		{"a day that does not exist", columns + good + "8,Eight,,,2017-02-29,,,,\n", 3, `"2017-02-29"`},
		{"a genre id", columns + good + "8,Eight,,,,1;Action,,,\n", 3, `"Action"`},
		{"a relation without id", columns + good + "8,Eight,,,,,prequel,,\n", 3, `"prequel"`},
		{"a relation to nothing", columns + good + "8,Eight,,,,,prequel:0,,\n", 3, `"prequel:0"`},
		{"a relation to what is no number", columns + good + "8,Eight,,,,,prequel:x,,\n", 3, `"prequel:x"`},
		{"a parent", columns + good + "8,Eight,,,,,,x,\n", 3, `"x"`},
		{"members", columns + good + "8,Eight,,,,,,,many\n", 3, `"many"`},
		{"too few fields", columns + good + "8,Eight\n", 3, "wrong number of fields"},
		{"a quote that does not end", columns + good + "8,\"Eight,,,,,,,\n", 3, `"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			anime, err := readAnime(strings.NewReader(test.file))
			var mistake *Error
			if !errors.As(err, &mistake) || mistake.Line != test.line || !strings.Contains(err.Error(), test.says) {
				t.Errorf("ReadAnime() fails with %v, want line %d and %s", err, test.line, test.says)
			}
			if want := min(test.line-1, 1); len(anime) != want {
				t.Errorf("%d anime before the mistake, want %d", len(anime), want)
			}
		})
	}
}

func TestReadAnimeWhenReadingFails(t *testing.T) {
	failure := errors.New("disk on fire")
	for file, want := range map[string]int{"": 0, "mal_id,title\n": 0, "mal_id,title\n7,Seven\n": 1, "mal_id,title\n7,Seven\n8,Eig": 1} {
		anime, err := readAnime(io.MultiReader(strings.NewReader(file), iotest.ErrReader(failure)))
		if len(anime) != want || !errors.Is(err, failure) {
			t.Errorf("ReadAnime(%q) = %d anime, %v; want %d, %v", file, len(anime), err, want, failure)
		}
	}
}

func TestReadAnimeCanBeStopped(t *testing.T) {
	n := 0
	for _, err := range ReadAnime(strings.NewReader("mal_id,title\n7,Seven\n8,Eight\nx,Nine\n"), made) {
		if n++; n == 2 || err != nil {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d anime after a stop at 2", n)
	}
}

func FuzzReadAnime(f *testing.F) {
	f.Add([]byte("mal_id,title,episodes,mean,rating,start_date,genres,genre_ids,relations,parent_id,members\n" +
		"7,Seven,12,7.5,r+,2017-04,Action;Space,1;29,sequel:8,,100\n8,\"Ei\nght\",,,,,Action;,1,prequel:7;full_story:9,,\n"))
	f.Add([]byte("mal_id,title,genre_ids,genres\n1,a,1;2;3,Comedy;Adventure\n2,b,-1;;,;;;\n"))
	f.Add([]byte("mal_id,title,mean\n1,a,1e1\n1,a,0x1p3\n1,a,-0\n"))
	f.Add([]byte("\xef\xbb\xbf\"mal_id\",\"title\"\r\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		anime, err := readAnime(strings.NewReader(string(file)))
		for _, a := range anime {
			switch {
			case a.ID < 1 || a.ID > engine.MaxAnimeID, a.Title == "", a.Episodes < 0, a.Members < 0, a.DescribedAt != made,
				!(a.Mean >= 0 && a.Mean <= engine.MaxScore), math.IsNaN(a.Mean), a.Parent < 0 || a.Parent > engine.MaxAnimeID:
				t.Fatalf("ReadAnime() = %+v", a)
			}
			for _, r := range a.Relations {
				if r.ID < 1 || r.ID > engine.MaxAnimeID {
					t.Fatalf("anime %d is related to %+v", a.ID, r)
				}
			}
			for _, g := range a.Genres {
				if g.ID < 0 {
					t.Fatalf("anime %d has genre %+v", a.ID, g)
				}
			}
		}
		var mistake *Error
		if err != nil && (!errors.As(err, &mistake) || mistake.Line < 1 || mistake.Line > 1+strings.Count(string(file), "\n")) {
			t.Fatalf("ReadAnime() fails with %v", err)
		}
	})
}
