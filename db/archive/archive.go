// Package archive is the format of backups: tables of rows that belong to no database in particular, in chunks with checksums, written
// and read as a stream in bounded memory.
//
// A file begins with the line "reko backup 1". Chunks follow: a byte for the kind, the length of the content in four bytes, the content,
// and the CRC-32C of all that; numbers are little-endian. The kinds are
//
//	H  what the backup is of, a [Head] as JSON; it comes first
//	T  a table begins, a [Table] as JSON
//	R  rows of that table, each a value for each column
//	E  the end: how many tables and rows there were, and the SHA-256 of all before this chunk, as JSON. Nothing follows.
//
// A value is a byte for its type and then: nothing (0, null), a signed varint (1, an integer), eight bytes (2, a floating point number), or
// an unsigned varint and so many bytes (3, a text; 4, bytes). Truth is an integer, 0 or 1.
package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"time"
)

// Kinds of errors, which say what can be done.
var (
	ErrDamaged = errors.New("the backup is damaged")
	ErrNewer   = errors.New("the backup was made by a newer version")
)

// Head says what a backup is of.
type Head struct {
	MadeAt     time.Time `json:"made_at"`
	Program    string    `json:"program"`    // the version of the program that made it
	Migrations []string  `json:"migrations"` // of the store, in order
}

// Table says what the rows that follow are.
type Table struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Last    int64    `json:"last,omitempty"` // the last number that was given to a row, 0: the table gives none
}

// Totals say how much a whole backup has.
type Totals struct {
	Tables int   `json:"tables"`
	Rows   int64 `json:"rows"`
}

// end is what the last chunk says.
type end struct {
	Totals
	SHA256 string `json:"sha256"`
}

const (
	magic   = "reko backup "
	version = "1\n"

	kindHead, kindTable, kindRows, kindEnd = 'H', 'T', 'R', 'E'

	// chunkSize is when a chunk of rows is full. One that has a longer row than that is longer.
	chunkSize = 256 << 10
	// mostContent is the longest content that is written and read.
	mostContent = 1 << 30
	// overhead are the bytes of a chunk around its content.
	beforeContent, afterContent = 5, 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// The types of values.
const (
	valueNull = iota
	valueInteger
	valueFloat
	valueText
	valueBytes
)

// appendValue appends what a driver of database/sql returned.
func appendValue(to []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case nil:
		return append(to, valueNull), nil
	case int64:
		return binary.AppendVarint(append(to, valueInteger), v), nil
	case bool:
		var n int64
		if v {
			n = 1
		}
		return binary.AppendVarint(append(to, valueInteger), n), nil
	case float64:
		return binary.LittleEndian.AppendUint64(append(to, valueFloat), math.Float64bits(v)), nil
	case string:
		return append(binary.AppendUvarint(append(to, valueText), uint64(len(v))), v...), nil
	case []byte:
		return append(binary.AppendUvarint(append(to, valueBytes), uint64(len(v))), v...), nil
	}
	return nil, fmt.Errorf("a value of type %T has no form in a backup", value)
}

var errValue = fmt.Errorf("%w: a value cannot be read", ErrDamaged)

// readValue reads a value from the beginning of b and returns what is left. Bytes are part of b.
func readValue(b []byte) (value any, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, errValue
	}
	kind, b := b[0], b[1:]
	switch kind {
	case valueNull:
		return nil, b, nil
	case valueInteger:
		v, n := binary.Varint(b)
		if n <= 0 {
			return nil, nil, errValue
		}
		return v, b[n:], nil
	case valueFloat:
		if len(b) < 8 {
			return nil, nil, errValue
		}
		return math.Float64frombits(binary.LittleEndian.Uint64(b)), b[8:], nil
	case valueText, valueBytes:
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return nil, nil, errValue
		}
		content, rest := b[n:n+int(size):n+int(size)], b[n+int(size):]
		if kind == valueText {
			return string(content), rest, nil
		}
		return content, rest, nil
	}
	return nil, nil, errValue
}
