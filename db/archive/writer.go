package archive

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
)

// Writer writes a backup. It is for one goroutine.
type Writer struct {
	to      *bufio.Writer
	sum     hash.Hash
	table   Table
	rows    []byte // of the chunk that is not full yet
	chunk   []byte // reused
	totals  Totals
	failure error // the first one; it stays
}

// NewWriter begins a backup.
func NewWriter(to io.Writer, head Head) *Writer {
	w := &Writer{sum: sha256.New()}
	w.to = bufio.NewWriterSize(io.MultiWriter(to, w.sum), 64<<10)
	if _, err := w.to.WriteString(magic + version); err != nil {
		w.failure = err
	}
	w.writeJSON(kindHead, head)
	return w
}

// Table begins a table.
func (w *Writer) Table(t Table) error {
	w.flushRows()
	w.table = t
	w.totals.Tables++
	w.writeJSON(kindTable, t)
	return w.failure
}

// Row adds a row to the table that began last: a value for each of its columns, of the types that a driver returns (int64, bool, float64,
// string, []byte, nil). It keeps none of them.
func (w *Writer) Row(values []any) error {
	if w.failure != nil {
		return w.failure
	}
	if len(values) != len(w.table.Columns) {
		return fmt.Errorf("a row of %s has %d values, want %d", w.table.Name, len(values), len(w.table.Columns))
	}
	begin := len(w.rows)
	for i, v := range values {
		rows, err := appendValue(w.rows, v)
		if err != nil {
			w.rows = w.rows[:begin]
			return fmt.Errorf("%s.%s: %w", w.table.Name, w.table.Columns[i], err)
		}
		w.rows = rows
	}
	w.totals.Rows++
	if len(w.rows) >= chunkSize {
		w.flushRows()
	}
	return w.failure
}

// Close ends the backup, which is whole only then. It does not close what is written to.
func (w *Writer) Close() (Totals, error) {
	w.flushRows()
	if w.failure == nil {
		w.failure = w.to.Flush() // the sum is of all before the last chunk
	}
	w.writeJSON(kindEnd, end{w.totals, hex.EncodeToString(w.sum.Sum(nil))})
	if w.failure == nil {
		w.failure = w.to.Flush()
	}
	return w.totals, w.failure
}

func (w *Writer) flushRows() {
	if len(w.rows) > 0 {
		w.write(kindRows, w.rows)
		w.rows = w.rows[:0]
	}
}

func (w *Writer) writeJSON(kind byte, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // they are plain structs
	}
	w.write(kind, text)
}

func (w *Writer) write(kind byte, content []byte) {
	if w.failure != nil {
		return
	}
	if len(content) > mostContent {
		w.failure = fmt.Errorf("a row of %s has %d bytes, and %d is the most", w.table.Name, len(content), mostContent)
		return
	}
	w.chunk = append(w.chunk[:0], kind)
	w.chunk = binary.LittleEndian.AppendUint32(w.chunk, uint32(len(content)))
	w.chunk = append(w.chunk, content...)
	w.chunk = binary.LittleEndian.AppendUint32(w.chunk, crc32.Checksum(w.chunk, castagnoli))
	_, w.failure = w.to.Write(w.chunk)
}
