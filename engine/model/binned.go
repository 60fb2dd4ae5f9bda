package model

import (
	"encoding/binary"
	"slices"
)

// binned are forests that are asked about the same rows, many at a time. Of a feature it only matters which of the thresholds it is
// above: that is a number below maxThresholds, found once for all trees, and so small that eight rows are compared by one addition
// (“SIMD within a register”). They say the same as [forest.values], bit for bit. It is immutable, hence safe for concurrent use.
type binned struct {
	depth   int
	cuts    [][]int32 // by feature: the thresholds it is compared with, ascending, and never until there are 2^n - 1; nil: nobody asks
	forests []questions
}

// questions are those of a forest.
type questions struct {
	feature []uint8
	above   []uint8   // what, added to a bin, has the highest bit where the feature is above the threshold
	leaves  []float32 // as in forest
}

// maxThresholds bounds how many thresholds a feature has. Bins are that many and one more, in seven bits.
const maxThresholds = 1<<7 - 1

const (
	lanes       = 8                  // rows in a word
	lowestBits  = 0x0101010101010101 // of each lane
	highestLane = 1<<7 - 1           // the most that a bin can be
)

// newBinned puts forests of one depth together. It fails when a feature has more than maxThresholds: no forest that was grown has.
func newBinned(forests ...*forest) (b *binned, ok bool) {
	b = &binned{depth: forests[0].depth, cuts: make([][]int32, maxFeatures)}
	for _, f := range forests {
		for k, feature := range f.features {
			b.cuts[feature] = append(b.cuts[feature], f.thresholds[k])
		}
	}
	for feature, cuts := range b.cuts {
		if len(cuts) == 0 {
			continue
		}
		slices.Sort(cuts)
		cuts = slices.Compact(cuts)
		if len(cuts) > maxThresholds {
			return nil, false
		}
		all := 1
		for all < len(cuts) {
			all = 2*all + 1
		}
		for len(cuts) < all {
			cuts = append(cuts, never)
		}
		b.cuts[feature] = slices.Clip(cuts)
	}
	for _, f := range forests {
		if f.depth != b.depth {
			return nil, false
		}
		q := questions{feature: f.features, above: make([]uint8, len(f.features)), leaves: f.leaves}
		for k, feature := range f.features {
			place, _ := slices.BinarySearch(b.cuts[feature], f.thresholds[k])
			q.above[k] = uint8(highestLane - place) // a bin above the threshold is at least place + 1
		}
		b.forests = append(b.forests, q)
	}
	return b, true
}

// binning is memory for values. The zero value is ready.
type binning struct {
	bins []byte // by feature and row, which is padded to whole words
	leaf []uint64
	sums []float32
}

// values adds up what the trees of each forest say of each row. It writes to into, a slice for each forest.
func (b *binned) values(m *binning, rows []features, into ...[]float32) {
	words := (len(rows) + lanes - 1) / lanes
	width := words * lanes
	m.bins = slices.Grow(m.bins[:0], maxFeatures*width)[:maxFeatures*width]
	m.leaf = slices.Grow(m.leaf[:0], words)[:words]
	m.sums = slices.Grow(m.sums[:0], width)[:width]
	for feature, cuts := range b.cuts {
		if cuts != nil {
			b.bin(m.bins[feature*width:][:width], rows, feature, cuts)
		}
	}
	for n := range b.forests {
		b.forests[n].add(m, b.depth, width)
		copy(into[n], m.sums)
	}
}

// bin writes how many cuts the feature of each row is above. It searches without branches, which nobody could predict.
func (b *binned) bin(into []byte, rows []features, feature int, cuts []int32) {
	for r := range rows {
		x := int64(rows[r][feature&(maxFeatures-1)])
		place := 0
		for half := (len(cuts) + 1) / 2; half > 0; half /= 2 {
			place += half & int((int64(cuts[place+half-1])-x)>>63)
		}
		into[r] = byte(place)
	}
	clear(into[len(rows):])
}

// add sums up the trees of a forest in their order, for all rows.
func (q *questions) add(m *binning, depth, width int) {
	clear(m.sums)
	feature, above, leaves := q.feature, q.above, q.leaves
	for len(leaves) > 0 {
		clear(m.leaf)
		for k, f := range feature[:depth] {
			bins, more := m.bins[int(f)*width:][:width], uint64(above[k])*lowestBits
			for w := range m.leaf {
				m.leaf[w] = m.leaf[w]<<1 | (binary.LittleEndian.Uint64(bins[w*lanes:])+more)>>7&lowestBits
			}
		}
		for w, leaf := range m.leaf {
			sums := m.sums[w*lanes:][:lanes]
			for lane := range sums {
				sums[lane] += leaves[leaf&(1<<maxDepth-1)]
				leaf >>= 8
			}
		}
		feature, above, leaves = feature[depth:], above[depth:], leaves[1<<depth:]
	}
}
