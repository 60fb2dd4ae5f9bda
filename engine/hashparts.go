package engine

import (
	"math/bits"
	"slices"
)

// A hash in two parts, so that the distance of two hashes is
//
//	2 * OnesCount(row ^ other row) + OnesCount64(rest ^ other rest)
//
// The row is ten of the 19 bits that count twice. The rest is the other bits, with the nine of them that count twice standing twice: 63
// bits, counted from a pivot. OnesCount64(rest), the depth, is how far a hash is from the pivot; that of two hashes differs by no more than their rests do. See docs/adr/0009-index.md for how the bits and the pivot were chosen. Nothing depends on them but the speed.
type hashParts struct {
	row  uint16
	rest uint64
}

const (
	rowBits = 10
	rows    = 1 << rowBits
	depths  = 64 // of the 63 bits of a rest
)

// rowPlaces are the bits of a hash, numbered as in [Hash.Bit], that make its row.
var rowPlaces = [rowBits]uint{5, 16, 18, 25, 26, 33, 39, 51, 56, 59}

// twins are the other bits that count twice, each beside the place of a row's bit, free in the rest, where it stands again.
var twins = [...]struct{ bit, again uint }{
	{0, 5}, {1, 16}, {2, 18}, {7, 25}, {9, 26}, {13, 33}, {14, 39}, {38, 51}, {63, 56},
}

// pivot is the hash that depths are counted from. It goes through the real hashes the long way: in its direction they differ the most.
const pivot Hash = 0x225512969454a222

// rowMask has the bits of rowPlaces.
var rowMask = func() (m Hash) {
	for _, i := range rowPlaces {
		m |= 1 << (63 - i)
	}
	return m
}()

// partsOf takes h apart.
func partsOf(h Hash) hashParts {
	var p hashParts
	for _, i := range rowPlaces {
		p.row = p.row<<1 | uint16(h>>(63-i)&1)
	}
	from := h ^ pivot
	p.rest = uint64(from &^ rowMask)
	for _, t := range twins {
		p.rest |= uint64(from>>(63-t.bit)&1) << (63 - t.again)
	}
	return p
}

// rowHashes are the bits of rows, where they stand in a hash.
var rowHashes = func() (all [rows]Hash) {
	for row := range all {
		for n, i := range rowPlaces {
			all[row] |= Hash(row>>(rowBits-1-n)&1) << (63 - i)
		}
	}
	return all
}()

// hash puts the parts together again.
func (p hashParts) hash() Hash { return (Hash(p.rest)^pivot)&^rowMask | rowHashes[p.row] }

// depth is how far the rest is from the pivot's.
func (p hashParts) depth() int { return bits.OnesCount64(p.rest) }

// cell numbers rows and the depths in them.
func (p hashParts) cell() cell { return cell(p.row)*depths + cell(p.depth()) }

// cell is a row and a depth.
type cell uint16

const cells = rows * depths

func (c cell) row() int   { return int(c) / depths }
func (c cell) depth() int { return int(c) % depths }

// rowsAround are the differences between a row and all rows, from itself to the one that is the farthest away.
var rowsAround = func() (all [rows]uint16) {
	for i := range all {
		all[i] = uint16(i)
	}
	slices.SortStableFunc(all[:], func(a, b uint16) int { return bits.OnesCount16(a) - bits.OnesCount16(b) })
	return all
}()
