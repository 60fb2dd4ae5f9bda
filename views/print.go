package views

import (
	"fmt"

	"reko.moe/engine"
)

// squareTitle says what square i of a taste print means.
func squareTitle(i int) string {
	a, b := engine.Compared(i)
	return fmt.Sprintf("filled: more %s than %s", a.Name, b.Name)
}

// outlines draws frames around the squares whose bits are set.
func outlines(h engine.Hash) string {
	var path []byte
	for i := range 64 {
		if h.Bit(i) {
			path = fmt.Appendf(path, "M%d %dh9v9h-9z", i%8*11+1, i/8*11+1)
		}
	}
	return string(path)
}

// inkOf is the class of the ink that a hash is printed in: the same hash always has the same.
func inkOf(h engine.Hash) string { return ink(inkNumber(h)) }

// inkNumber chooses the ink of a hash.
func inkNumber(h engine.Hash) uint64 { return uint64(h) * 0x9E3779B97F4A7C15 >> 32 }

// ink is the class of one of the inks.
func ink(n uint64) string { return fmt.Sprintf("ink-%d", n%uint64(len(inks))) }

// printPath draws the squares that are on, as one path in 8 by 8 units.
func printPath(h engine.Hash) string {
	path := make([]byte, 0, 64*9)
	for i := range 64 {
		if h.Bit(i) {
			path = fmt.Appendf(path, "M%d %dh1v1h-1z", i%8, i/8)
		}
	}
	return string(path)
}
