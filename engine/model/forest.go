package model

import (
	"bytes"
	"encoding/binary"
	"math"
)

// forest is a sum of symmetric regression trees: each asks the same questions of everybody, one a level, and the answers are the
// bits of the leaf's number (Prokhorenkova et al., “CatBoost: unbiased boosting with categorical features”, 2018). They are as good
// as trees of free form here, and several times as fast. The zero value says 0 of everything. It is immutable once it is grown or
// read, and safe for concurrent use.
type forest struct {
	depth      int
	features   []uint8   // of each tree depth
	thresholds []int32   // of each tree depth, ordinals: what is above one has a 1 in its leaf's number, the first in the highest bit
	leaves     []float32 // of each tree 2^depth
}

// maxDepth bounds the depth of trees.
const maxDepth = 8

// trees is how many there are.
func (f *forest) trees() int { return len(f.leaves) >> f.depth }

// values adds up what the trees say of each row and writes it to into. It compares without branches, which nobody could predict.
func (f *forest) values(rows []features, into []float32) {
	clear(into)
	questions, thresholds, leaves := f.features, f.thresholds, f.leaves
	for len(leaves) > 0 {
		for r := range rows {
			x := &rows[r]
			leaf := uint64(0)
			for k, threshold := range thresholds[:f.depth] {
				leaf = leaf<<1 | uint64(int64(threshold)-int64(x[questions[k]&(maxFeatures-1)]))>>63
			}
			into[r] += leaves[leaf]
		}
		questions, thresholds, leaves = questions[f.depth:], thresholds[f.depth:], leaves[1<<f.depth:]
	}
}

// features are what a tree is asked about, as ordinals. maxFeatures is a power of two, so that no place needs a check of bounds.
type features [maxFeatures]int32

const maxFeatures = 64

// ordinal turns a number into an integer such that greater numbers have greater ones.
func ordinal(v float32) int32 {
	bits := int32(math.Float32bits(v))
	return bits ^ bits>>31&math.MaxInt32
}

// fromOrdinal is the inverse of ordinal.
func fromOrdinal(o int32) float32 { return math.Float32frombits(uint32(o ^ o>>31&math.MaxInt32)) }

// never is the threshold that nothing is above.
const never = math.MaxInt32

// append appends the forest, as it is stored: the leaves, numbers of 4 bytes; the thresholds, of 4 bytes; the numbers of features, of 1.
func (f *forest) append(b []byte) []byte {
	for _, v := range f.leaves {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	for _, v := range f.thresholds {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return append(b, f.features...)
}

// forestSize is how many bytes of it there are.
func forestSize(trees, depth int) int { return 4*trees<<depth + 5*trees*depth }

// readForest is the inverse of append, for forestSize bytes.
func readForest(b []byte, trees, depth int) *forest {
	f := &forest{depth: depth, leaves: make([]float32, trees<<depth), thresholds: make([]int32, trees*depth)}
	for i := range f.leaves {
		f.leaves[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	b = b[4*len(f.leaves):]
	for i := range f.thresholds {
		f.thresholds[i] = int32(binary.LittleEndian.Uint32(b[4*i:]))
	}
	f.features = bytes.Clone(b[4*len(f.thresholds):])
	return f
}

// sound tells whether every question is about one of n features and every number is one.
func (f *forest) sound(n int) bool {
	if f.depth < 1 || f.depth > maxDepth || len(f.leaves) != f.trees()<<f.depth || len(f.features) != f.trees()*f.depth || len(f.thresholds) != len(f.features) {
		return false
	}
	for _, feature := range f.features {
		if int(feature) >= n {
			return false
		}
	}
	for _, v := range f.leaves {
		if !(math.Abs(float64(v)) <= math.MaxFloat32) {
			return false
		}
	}
	return true
}
