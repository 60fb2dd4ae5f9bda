package listfile

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"time"

	"reko.moe/engine"
)

// UserList is somebody's list.
type UserList struct {
	Name string // canonical; [ReadXML] leaves it empty if the file names nobody
	List engine.List
}

// ReadLists reads the lists of many users from columns user_id or username, and mal_id, status, score, watched_episodes
// and, if it is there, updated_at. A name that is a bare number n becomes un. The rows of a user stand together; a user who
// comes up again is a mistake, since the second part would replace the first. It ends at the first mistake, an [Error], and
// yields no list that it did not read to its end.
func ReadLists(r io.Reader) iter.Seq2[UserList, error] {
	return func(yield func(UserList, error) bool) {
		t, err := newTable(r, "mal_id", "status", "score", "watched_episodes")
		if err == nil && !t.has("username") && !t.has("user_id") {
			err = &Error{1, errors.New(`no column "username" or "user_id"`)}
		}
		if err != nil {
			yield(UserList{}, err)
			return
		}
		lr := listsReader{table: t, seen: map[string]bool{}}
		if t.has("username") {
			lr.who = "username"
		} else {
			lr.who = "user_id"
		}
		for {
			l, err := lr.list()
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// listsReader reads a list at a time. The row that ended one list begins the next.
type listsReader struct {
	*table
	who     string // the column that names the user
	raw     string // its value in the rows of this list
	name    string // of the user of this list
	pending bool   // the current row was read but belongs to the next list
	ended   bool
	seen    map[string]bool
	changes []engine.Change
}

// list returns the next one; io.EOF when there is none.
func (lr *listsReader) list() (UserList, error) {
	lr.changes = lr.changes[:0]
	for !lr.ended {
		if !lr.pending {
			err := lr.next()
			if errors.Is(err, io.EOF) {
				lr.ended = true
				break
			}
			if err != nil {
				return UserList{}, err
			}
		}
		if raw := lr.field(lr.who); raw != lr.raw || lr.name == "" {
			if len(lr.changes) > 0 {
				lr.pending = true
				break
			}
			if err := lr.begin(raw); err != nil {
				return UserList{}, lr.fail(err)
			}
		}
		lr.pending = false
		c, err := lr.change()
		if err != nil {
			return UserList{}, lr.fail(err)
		}
		lr.changes = append(lr.changes, c)
	}
	if len(lr.changes) == 0 {
		return UserList{}, io.EOF
	}
	l, err := engine.NewList(lr.changes)
	if err != nil {
		return UserList{}, lr.fail(err)
	}
	return UserList{lr.name, l}, nil
}

// begin starts the list of the user whom the row names.
func (lr *listsReader) begin(raw string) error {
	name := raw
	if _, err := number(raw, "user", math.MaxInt); err == nil && raw != "" {
		name = "u" + raw
	}
	canonical, ok := engine.CanonicalName(name)
	if !ok {
		return fmt.Errorf("user name %.40q is not %d to %d letters, digits, _ or -", raw, engine.MinName, engine.MaxName)
	}
	if lr.seen[canonical] {
		return fmt.Errorf("user %q again: the rows of a user must stand together", canonical)
	}
	lr.seen[canonical] = true
	lr.raw, lr.name = string(append([]byte(nil), raw...)), canonical
	return nil
}

// change reads the row's entry.
func (lr *listsReader) change() (engine.Change, error) {
	var c engine.Change
	var err error
	if c.Anime, err = animeID(lr.field("mal_id")); err != nil {
		return c, err
	}
	var ok bool
	if c.Status, ok = engine.ParseStatus(lr.field("status")); !ok {
		return c, fmt.Errorf("status %.40q is not watching, completed, on_hold, dropped or plan_to_watch", lr.field("status"))
	}
	score, err := number(lr.field("score"), "score", engine.MaxScore)
	if err != nil {
		return c, err
	}
	episodes, err := number(lr.field("watched_episodes"), "number of episodes", 1<<31-1)
	if err != nil {
		return c, err
	}
	c.Score, c.Episodes = uint8(score), uint16(min(episodes, 1<<16-1))
	if at := lr.field("updated_at"); at != "" {
		if c.At, err = parseTime(at); err != nil {
			return c, err
		}
	}
	return c, nil
}

// parseTime reads a moment, or a day.
func parseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("time %.40q is not like 2006-01-02T15:04:05Z or 2006-01-02", s)
}
