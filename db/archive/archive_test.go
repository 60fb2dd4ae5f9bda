package archive_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"reko.moe/db/archive"
)

var head = archive.Head{
	MadeAt: time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC), Program: "v1.2.3", Migrations: []string{"0001_start", "0002_more"},
}

// content is tables and their rows.
type content []struct {
	table archive.Table
	rows  [][]any
}

// sample has values of all types, a table without rows, and rows longer than a chunk.
func sample() content {
	return content{
		{archive.Table{Name: "users", Columns: []string{"id", "name", "list", "mean"}, Last: 7}, [][]any{
			{int64(1), "spike", []byte{0, 1, 255}, 7.5},
			{int64(math.MinInt64), "アニメ\x00'\"", []byte{}, math.Inf(-1)},
			{int64(math.MaxInt64), "", bytes.Repeat([]byte("reko"), 200_000), math.SmallestNonzeroFloat64},
			{nil, nil, nil, nil},
		}},
		{archive.Table{Name: "none", Columns: []string{"a"}}, nil},
		{archive.Table{Name: "many", Columns: []string{"n", "text"}, Last: 3000}, func() (rows [][]any) {
			for i := range int64(3000) {
				rows = append(rows, []any{i, strings.Repeat("x", int(i%300))})
			}
			return rows
		}()},
	}
}

