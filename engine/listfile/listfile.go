// Package listfile reads anime and lists from files: tables in CSV, with a header that names the columns, in any order, and
// the lists that MyAnimeList exports. Columns and elements that it does not know are passed over.
package listfile

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"reko.moe/engine"
)

// Error is a mistake in a file.
type Error struct {
	Line int // from 1, which is the header of a table
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// mostRow bounds what a row may have, in bytes: a compressed file of few of them could hold one that fills the memory.
const mostRow = 1 << 20

var errRow = fmt.Errorf("a row is longer than %d bytes", mostRow)

// rowReader fails when as many bytes are read without an end of a row.
type rowReader struct {
	r    io.Reader
	left int
}

func (b *rowReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errRow
	}
	n, err := b.r.Read(p)
	b.left -= n
	return n, err
}

// table reads rows and finds their fields by the header's names.
type table struct {
	csv    *csv.Reader
	bound  *rowReader
	column map[string]int
	row    []string
}

// newTable reads the header and checks that it has the columns needed.
func newTable(r io.Reader, needed ...string) (*table, error) {
	bound := &rowReader{r, mostRow}
	buffered := bufio.NewReader(bound)
	if mark, err := buffered.Peek(3); err == nil && string(mark) == "\ufeff" {
		_, _ = buffered.Discard(3)
	}
	t := &table{csv: csv.NewReader(buffered), bound: bound, column: map[string]int{}}
	t.csv.ReuseRecord = true
	header, err := t.csv.Read()
	if errors.Is(err, io.EOF) {
		return nil, &Error{1, errors.New("the file is empty, not even a header")}
	}
	if err != nil {
		return nil, &Error{1, err}
	}
	for i, name := range header {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := t.column[name]; twice && name != "" {
			return nil, &Error{1, fmt.Errorf("column %q is there twice", name)}
		}
		t.column[name] = i
	}
	for _, name := range needed {
		if _, ok := t.column[name]; !ok {
			return nil, &Error{1, fmt.Errorf("no column %q; the header has: %s", name, strings.Join(header, ", "))}
		}
	}
	return t, nil
}

// next reads the next row; io.EOF ends the table.
func (t *table) next() error {
	t.bound.left = mostRow
	var err error
	t.row, err = t.csv.Read()
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return &Error{parse.Line, parse.Err}
	}
	return err // as it is: of the file, not of its content
}

// has tells whether the table has a column.
func (t *table) has(name string) bool {
	_, ok := t.column[name]
	return ok
}

// field returns the value of a column in the row, empty when there is no such column.
func (t *table) field(name string) string {
	i, ok := t.column[name]
	if !ok {
		return ""
	}
	return strings.TrimSpace(t.row[i])
}

// fail says what is wrong with the row.
func (t *table) fail(err error) error {
	line, _ := t.csv.FieldPos(0)
	return &Error{line, err}
}

// animeID reads the id of an anime.
func animeID(s string) (engine.AnimeID, error) {
	id, err := number(s, "anime id", int(engine.MaxAnimeID))
	if err == nil && id == 0 {
		err = errors.New("no anime id")
	}
	return engine.AnimeID(id), err
}

// number reads a whole number in 0..most; nothing is 0.
func number(s, what string, most int) (int, error) {
	n := 0
	for i := range len(s) {
		digit := int(s[i]) - '0'
		if digit < 0 || digit > 9 || n > (most-digit)/10 {
			return 0, fmt.Errorf("%s %.40q is no whole number in 0..%d", what, s, most)
		}
		n = 10*n + digit
	}
	return n, nil
}
