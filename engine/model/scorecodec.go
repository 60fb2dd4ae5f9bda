package model

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"reko.moe/engine"
)

// The stored form of [Scores]. Numbers are little endian, and floating point ones of 4 bytes but where it says so.
//
//	version    1 byte, scoresVersion
//	anime      4 bytes, how many were learnt
//	factors    2 bytes, how many
//	base       mean, mean of the dropped, spread, and the line's two, 8 bytes each
//	weights    1 byte, how many, and 8 bytes each
//	forest     2 bytes, how many trees; 1 byte, their depth; see [forest]; no trees: there is none
//	noise
//	per anime  id 4 bytes, bias, raters; 1 byte, how many statistics, and 1 byte each;
//	           scale; factors, 1 byte each, signed
//	per mark   weight; scale; factors, 1 byte each, signed
//	per anime  2 bytes, how many neighbours; scale; 2 bytes each, seats; 1 byte each, correlations
//	checksum   4 bytes, CRC-32C of all that precedes
//
// What is of 1 byte is times the scale that stands before it.
const (
	scoresVersion  = 2
	scoresChecksum = 4
	scoresHead     = 1 + 4 + 2 + 5*8 + 1 + 8*blendFeatures + 2 + 1 + 4 // without the forest
	mostFactors    = 256
	neighboursHead = 2 + 4 // of an anime
	neighbourBytes = 2 + 1
)

// Pack returns the stored form of s: 3.8 MB for 6,000 anime.
func (s *Scores) Pack() []byte {
	n, k := len(s.ids), s.factors.k
	b := make([]byte, 0, scoresHead+n*(4*5+2+12+k)+n*markKinds*(8+k)+neighbourBytes*len(s.near.seats)+scoresChecksum)
	b = append(b, scoresVersion)
	b = binary.LittleEndian.AppendUint32(b, uint32(n))
	b = binary.LittleEndian.AppendUint16(b, uint16(k))
	for _, v := range [...]float64{s.general, s.dropped, s.spread, float64(s.line.base), float64(s.line.slope)} {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	b = append(b, blendFeatures)
	for _, w := range s.weights {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(w))
	}
	forest := cmp.Or(s.forest, &forest{depth: 1})
	b = binary.LittleEndian.AppendUint16(b, uint16(forest.trees()))
	b = forest.append(append(b, byte(forest.depth)))
	b = appendFloat(b, s.factors.noise)
	for i, id := range s.ids {
		b = binary.LittleEndian.AppendUint32(b, uint32(id))
		b = appendFloat(b, s.bias[i])
		b = appendFloat(b, s.raters[i])
		b = append(b, byte(len(s.traits[i])))
		b = append(b, s.traits[i]...)
		b = appendScaled(b, s.factors.vector(i))
	}
	for m, w := range s.factors.markWeights {
		b = appendFloat(b, w)
		b = appendScaled(b, s.factors.marks[m*k:(m+1)*k])
	}
	for i := range n {
		b = s.near.append(b, i)
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func appendFloat(b []byte, v float32) []byte {
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
}

// appendScaled appends a vector rounded to whole numbers of -127..127 times a scale.
func appendScaled(b []byte, v []float32) []byte {
	var largest float32
	for _, x := range v {
		largest = max(largest, x, -x)
	}
	b = appendFloat(b, largest/math.MaxInt8)
	for _, x := range v {
		q := 0.0
		if largest > 0 {
			q = math.Round(float64(x / largest * math.MaxInt8))
		}
		b = append(b, byte(int8(q)))
	}
	return b
}

// append appends the neighbours of an anime.
func (s *scoreNeighbours) append(b []byte, seat int) []byte {
	seats, steps, scale := s.of(seat)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(seats)))
	b = appendFloat(b, scale)
	for _, to := range seats {
		b = binary.LittleEndian.AppendUint16(b, to)
	}
	return append(b, steps...)
}

// UnpackScores is the inverse of [Scores.Pack]. What is damaged, or of another version, is [engine.ErrCorrupt].
func UnpackScores(b []byte) (*Scores, error) {
	end := len(b) - scoresChecksum
	if end < scoresHead || crc32.Checksum(b[:end], castagnoli) != binary.LittleEndian.Uint32(b[end:]) {
		return nil, fmt.Errorf("scores of %d bytes: checksum: %w", len(b), engine.ErrCorrupt)
	}
	if b[0] != scoresVersion {
		return nil, fmt.Errorf("scores of version %d: %w", b[0], engine.ErrCorrupt)
	}
	r := scoresReader{rest: b[1:end]}
	s := r.scores()
	if r.failed || len(r.rest) > 0 {
		return nil, fmt.Errorf("scores of %d bytes: %w", len(b), engine.ErrCorrupt)
	}
	return s, nil
}

