package listfile

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"reko.moe/engine"
)

// text writes lists down: "name: anime status score/episodes date, ...; name: ...".
func text(lists []UserList) string {
	var users []string
	for _, u := range lists {
		var entries []string
		for _, e := range u.List {
			date := ""
			if e.Day != 0 {
				date = e.Day.Time().Format(" 2006-01-02")
			}
			entries = append(entries, fmt.Sprintf("%d %s %d/%d%s", e.Anime, e.Status, e.Score, e.Episodes, date))
		}
		users = append(users, u.Name+": "+strings.Join(entries, ", "))
	}
	return strings.Join(users, "; ")
}

// readLists returns what comes before the first failure, and that.
func readLists(r io.Reader) (lists []UserList, err error) {
	for l, e := range ReadLists(r) {
		if err != nil {
			return lists, fmt.Errorf("goes on after %w", err)
		}
		if err = e; err == nil {
			lists = append(lists, l)
		}
	}
	return lists, err
}

const header = "user_id,mal_id,status,score,watched_episodes,updated_at\n"

func TestReadLists(t *testing.T) {
	for _, test := range []struct{ name, file, want string }{
		{"nobody", header, ""},
		{"no line end after the header", strings.TrimSuffix(header, "\n"), ""},
		{
			"two users",
			header + "1,20,completed,8,220,\n1,30,dropped,7,18,\n2,5,watching,0,3,\n",
			"u1: 20 completed 8/220, 30 dropped 7/18; u2: 5 watching 0/3",
		},
		{"no line end after the last row", header + "1,20,completed,8,220,", "u1: 20 completed 8/220"},
		{
			"the order of a list",
			header + "1,9,completed,8,1,\n1,3,on_hold,7,18,2013-03-31T07:00:26Z\n1,4,plan_to_watch,0,0,2014-01-01\n1,2,,0,0,\n",
			"u1: 4 plan_to_watch 0/0 2014-01-01, 3 on_hold 7/18 2013-03-31, 2  0/0, 9 completed 8/1",
		},
		{
			"columns in another order, and without dates",
			"score,status,mal_id,username,watched_episodes\n8,completed,20,Spike,220\n",
			"spike: 20 completed 8/220",
		},
		{
			"names win over numbers",
			"user_id,username,mal_id,status,score,watched_episodes\n1,faye,20,completed,8,220\n1,ed,20,completed,8,220\n",
			"faye: 20 completed 8/220; ed: 20 completed 8/220",
		},
		{
			"columns it does not know",
			"user_id,mood,mal_id,status,score,watched_episodes,,\n1,x,20,completed,8,220,y,z\n",
			"u1: 20 completed 8/220",
		},
		{
			"header in capitals, with spaces",
			"User_ID, MAL_ID ,Status,SCORE,Watched_Episodes\n1, 20 ,completed , 8,220\n",
			"u1: 20 completed 8/220",
		},
		{"byte order mark", "\ufeff" + header + "1,20,completed,8,220,\n", "u1: 20 completed 8/220"},
		{"CRLF", strings.ReplaceAll(header+"1,20,completed,8,220,\n2,5,watching,0,3,\n", "\n", "\r\n"), "u1: 20 completed 8/220; u2: 5 watching 0/3"},
		{"quotes", `"user_id","mal_id","status","score","watched_episodes","updated_at"` + "\n" + `"1","20","completed","8","220","2014-01-01"`, "u1: 20 completed 8/220 2014-01-01"},
		{"empty lines", header + "\n1,20,completed,8,220,\n\n\n1,30,dropped,7,18,\n\n", "u1: 20 completed 8/220, 30 dropped 7/18"},
		{"nothing is 0", header + "1,20,,,,\n", "u1: 20  0/0"},
		{"leading zeros", header + "007,020,completed,08,0220,\n", "u007: 20 completed 8/220"},
		{"more episodes than an entry has room for", header + "1,20,completed,8,65535,\n1,21,completed,8,65536,\n1,22,completed,8,2147483647,\n",
			"u1: 20 completed 8/65535, 21 completed 8/65535, 22 completed 8/65535"},
		{"the largest id", header + "1,4194303,completed,8,1,\n", "u1: 4194303 completed 8/1"},
		{"an anime twice: the newest", header + "1,20,completed,8,1,2013-01-01\n1,20,dropped,2,3,2014-01-01\n", "u1: 20 dropped 2/3 2014-01-01"},
		{"an anime twice: of equals the first", header + "1,20,completed,8,1,\n1,20,dropped,2,3,\n", "u1: 20 completed 8/1"},
		{"all names there can be", header + "ab,1,completed,1,1,\n0123456789abcdeF,1,completed,1,1,\n_-,1,completed,1,1,\n123456789012345,1,completed,1,1,\n",
			"ab: 1 completed 1/1; 0123456789abcdef: 1 completed 1/1; _-: 1 completed 1/1; u123456789012345: 1 completed 1/1"},
		{
			"all kinds of time",
			header + "1,1,,0,0,2014-01-02T03:04:05Z\n1,2,,0,0,2014-01-03T00:30:00+01:00\n1,3,,0,0,2014-01-01T03:04:05.678Z\n" +
				"1,4,,0,0,2013-12-31 03:04:05\n1,5,,0,0,2013-12-30\n1,6,,0,0,1960-01-01\n",
			"u1: 2  0/0 2014-01-02, 1  0/0 2014-01-02, 3  0/0 2014-01-01, 4  0/0 2013-12-31, 5  0/0 2013-12-30, 6  0/0",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			for how, r := range map[string]io.Reader{
				"whole":         strings.NewReader(test.file),
				"byte by byte":  iotest.OneByteReader(strings.NewReader(test.file)),
				"data with EOF": iotest.DataErrReader(strings.NewReader(test.file)),
			} {
				lists, err := readLists(r)
				if got := text(lists); got != test.want || err != nil {
					t.Errorf("%s: ReadLists() = %s, %v; want %s", how, got, err, test.want)
				}
			}
		})
	}
}

