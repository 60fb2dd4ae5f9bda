package views

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/a-h/templ"

	"reko.moe/engine"
)

// squareTitle says what square i of a taste print means.
func squareTitle(i int) string {
	a, b := engine.Compared(i)
	return fmt.Sprintf("filled: more %s than %s", a.Name, b.Name)
}

// squaresOnce is printSheet, of which every page has one.
var squaresOnce = constant(printSheet())

// outlines draws frames around the squares whose bits are set.
func outlines(h engine.Hash) string {
	var path []byte
	for i := range 64 {
		if h.Bit(i) {
			path = strconv.AppendInt(append(path, 'M'), int64(i%8*11+1), 10)
			path = strconv.AppendInt(append(path, ' '), int64(i/8*11+1), 10)
			path = append(path, "h9v9h-9z"...)
		}
	}
	return string(path)
}

// inkOf is the class of the ink that a hash is printed in: the same hash always has the same.
func inkOf(h engine.Hash) string { return ink(inkNumber(h)) }

// inkNumber chooses the ink of a hash.
func inkNumber(h engine.Hash) uint64 { return uint64(h) * 0x9E3779B97F4A7C15 >> 32 }

// ink is the class of one of the inks.
func ink(n uint64) string { return inkClasses[n%uint64(len(inks))] }

var inkClasses = func() (names [len(inks)]string) {
	for i := range names {
		names[i] = "ink-" + strconv.Itoa(i)
	}
	return names
}()

// squares are the addresses of the squares in printSheet.
var squares = func() (refs [64]string) {
	for i := range refs {
		refs[i] = "#c" + strconv.Itoa(i)
	}
	return refs
}()

// SmallPrint is a taste print as a mark beside a name, which it leaves to the name to tell. class, which may be empty, is of our own words. There are
// some sixty on a page, so it is written in one piece.
func SmallPrint(h engine.Hash, class string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		b := make([]byte, 0, 512)
		b = append(b, `<svg class="mark `...)
		if class != "" {
			b = append(append(b, class...), ' ')
		}
		b = append(append(b, inkOf(h)...), `" viewBox="0 0 8 8" aria-hidden="true"><path d="`...)
		b = append(appendPrintPath(b, h), `"></path></svg>`...)
		_, err := w.Write(b)
		return err
	})
}

// appendPrintPath draws the squares that are on in 8 by 8 units: a line through the middle of each run of them in a row, as broad as a square.
func appendPrintPath(path []byte, h engine.Hash) []byte {
	for i := 0; i < 64; i++ {
		if !h.Bit(i) {
			continue
		}
		from := i
		for i%8 < 7 && h.Bit(i+1) {
			i++
		}
		path = append(path, 'M', byte('0'+from%8), ' ', byte('0'+from/8), '.', '5', 'h', byte('1'+i-from))
	}
	return path
}