// scoresReader reads from the front of rest. failed is set when it ends too early or a value is out of range.
type scoresReader struct {
	rest   []byte
	failed bool
}

// scores reads everything.
func (r *scoresReader) scores() *Scores {
	n, k := int(binary.LittleEndian.Uint32(r.take(4))), int(r.uint16())
	// Nothing is made that is larger than what is there to be read.
	if n < 1 || n > math.MaxUint16/markKinds || n*markKinds*(8+k) > len(r.rest) || k < 1 || k > mostFactors {
		r.failed = true
		return nil
	}
	s := &Scores{
		ids: make([]engine.AnimeID, n), bias: make([]float32, n), raters: make([]float32, n), traits: make([][]uint8, n),
		factors: scoreFactors{
			k: k, vectors: make([]float32, n*k),
			marks: make([]float32, n*markKinds*k), markWeights: make([]float32, n*markKinds),
		},
	}
	s.general, s.dropped, s.spread = r.float64(), r.float64(), r.float64()
	s.line = line{r.narrow(), r.narrow()}
	r.check(s.spread > 0 && r.take(1)[0] == blendFeatures)
	for i := range s.weights {
		s.weights[i] = r.float64()
	}
	if trees, depth := int(r.uint16()), int(r.take(1)[0]); trees > 0 {
		if r.check(depth <= maxDepth); r.failed {
			return nil
		}
		s.forest = readForest(r.take(forestSize(trees, depth)), trees, depth)
		r.check(s.forest.sound(scoreFeatures))
	}
	s.factors.noise = r.float32()
	r.check(s.factors.noise > 0)
	for i := range n {
		s.ids[i] = engine.AnimeID(binary.LittleEndian.Uint32(r.take(4)))
		r.check(s.ids[i] >= 1 && s.ids[i] <= engine.MaxAnimeID)
		s.bias[i], s.raters[i] = r.float32(), r.float32()
		s.traits[i] = append([]uint8(nil), r.take(int(r.take(1)[0]))...)
		for _, stat := range s.traits[i] {
			r.check(int(stat) < engine.General)
		}
		r.scaled(s.factors.vector(i))
	}
	for m := range s.factors.markWeights {
		s.factors.markWeights[m] = r.float32()
		r.scaled(s.factors.marks[m*k : (m+1)*k])
	}
	s.near = newScoreNeighbours(n, max(len(r.rest)-n*neighboursHead, 0)/neighbourBytes)
	for i := range n {
		r.neighbours(s, i)
	}
	if r.failed {
		return nil
	}
	s.index()
	for i, id := range s.ids {
		r.check(s.seatOf(id) == i) // no anime twice
	}
	return s
}

// neighbours appends those of an anime.
func (r *scoresReader) neighbours(s *Scores, seat int) {
	count := int(r.uint16())
	scale := r.float32()
	seats, steps := r.take(2*count), r.take(count)
	r.check(scale >= 0 && (scale > 0 || count == 0))
	if r.failed {
		return
	}
	last := -1
	for i, step := range steps {
		to := binary.LittleEndian.Uint16(seats[2*i:])
		r.check(int(to) > last && int(to) < len(s.ids) && int(to) != seat && step > 0)
		last = int(to)
		s.near.seats = append(s.near.seats, to)
	}
	s.near.steps = append(s.near.steps, steps...)
	s.near.end(scale)
}

// check fails unless ok.
func (r *scoresReader) check(ok bool) { r.failed = r.failed || !ok }

// take returns the next n bytes, and zeros when there are fewer.
func (r *scoresReader) take(n int) []byte {
	if n > len(r.rest) {
		r.failed = true
		return make([]byte, n)
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *scoresReader) uint16() uint16 { return binary.LittleEndian.Uint16(r.take(2)) }

// float32 reads a finite number.
func (r *scoresReader) float32() float32 {
	v := math.Float32frombits(binary.LittleEndian.Uint32(r.take(4)))
	r.check(v-v == 0)
	return v
}

// float64 reads a finite number.
func (r *scoresReader) float64() float64 {
	v := math.Float64frombits(binary.LittleEndian.Uint64(r.take(8)))
	r.check(v-v == 0)
	return v
}

// narrow reads a number of 8 bytes that 4 would do for.
func (r *scoresReader) narrow() float32 {
	v := float32(r.float64())
	r.check(v-v == 0)
	return v
}

// scaled reads a scale and a vector.
func (r *scoresReader) scaled(dst []float32) {
	scale := r.float32()
	for i, q := range r.take(len(dst)) {
		dst[i] = float32(int8(q)) * scale
	}
}
