package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"reko.moe/engine"
	"reko.moe/internal/chaos"
)

// fault is something that breaks.
type fault struct {
	name   string
	begin  func()
	lasts  time.Duration
	end    func()
	cuts   bool   // answers may not come at all: the server itself is killed
	garble bool   // MyAnimeList's answers make no sense, so that 422 is right, too
	older  bool   // something must be answered from older data
	groups int    // of stale and new users that are asked for; 0: one
	during func() // is called in the middle
}

// chaosRows are what was seen of all faults, one after the other.
var chaosRows []chaos.Row

// printFaults writes it as a table where REKO_TEST_TABLE says, if it does.
func printFaults() error {
	path := os.Getenv("REKO_TEST_TABLE")
	if path == "" || len(chaosRows) == 0 {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	chaos.Print(f, chaosRows)
	return f.Close()
}

// The bounds of a fault: everything is right again so soon after it, for so long.
const (
	recoversIn = 5 * time.Second
	steadyFor  = 1500 * time.Millisecond
)

// suffer lets a fault happen, in a subtest, while questions are asked. It fails that on what must not be.
func (c *chaosServer) suffer(f fault) {
	whole := c.t
	defer func() { c.t = whole }()
	whole.Run(f.name, func(t *testing.T) {
		c.t = t
		c.endure(f)
	})
}

func (c *chaosServer) endure(f fault) {
	c.t.Helper()
	number, groups := c.faultsDone, max(f.groups, 1)
	c.faultsDone += groups
	c.load.All(c.world.fresh) // everything is in memory that ever will be, and as many connections are open
	c.load.Events()
	before := c.holding()
	if f.garble {
		c.world.new[number] = allow(c.world.new[number], http.StatusUnprocessableEntity)
	}
	var healed time.Time
	events := c.during(c.questions(number, groups), func() {
		<-time.After(500 * time.Millisecond)
		f.begin()
		c.broken.Store(true)
		<-time.After(f.lasts / 2)
		if f.during != nil {
			f.during()
		}
		<-time.After(f.lasts / 2)
		f.end()
		healed = time.Now()
		for time.Since(healed) < 3*recoversIn && c.load.Good(healed) < steadyFor {
			<-time.After(50 * time.Millisecond)
		}
	})
	c.broken.Store(false)
	row := chaos.Row{Fault: f.name}
	row.Count(events, healed)
	for g := range groups {
		row.Lost += c.lostLists(number+g, events)
	}
	for _, s := range c.savers {
		row.Lost += s.lost()
	}
	c.verdict(f, row, events)
	chaosRows = append(chaosRows, row)
	c.leaksNothing(before)
}

// allow returns questions that may fail with a status, too.
func allow(questions []chaos.Question, status int) []chaos.Question {
	allowing := slices.Clone(questions)
	for i := range allowing {
		allowing[i].Allowed = append(allowing[i].Allowed, status)
	}
	return allowing
}

// verdict fails the test on what must not be.
func (c *chaosServer) verdict(f fault, row chaos.Row, events []chaos.Event) {
	c.t.Helper()
	shown := 0
	for _, e := range events {
		if e.Outcome == chaos.Wrong || e.Outcome == chaos.Cut && !f.cuts {
			if shown++; shown <= 5 {
				c.t.Errorf("%s: %s: after %s: %s", f.name, e.Path, e.Took.Round(time.Millisecond), e.Why)
			}
		}
	}
	if row.Wrong > 0 || row.Lost > 0 || row.Cut > 0 && !f.cuts {
		c.t.Errorf("%s: %d wrong, %d lost, %d cut off", f.name, row.Wrong, row.Lost, row.Cut)
	}
	if row.Recovered > recoversIn {
		c.t.Errorf("%s: normal again after %s, want %s", f.name, row.Recovered, recoversIn)
	}
	if row.Answered+row.Older < row.Requests/4 {
		c.t.Errorf("%s: of %d requests %d were answered", f.name, row.Requests, row.Answered)
	}
	if f.older && row.Older == 0 {
		c.t.Errorf("%s: nothing was answered from older data", f.name)
	}
	if row.Wrong+row.Lost > 0 || row.Cut > 0 && !f.cuts || row.Recovered > recoversIn {
		c.t.Logf("%s: %+v; the server's log ends:\n%s", f.name, row, c.log.String())
	}
}

// lostLists counts the lists of new users that were answered for and are not in the store.
func (c *chaosServer) lostLists(number int, events []chaos.Event) (n int) {
	c.t.Helper()
	got := stored(c.t, c.store)
	for i := range newUsers {
		name := newName(number, i)
		answered := slices.ContainsFunc(events, func(e chaos.Event) bool {
			return e.Outcome == chaos.Answered && strings.HasPrefix(e.Path, "/api/"+name+"/")
		})
		want, err := engine.NewList(slices.Clone(c.world.lists[name]))
		if err != nil {
			c.t.Fatal(err)
		}
		if list, ok := got[name]; answered && !ok || ok && !slices.Equal(list, want) {
			c.t.Errorf("%s was answered for, and its list is not stored", name)
			n++
		}
	}
	return n
}

// saver is a browser that saves one anime after the other.
type saver struct {
	c      *chaosServer
	client *http.Client
	ids    []engine.AnimeID // to save
	mu     sync.Mutex
	saved  []engine.AnimeID // that the server said it keeps; guarded by mu
	next   int
}

// addSavers adds browsers that save while faults happen.
func (c *chaosServer) addSavers(n int) {
	for range n {
		jar, _ := cookiejar.New(nil) // never fails
		client := chaos.NewClient()
		client.Jar = jar
		s := &saver{c: c, client: client}
		for _, a := range c.world.anime {
			s.ids = append(s.ids, a.ID)
		}
		c.savers = append(c.savers, s)
	}
}

// run saves until ctx is done.
func (s *saver) run(ctx context.Context) {
	for ctx.Err() == nil && s.next < len(s.ids) {
		s.save(s.ids[s.next])
		s.next++
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (s *saver) save(id engine.AnimeID) {
	begin := time.Now()
	resp, err := s.client.PostForm(s.c.url()+"/save", url.Values{"id": {strconv.Itoa(int(id))}, "back": {"/saved"}})
	if err != nil {
		return // the load notes that nobody answers
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSeeOther {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.saved = append(s.saved, id)
		return
	}
	_, why := chaos.Judge(chaos.Question{Path: "/save"}, resp, nil, time.Since(begin))
	if why != "" {
		s.c.t.Errorf("saving: %s", why)
	}
}

// lost counts what the server said it keeps, and does not.
func (s *saver) lost() (n int) {
	s.c.t.Helper()
	resp, err := s.client.Get(s.c.url() + "/saved")
	if err != nil {
		s.c.t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		s.c.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.saved {
		if !strings.Contains(string(page), fmt.Sprintf(`value="%d"`, id)) {
			n++
		}
	}
	if n > 0 {
		s.c.t.Errorf("%d of %d saved anime are gone", n, len(s.saved))
	}
	return n
}