func write(t testing.TB, c content) []byte {
	t.Helper()
	var b bytes.Buffer
	w := archive.NewWriter(&b, head)
	for _, part := range c {
		if err := w.Table(part.table); err != nil {
			t.Fatal(err)
		}
		for _, row := range part.rows {
			if err := w.Row(row); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read reads to the end and fails at the first mistake.
func read(from io.Reader) (c content, h archive.Head, err error) {
	r, err := archive.NewReader(from)
	if err != nil {
		return nil, h, err
	}
	for {
		t, err := r.Next()
		if errors.Is(err, io.EOF) {
			return c, r.Head(), nil
		}
		if err != nil {
			return c, r.Head(), err
		}
		var rows [][]any
		for {
			row, err := r.Row()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return c, r.Head(), err
			}
			rows = append(rows, row)
		}
		c = append(c, content{{t, rows}}...)
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	file := write(t, sample())
	for name, from := range map[string]io.Reader{"whole": bytes.NewReader(file), "by bytes": iotest.OneByteReader(bytes.NewReader(file))} {
		got, h, err := read(from)
		if err != nil || !reflect.DeepEqual(h, head) || !reflect.DeepEqual(got, sample()) {
			t.Errorf("%s: %v, %v; not what was written", name, err, h)
		}
	}
	if again := write(t, sample()); !bytes.Equal(again, file) {
		t.Error("the same content makes another file")
	}
}

func TestRowsCanBePassedOver(t *testing.T) {
	r, err := archive.NewReader(bytes.NewReader(write(t, sample())))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for {
		table, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, table.Name)
		if _, err := r.Row(); err != nil && table.Name != "none" {
			t.Fatal(err)
		}
	}
	if want := (archive.Totals{Tables: 3, Rows: 3004}); !slices.Equal(names, []string{"users", "none", "many"}) || r.Totals() != want {
		t.Errorf("read %v, %v, want all, %v", names, r.Totals(), want)
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v", err)
	}
}

// small is a content of which every bit can be tried.
func small() content {
	return content{
		{archive.Table{Name: "users", Columns: []string{"id", "list"}, Last: 2}, [][]any{{int64(1), []byte("abc")}, {int64(2), "x"}}},
		{archive.Table{Name: "keys", Columns: []string{"id"}}, [][]any{{1.5}}},
	}
}

func TestEveryDamageIsNoticed(t *testing.T) {
	file := write(t, small())
	for at := range file {
		if _, _, err := read(bytes.NewReader(file[:at])); !errors.Is(err, archive.ErrDamaged) {
			t.Errorf("cut off after %d of %d bytes: %v", at, len(file), err)
		}
		for bit := range 8 {
			flipped := bytes.Clone(file)
			flipped[at] ^= 1 << bit
			if _, _, err := read(bytes.NewReader(flipped)); !errors.Is(err, archive.ErrDamaged) && !errors.Is(err, archive.ErrNewer) {
				t.Errorf("bit %d of byte %d flipped: %v", bit, at, err)
			}
		}
	}
	if _, _, err := read(bytes.NewReader(append(bytes.Clone(file), 0))); !errors.Is(err, archive.ErrDamaged) {
		t.Errorf("with a byte behind the end: %v", err)
	}
}

// chunks returns the parts of a file, the first being its first line.
func chunks(file []byte) (parts [][]byte) {
	at := bytes.IndexByte(file, '\n') + 1
	parts = append(parts, file[:at])
	for rest := file[at:]; len(rest) > 0; {
		size := 9 + binary.LittleEndian.Uint32(rest[1:])
		parts = append(parts, rest[:size])
		rest = rest[size:]
	}
	return parts
}

// Each chunk by itself is whole in these files.
func TestChunksHaveTheirPlaces(t *testing.T) {
	parts := chunks(write(t, small())) // line, H, T, R, T, R, E
	if len(parts) != 7 {
		t.Fatalf("%d parts", len(parts))
	}
	for _, order := range [][]int{
		{0, 1, 2, 3, 4, 5}, {0, 1, 2, 4, 5, 6}, {0, 1, 2, 5, 4, 3, 6}, {0, 1, 2, 3, 3, 4, 5, 6}, {0, 2, 3, 4, 5, 6}, {0, 1, 3, 2, 3, 4, 5, 6},
		{0, 1, 1, 2, 3, 4, 5, 6}, {0, 6}, {0, 1, 6}, {0}, {0, 1, 4, 5, 2, 3, 6}, {0, 1, 2, 3, 4, 5, 6, 6},
	} {
		var file []byte
		for _, i := range order {
			file = append(file, parts[i]...)
		}
		if _, _, err := read(bytes.NewReader(file)); !errors.Is(err, archive.ErrDamaged) {
			t.Errorf("chunks %v: %v", order, err)
		}
	}
}

func TestNewerFormat(t *testing.T) {
	for text, want := range map[string]error{
		"reko backup 2\nwhatever": archive.ErrNewer, "reko backup 10\n": archive.ErrNewer, "reko backup 1": archive.ErrDamaged, "": archive.ErrDamaged,
		"PK\x03\x04": archive.ErrDamaged, "\n": archive.ErrDamaged, strings.Repeat("a", 1<<20): archive.ErrDamaged,
	} {
		if _, err := archive.NewReader(strings.NewReader(text)); !errors.Is(err, want) {
			t.Errorf("%.30q: %v, want %v", text, err, want)
		}
	}
}

// What cannot be read is not the file's fault.
func TestFailuresToRead(t *testing.T) {
	broken := errors.New("the disk is broken")
	file := write(t, small())
	for _, at := range []int{0, 20, 100, len(file)} {
		_, _, err := read(io.MultiReader(bytes.NewReader(file[:at]), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) || errors.Is(err, archive.ErrDamaged) {
			t.Errorf("after %d bytes: %v", at, err)
		}
	}
}

// failing takes so many bytes.
type failing struct{ left int }

var errFull = errors.New("no space left")

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestFailuresToWrite(t *testing.T) {
	size := len(write(t, sample()))
	for left := 0; left < size; left += size / 40 {
		w := archive.NewWriter(&failing{left}, head)
		for _, part := range sample() {
			_ = w.Table(part.table)
			for _, row := range part.rows {
				_ = w.Row(row)
			}
		}
		if _, err := w.Close(); !errors.Is(err, errFull) {
			t.Errorf("after %d of %d bytes: %v", left, size, err)
		}
	}
}

func TestRowsThatCannotBeKept(t *testing.T) {
	w := archive.NewWriter(io.Discard, head)
	if err := w.Table(archive.Table{Name: "users", Columns: []string{"id", "at"}}); err != nil {
		t.Fatal(err)
	}
	for _, row := range [][]any{{int64(1)}, {int64(1), "a", "b"}, {int64(1), time.Now()}, {uint8(1), "a"}} {
		if err := w.Row(row); err == nil {
			t.Errorf("%v is taken", row)
		}
	}
	if total, err := w.Close(); err != nil || total.Rows != 0 {
		t.Errorf("Close = %v, %v, want no rows", total, err)
	}
}

// A million rows take no more memory than a thousand, neither to write nor to read.
func TestMemoryIsBounded(t *testing.T) {
	pipe, to := io.Pipe()
	go func() {
		w := archive.NewWriter(to, head)
		_ = w.Table(archive.Table{Name: "users", Columns: []string{"id", "list"}})
		list := make([]byte, 200)
		for i := range int64(1_000_000) {
			_ = w.Row([]any{i, list})
		}
		_, err := w.Close()
		_ = to.CloseWithError(err)
	}()
	r, err := archive.NewReader(pipe)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	var most uint64
	for n := 0; ; n++ {
		if _, err := r.Row(); err != nil {
			break
		}
		if n%100_000 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if most > 64<<20 {
		t.Errorf("%d MiB were in use", most>>20)
	}
}

// A length that says a gigabyte asks for no gigabyte.
func TestLengthsAreNotBelieved(t *testing.T) {
	file := append([]byte("reko backup 1\nH"), 0, 0, 0, 0x40)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := archive.NewReader(bytes.NewReader(file))
	runtime.ReadMemStats(&after)
	if !errors.Is(err, archive.ErrDamaged) || after.TotalAlloc-before.TotalAlloc > 8<<20 {
		t.Errorf("%v, %d bytes", err, after.TotalAlloc-before.TotalAlloc)
	}
}

// FuzzRead reads whatever there is. So that it gets past the checksums, it also reads the input as the content of chunks.
func FuzzRead(f *testing.F) {
	f.Add(write(f, small()))
	f.Add([]byte{1, 2, 3, 3, 'a', 'b', 'c', 4, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, _ = read(bytes.NewReader(b))
		file := []byte("reko backup 1\n")
		chunk := func(kind byte, content []byte) {
			part := binary.LittleEndian.AppendUint32([]byte{kind}, uint32(len(content)))
			part = append(part, content...)
			file = append(file, binary.LittleEndian.AppendUint32(part, crc32.Checksum(part, crc32.MakeTable(crc32.Castagnoli)))...)
		}
		chunk('H', []byte("{}"))
		chunk('T', []byte(`{"name":"users","columns":["a","b"]}`))
		chunk('R', b)
		chunk('E', b)
		if _, _, err := read(bytes.NewReader(file)); err == nil {
			t.Error("a file without a sum is taken for whole")
		}
	})
}

func ExampleReader() {
	var file bytes.Buffer
	w := archive.NewWriter(&file, archive.Head{Program: "v1"})
	_ = w.Table(archive.Table{Name: "counters", Columns: []string{"name", "value"}})
	_ = w.Row([]any{"bulk", int64(3)})
	_, _ = w.Close()

	r, _ := archive.NewReader(&file)
	t, _ := r.Next()
	row, _ := r.Row()
	fmt.Println(t.Name, row)
	_, err := r.Next()
	fmt.Println(err)
	// Output:
	// counters [bulk 3]
	// EOF
}
