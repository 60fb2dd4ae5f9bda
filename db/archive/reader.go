package archive

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"strings"
)

// Reader reads a backup and checks it. What it returned is to be trusted only when [Reader.Next] has returned [io.EOF]: before, the
// file may still turn out to be cut off. It is for one goroutine.
type Reader struct {
	from   *bufio.Reader
	sum    hash.Hash
	head   Head
	table  Table
	rows   []byte // of the current chunk, not read yet
	ahead  byte   // the kind of a chunk that was read and is no row's; 0: none
	text   []byte // its content
	totals Totals
	whole  bool
}

// NewReader begins to read a backup.
func NewReader(from io.Reader) (*Reader, error) {
	r := &Reader{from: bufio.NewReaderSize(from, 64<<10), sum: sha256.New()}
	line, err := r.from.ReadSlice('\n')
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) { // these are of what is no backup
		return nil, cutOff(err)
	}
	format, ok := strings.CutPrefix(string(line), magic)
	switch {
	case !ok || !strings.HasSuffix(format, "\n"):
		return nil, fmt.Errorf("%w: it does not begin as backups do", ErrDamaged)
	case format != version:
		return nil, fmt.Errorf("%w: it has the format %.20q, known here is %q", ErrNewer, strings.TrimSpace(format), strings.TrimSpace(version))
	}
	_, _ = r.sum.Write(line)
	kind, content, err := r.chunk()
	if err != nil {
		return nil, err
	}
	if kind != kindHead {
		return nil, fmt.Errorf("%w: it does not say what it is of", ErrDamaged)
	}
	return r, unmarshal(content, &r.head)
}

// Head returns what the backup is of.
func (r *Reader) Head() Head { return r.head }

// Totals returns how much has been read.
func (r *Reader) Totals() Totals { return r.totals }

// Next returns the next table; rows of the one before that were not read are passed over. It returns [io.EOF] when all was read and is
// as it was written.
func (r *Reader) Next() (Table, error) {
	for r.ahead == 0 {
		if _, err := r.Row(); err != nil && !errors.Is(err, io.EOF) {
			return Table{}, err
		}
		if r.whole {
			return Table{}, io.EOF
		}
	}
	if r.ahead == kindEnd {
		return Table{}, r.finish()
	}
	r.table = Table{}
	if err := unmarshal(r.text, &r.table); err != nil {
		return Table{}, err
	}
	if r.table.Name == "" || len(r.table.Columns) == 0 {
		return Table{}, fmt.Errorf("%w: a table has no name or no columns", ErrDamaged)
	}
	r.ahead, r.text = 0, nil
	r.totals.Tables++
	return r.table, nil
}

// Row returns the next row of the table, a value for each of its columns: int64, float64, string, []byte or nil. They are the caller's. It
// returns [io.EOF] after the table's last row.
func (r *Reader) Row() ([]any, error) {
	for len(r.rows) == 0 {
		if r.ahead != 0 || r.whole {
			return nil, io.EOF
		}
		kind, content, err := r.chunk()
		switch {
		case err != nil:
			return nil, err
		case kind == kindRows && len(r.table.Columns) > 0:
			r.rows = content
		case kind == kindTable, kind == kindEnd:
			r.ahead, r.text = kind, content
		default:
			return nil, fmt.Errorf("%w: a chunk of kind %q is out of place", ErrDamaged, kind)
		}
	}
	row := make([]any, len(r.table.Columns))
	var err error
	for i := range row {
		if row[i], r.rows, err = readValue(r.rows); err != nil {
			return nil, err
		}
	}
	r.totals.Rows++
	return row, nil
}

// finish checks what the last chunk says, and that it is the last.
func (r *Reader) finish() error {
	var said end
	if err := unmarshal(r.text, &said); err != nil {
		return err
	}
	if said.Totals != r.totals {
		return fmt.Errorf("%w: it has %d tables with %d rows, and should have %d with %d", ErrDamaged,
			r.totals.Tables, r.totals.Rows, said.Tables, said.Rows)
	}
	if said.SHA256 != hex.EncodeToString(r.sum.Sum(nil)) {
		return fmt.Errorf("%w: it is not what was written (SHA-256)", ErrDamaged)
	}
	switch _, err := r.from.ReadByte(); {
	case err == nil:
		return fmt.Errorf("%w: something follows its end", ErrDamaged)
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("reading the backup: %w", err)
	}
	r.ahead, r.whole = 0, true
	return io.EOF
}

// chunk reads a chunk, and adds it to the sum if it is not the last.
func (r *Reader) chunk() (kind byte, content []byte, err error) {
	var start [beforeContent]byte
	if _, err := io.ReadFull(r.from, start[:]); err != nil {
		return 0, nil, cutOff(err)
	}
	size := binary.LittleEndian.Uint32(start[1:])
	if size > mostContent {
		return 0, nil, fmt.Errorf("%w: a chunk says that it has %d bytes", ErrDamaged, size)
	}
	// A damaged length asks for no memory that the file does not fill.
	var all bytes.Buffer
	all.Grow(min(int(size), 2*chunkSize) + afterContent + bytes.MinRead)
	if _, err := io.CopyN(&all, r.from, int64(size)+afterContent); err != nil {
		return 0, nil, cutOff(err)
	}
	content, tail := all.Bytes()[:size:size], all.Bytes()[size:]
	sum := crc32.Update(crc32.Checksum(start[:], castagnoli), castagnoli, content)
	if sum != binary.LittleEndian.Uint32(tail) {
		return 0, nil, fmt.Errorf("%w: a chunk is not what was written (CRC)", ErrDamaged)
	}
	if start[0] != kindEnd {
		_, _ = r.sum.Write(start[:])
		_, _ = r.sum.Write(all.Bytes())
	}
	return start[0], content, nil
}

// cutOff makes damage of a file that ends too early; other failures to read are none of its own.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it is cut off", ErrDamaged)
	}
	return fmt.Errorf("reading the backup: %w", err)
}

func unmarshal(text []byte, v any) error {
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}