func TestReadListsNamesMistakes(t *testing.T) {
	const good = "1,20,completed,8,220,\n"
	for _, test := range []struct {
		name, file string
		line       int
		says       string
	}{
		{"empty file", "", 1, "empty"},
		{"nothing but line ends", "\n\n", 1, "empty"},
		{"no user", "mal_id,status,score,watched_episodes\n", 1, `"username" or "user_id"`},
		{"no anime", "user_id,status,score,watched_episodes\n", 1, `"mal_id"`},
		{"no status", "user_id,mal_id,score,watched_episodes\n", 1, `"status"`},
		{"no score", "user_id,mal_id,status,watched_episodes\n", 1, `"score"`},
		{"no episodes", "user_id,mal_id,status,score\n", 1, `"watched_episodes"`},
		{"another separator", strings.ReplaceAll(header, ",", ";"), 1, `user_id;mal_id`},
		{"a column twice", "user_id,mal_id,status,score,watched_episodes,Score\n", 1, `"score" is there twice`},
		{"a quote in the header", `user"_id,mal_id`, 1, `"`},
		{"too few fields", header + good + "1,21,completed,8\n", 3, "wrong number of fields"},
		{"too many fields", header + good + "1,21,completed,8,220,,\n", 3, "wrong number of fields"},
		{"a quote that does not end", header + good + "1,\"21,completed,8,220,\n1,22,completed,8,220,\n", 4, `"`},
		{"a quote inside", header + good + good + "1,2\"1,completed,8,220,\n", 4, `"`},
		{"no anime id", header + "1,,completed,8,220,\n", 2, "no anime id"},
		{"anime 0", header + good + "1,0,completed,8,220,\n", 3, "no anime id"},
		{"an anime that is no number", header + good + "1,x,completed,8,220,\n", 3, `"x"`},
		{"a negative anime", header + good + "1,-5,completed,8,220,\n", 3, `"-5"`},
		{"an anime with a fraction", header + good + "1,5.0,completed,8,220,\n", 3, `"5.0"`},
		{"an anime out of range", header + good + "1,4194304,completed,8,220,\n", 3, `"4194304"`},
		{"an anime far out of range", header + good + "1,99999999999999999999999999,completed,8,220,\n", 3, `"99999999999999999999999999"`},
		{"an unknown status", header + good + "1,21,Completed,8,220,\n", 3, `"Completed"`},
		{"score 11", header + good + "1,21,completed,11,220,\n", 3, `"11"`},
		{"score 256", header + good + "1,21,completed,256,220,\n", 3, `"256"`},
		{"a negative score", header + good + "1,21,completed,-1,220,\n", 3, `"-1"`},
		{"a score with a fraction", header + good + "1,21,completed,7.5,220,\n", 3, `"7.5"`},
		{"episodes that are no number", header + good + "1,21,completed,8,all,\n", 3, `"all"`},
		{"too many episodes", header + good + "1,21,completed,8,2147483648,\n", 3, `"2147483648"`},
		{"a bad date", header + good + "1,21,completed,8,220,31.03.2013\n", 3, `"31.03.2013"`},
		{"a date that does not exist", header + good + "1,21,completed,8,220,2013-02-30\n", 3, `"2013-02-30"`},
		{"no user name", header + ",21,completed,8,220,\n", 2, "user name"},
		{"no user name later on", header + good + ",21,completed,8,220,\n", 3, "user name"},
		{"a bad user name", header + good + "a b,21,completed,8,220,\n", 3, `"a b"`},
		{"a short user name", header + good + "x,21,completed,8,220,\n", 3, `"x"`},
		{"a long user name", header + good + strings.Repeat("y", 17) + ",21,completed,8,220,\n", 3, strings.Repeat("y", 17)},
		{"a user number too long for a name", header + good + strings.Repeat("9", 16) + ",21,completed,8,220,\n", 3, strings.Repeat("9", 16)},
		{"a very long user name", header + good + strings.Repeat("y", 10_000) + ",21,completed,8,220,\n", 3, strings.Repeat("y", 40) + `"`},
		{"a user again", header + good + "2,21,completed,8,220,\n1,22,completed,8,220,\n", 4, `"u1" again`},
		{"a user again in capitals", header + "ab,21,completed,8,220,\nAB,22,completed,8,220,\n", 3, `"ab" again`},
		{"a number and the name it becomes", header + good + "u1,22,completed,8,220,\n", 3, `"u1" again`},
		{"after empty lines", header + "\n\n" + good + "\n1,21,completed,11,220,\n", 6, `"11"`},
		{"after a field of two lines", "user_id,mal_id,status,score,watched_episodes,note\n1,20,completed,8,220,\"a\nb\"\n1,21,completed,11,220,\n", 4, `"11"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			lists, err := readLists(strings.NewReader(test.file))
			var mistake *Error
			if !errors.As(err, &mistake) || mistake.Line != test.line || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("ReadLists() fails with %v, want line %d and %s", err, test.line, test.says)
			}
			if want := fmt.Sprintf("line %d: ", test.line); !strings.HasPrefix(err.Error(), want) || len(err.Error()) > 300 {
				t.Errorf("the mistake reads %q, want %s first, and less than 300 bytes", err, want)
			}
			// The list in which the mistake is does not come, those before do.
			if len(lists) > 1 || len(lists) == 1 && (lists[0].Name != "u1" && lists[0].Name != "ab" || len(lists[0].List) != 1) {
				if test.name != "a user again" || text(lists) != "u1: 20 completed 8/220; u2: 21 completed 8/220" {
					t.Errorf("before the mistake come %s", text(lists))
				}
			}
		})
	}
}

func TestReadListsYieldsWholeListsBeforeAMistake(t *testing.T) {
	file := header + "1,20,completed,8,220,\n1,21,completed,8,220,\n2,20,completed,8,220,\n2,21,completed,11,220,\n3,20,completed,8,220,\n"
	lists, err := readLists(strings.NewReader(file))
	if got, want := text(lists), "u1: 20 completed 8/220, 21 completed 8/220"; got != want || err == nil {
		t.Errorf("ReadLists() = %s, %v; want %s, then the mistake", got, err, want)
	}
}

// A file that ends too early, because of its compression for example, leaves no half list.
func TestReadListsWhenReadingFails(t *testing.T) {
	failure := errors.New("disk on fire")
	for _, test := range []struct{ file, want string }{
		{"", ""},
		{header, ""},
		{header + "1,20,completed,8,220,\n", ""},
		{header + "1,20,completed,8,220,\n1,2", ""},
		{header + "1,20,completed,8,220,\n2,20,completed,8,220,\n", "u1: 20 completed 8/220"},
	} {
		for _, failure := range []error{failure, io.ErrUnexpectedEOF} {
			lists, err := readLists(io.MultiReader(strings.NewReader(test.file), iotest.ErrReader(failure)))
			if got := text(lists); got != test.want || !errors.Is(err, failure) {
				t.Errorf("ReadLists(%q) = %s, %v; want %s, %v", test.file, got, err, test.want, failure)
			}
		}
	}
}

func TestReadListsCanBeStopped(t *testing.T) {
	var file strings.Builder
	file.WriteString(header)
	for i := range 100 {
		fmt.Fprintf(&file, "%d,20,completed,8,220,\n", i)
	}
	n := 0
	for _, err := range ReadLists(strings.NewReader(file.String())) {
		if n++; n == 3 || err != nil {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d lists after a stop at 3", n)
	}
}

func TestReadListsRefusesEndlessLists(t *testing.T) {
	var file strings.Builder
	file.WriteString(header)
	for i := range engine.MaxEntries + 1 {
		fmt.Fprintf(&file, "1,%d,completed,8,220,\n", i+1)
	}
	lists, err := readLists(strings.NewReader(file.String()))
	var mistake *Error
	if len(lists) != 0 || !errors.As(err, &mistake) || mistake.Line != engine.MaxEntries+2 {
		t.Errorf("ReadLists() of %d entries = %d lists, %v; want line %d", engine.MaxEntries+1, len(lists), err, engine.MaxEntries+2)
	}
}

// zeros is a file without an end.
type zeros struct{ read int }

func (z *zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	z.read += len(p)
	return len(p), nil
}

// A row without an end, to which few compressed bytes can be unpacked, fills no memory: in the header, in a field, in quotes.
func TestTablesRefuseEndlessRows(t *testing.T) {
	for _, start := range []string{"", header, header + "1,20,completed,8,220,\n1,", header + "1,\""} {
		for what, read := range map[string]func(io.Reader) error{
			"lists": func(r io.Reader) error { _, err := readLists(r); return err },
			"anime": func(r io.Reader) error {
				for _, err := range ReadAnime(io.MultiReader(strings.NewReader("mal_id,title\n1,"), r), time.Time{}) {
					if err != nil {
						return err
					}
				}
				return nil
			},
		} {
			if what == "anime" {
				start = ""
			}
			endless := new(zeros)
			err := read(io.MultiReader(strings.NewReader(start), endless))
			if !errors.Is(err, errRow) || endless.read > 2*mostRow {
				t.Errorf("%s after %q: %v, after %d bytes", what, start, err, endless.read)
			}
		}
	}
}

func FuzzReadLists(f *testing.F) {
	f.Add([]byte(header + "1,20,completed,8,220,2013-03-31T07:00:26Z\n1,30,dropped,7,18,\nspike,5,watching,0,3,2014-01-01\n"))
	f.Add([]byte("\ufeff" + `"username","mal_id","status","score","watched_episodes"` + "\r\n" + `"ab","1","","",""`))
	f.Add([]byte("username,mal_id,status,score,watched_episodes,x\n1,1,completed,1,1,\"\n\n\"\nab,1,,,,\"\"\"\"\n"))
	f.Add([]byte("\n,\n"))
	f.Add([]byte{0xff, 0xfe, 0})
	f.Fuzz(func(t *testing.T, file []byte) {
		seen := map[string]bool{}
		lists, err := readLists(strings.NewReader(string(file)))
		for _, u := range lists {
			if name, ok := engine.CanonicalName(u.Name); name != u.Name || !ok || seen[name] {
				t.Fatalf("user %q comes, twice: %t", u.Name, seen[name])
			}
			seen[u.Name] = true
			if len(u.List) == 0 {
				t.Fatalf("the list of %q is empty", u.Name)
			}
			// What is no valid list does not come back from its stored form, or in another order.
			changes := make([]engine.Change, len(u.List))
			for i, e := range u.List {
				changes[i] = engine.Change{Entry: e, At: e.Day.Time()}
				if e.Day != 0 {
					changes[i].At = changes[i].At.Add(24*time.Hour - time.Duration(i+1)*time.Microsecond)
				}
			}
			again, err := engine.NewList(changes)
			back, errBack := u.List.Pack().Unpack(nil)
			if fmt.Sprint(again, back) != fmt.Sprint(u.List, u.List) || err != nil || errBack != nil {
				t.Fatalf("the list of %q is not valid: %v, %v", u.Name, err, errBack)
			}
		}
		var mistake *Error
		if err != nil && (!errors.As(err, &mistake) || mistake.Line < 1 || mistake.Line > 1+strings.Count(string(file), "\n")) {
			t.Fatalf("ReadLists() fails with %v", err)
		}
	})
}
