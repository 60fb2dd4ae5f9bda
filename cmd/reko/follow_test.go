package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"reko.moe/db"
	"reko.moe/internal/wait"
)

// A running server matches what commands beside it import, and no longer what they remove; it does not load everything again for that.
func TestServerFollowsCommands(t *testing.T) {
	const export = `<?xml version="1.0" encoding="UTF-8"?><myanimelist><myinfo><user_export_type>1</user_export_type></myinfo>
<anime><series_animedb_id>%d</series_animedb_id><my_watched_episodes>12</my_watched_episodes><my_score>9</my_score><my_status>Completed</my_status></anime>
<anime><series_animedb_id>%d</series_animedb_id><my_watched_episodes>12</my_watched_episodes><my_score>7</my_score><my_status>Completed</my_status></anime></myanimelist>`
	anime := "mal_id,title,episodes,mean,start_date,genre_ids\n1,Cowboy Bebop,26,8.75,1998-04-03,1;46;24;50;29\n5,Tengoku no Tobira,1,8.38,2001-09-01,1;24\n"
	onBothStores(t, func(t *testing.T, url string) {
		dir := t.TempDir()
		reko := func(args ...string) {
			t.Helper()
			if out, err := program(t, dir, []string{"REKO_DB_URL=" + url, "REKO_DEMO_ENABLED=false"}, args...).CombinedOutput(); err != nil {
				t.Fatalf("reko %s: %v\n%s", strings.Join(args, " "), err, out)
			}
		}
		write := func(name, text string) {
			if err := os.WriteFile(dir+"/"+name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("anime.csv", anime)
		write("list.xml", fmt.Sprintf(export, 1, 5))
		reko("import", "anime", "anime.csv")
		reko("import", "xml", "--user", "spike", "list.xml")
		server := start(t, func(cfg *config) { cfg.Database, cfg.Demo = url, "false" })
		bulk := counterOf(t, url, "bulk")
		matched := func(name string, wanted bool) {
			t.Helper()
			begin := time.Now()
			wait.For(t, func() error {
				status, body := get(server + "/api/spike/similar")
				if status != 200 || strings.Contains(body, `"`+name+`"`) != wanted {
					return fmt.Errorf("%d %s, want %s to be matched: %t", status, body, name, wanted)
				}
				return nil
			})
			t.Logf("noticed after %s", time.Since(begin).Round(time.Millisecond))
		}
		matched("faye", false)
		reko("import", "xml", "--user", "faye", "list.xml")
		matched("faye", true)
		reko("remove", "faye")
		matched("faye", false)
		if now := counterOf(t, url, "bulk"); now != bulk {
			t.Errorf("everything was loaded again %d times", now-bulk)
		}
	})
}

// What fails again and again is logged when it begins and when it is over.
func TestTrouble(t *testing.T) {
	var lines bytes.Buffer
	down := errors.New("down")
	x := trouble{log: slog.New(slog.NewTextHandler(&lines, nil)), what: "looking"}
	for _, err := range []error{nil, down, down, down, nil, nil, down, nil} {
		x.note(t.Context(), err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	x.note(ended, down)
	text := lines.String()
	if fails, works := strings.Count(text, "looking fails"), strings.Count(text, "looking works again"); fails != 2 || works != 2 {
		t.Errorf("logged %d failures and %d ends, want 2 each:\n%s", fails, works, text)
	}
}

func counterOf(t *testing.T, url, name string) int64 {
	t.Helper()
	store, err := db.Open(t.Context(), db.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	n, err := store.Counter(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
