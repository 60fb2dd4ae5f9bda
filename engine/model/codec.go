package model

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	"reko.moe/engine"
)

// A packed model, all numbers little endian:
//
//	version    4 bytes, modelVersion
//	inputs     4 bytes, how many; columns 4 bytes; rare anime 4 bytes; kept weights of each input 4 bytes; trees of each forest 4 bytes;
//	           of each of newcomers 4 bytes; their depth 4 bytes; bytes of places 4 bytes; bytes of scores 4 bytes
//	inputs     their anime ids, 4 bytes each, ascending
//	columns    the same
//	rare       the same
//	watchers   a number for each rare anime
//	facts      of inputs, five numbers each
//	backdrop   a number for each statistic and type
//	fits       base and slope of popularity, then of liked: four numbers
//	scales     a number for each input
//	forests    what is watched, then what is liked, then the same of newcomers: of each tree 2^depth leaves; of each tree depth
//	           thresholds, which are ordinals of 4 bytes; of each tree depth numbers of features, 1 byte each
//	likeness   where there are forests of newcomers: of each input a number, its scale; of each input likenessSize bytes
//	places     of each input, ascending, as gaps: how many columns lie between one place, at first -1, and the next; for each full 255 of
//	           them a byte of 255, and the rest in a byte
//	weights    of each input, 1 byte each
//	scores     as they are packed; none when nothing was learnt of them
//	checksum   4 bytes, CRC-32C of all that precedes
//
// Where it says no more, a number is a float32 of 4 bytes.
const (
	modelVersion  = 3
	modelHead     = 40
	modelChecksum = 4
	factNumbers   = 5
	fitNumbers    = 4
	mostPart      = 64 << 20 // bytes of places, and of scores
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// shape is what the size of a packed model follows from.
type shape struct{ inputs, columns, rare, kept, trees, newcomers, depth, places, scores int }

func (s shape) size() int {
	numbers := factNumbers*s.inputs + len(backdrop{}.statistics) + animeTypes + fitNumbers + s.inputs
	forests := 2*forestSize(s.trees, s.depth) + 2*forestSize(s.newcomers, s.depth)
	return modelHead + 4*(s.inputs+s.columns+2*s.rare) + 4*numbers + forests + s.likeness() + s.places + s.inputs*s.kept + s.scores + modelChecksum
}

// likeness is how many bytes of that there are.
func (s shape) likeness() int {
	if s.newcomers == 0 {
		return 0
	}
	return s.inputs * (4 + likenessSize)
}

func (m *Model) pack() []byte {
	s := shape{inputs: len(m.inputs), columns: len(m.columns), rare: len(m.rare), kept: m.kept}
	if m.second != nil {
		s.trees, s.depth = m.second.watched.trees(), m.second.watched.depth
		if m.second.newcomers != nil {
			s.newcomers = m.second.newcomers.watched.trees()
		}
	}
	var scores []byte
	if m.scores != nil {
		scores = m.scores.Pack()
	}
	places := m.gaps()
	s.places, s.scores = len(places), len(scores)
	b := make([]byte, 0, s.size())
	le := binary.LittleEndian
	for _, n := range []int{modelVersion, s.inputs, s.columns, s.rare, s.kept, s.trees, s.newcomers, s.depth, s.places, s.scores} {
		b = le.AppendUint32(b, uint32(n))
	}
	for _, ids := range [][]engine.AnimeID{m.inputs, m.columns, m.rare} {
		for _, id := range ids {
			b = le.AppendUint32(b, uint32(id))
		}
	}
	number := func(v float32) { b = le.AppendUint32(b, math.Float32bits(v)) }
	for _, n := range m.watchers {
		number(n)
	}
	for _, f := range m.facts {
		for _, v := range []float32{f.watchers, f.scored, f.liking, f.planned, f.dropped} {
			number(v)
		}
	}
	for _, floats := range [][]float32{m.backdrop.statistics[:], m.backdrop.types[:], m.fits(), m.scales} {
		for _, v := range floats {
			number(v)
		}
	}
	if m.second != nil {
		b = m.second.liked.append(m.second.watched.append(b))
	}
	if s.newcomers > 0 {
		b = m.second.newcomers.liked.append(m.second.newcomers.watched.append(b))
		for _, v := range m.alike.scales {
			number(v)
		}
		for _, v := range m.alike.vectors {
			b = append(b, byte(v))
		}
	}
	b = append(b, places...)
	for _, w := range m.weights {
		b = append(b, byte(w))
	}
	return sealed(append(b, scores...))
}

// gaps are the places as they are stored: most in a byte.
func (m *Model) gaps() []byte {
	b := make([]byte, 0, len(m.places))
	next := 0
	for i, place := range m.places {
		if i%m.kept == 0 {
			next = 0
		}
		gap := int(place) - next
		for ; gap >= math.MaxUint8; gap -= math.MaxUint8 {
			b = append(b, math.MaxUint8)
		}
		b = append(b, byte(gap))
		next = int(place) + 1
	}
	return b
}

func (m *Model) fits() []float32 {
	return []float32{m.popularity.base, m.popularity.slope, m.liked.base, m.liked.slope}
}

// unpack is the inverse of pack. What is damaged, or of another version, is [engine.ErrCorrupt].
func unpack(b []byte) (*Model, error) {
	corrupt := func(what string) (*Model, error) {
		return nil, fmt.Errorf("item model, %s: %w", what, engine.ErrCorrupt)
	}
	end := len(b) - modelChecksum
	if end < modelHead || crc32.Checksum(b[:end], castagnoli) != binary.LittleEndian.Uint32(b[end:]) {
		return corrupt("checksum")
	}
	r := unpacking{rest: b[:end]}
	if v := r.word(); v != modelVersion {
		return corrupt(fmt.Sprintf("version %d and not %d, for which reko train or the job train makes a new one", v, modelVersion))
	}
	var s shape
	for _, n := range []*int{&s.inputs, &s.columns, &s.rare, &s.kept, &s.trees, &s.newcomers, &s.depth} {
		v := r.word()
		if v > 1<<16 { // places are of 16 bits
			return corrupt("head")
		}
		*n = int(v)
	}
	s.places, s.scores = int(r.word()), int(r.word())
	if s.places > mostPart || s.scores > mostPart {
		return corrupt("head")
	}
	if s.kept > s.columns || s.columns > maxColumns || s.depth > maxDepth || s.newcomers > 0 && s.trees == 0 || s.size() != len(b) {
		return corrupt("head")
	}
	m := &Model{kept: s.kept, inputs: r.ids(s.inputs), columns: r.ids(s.columns), facts: make([]facts, s.inputs)}
	m.rare, m.watchers = r.ids(s.rare), make([]float32, s.rare)
	r.numbers(m.watchers)
	if !ascending(m.inputs) || !ascending(m.columns) || !ascending(m.rare) {
		return corrupt("anime")
	}
	for _, id := range m.columns {
		if _, learnt := slices.BinarySearch(m.inputs, id); !learnt {
			return corrupt("columns")
		}
	}
	for i := range m.facts {
		f := &m.facts[i]
		for _, v := range []*float32{&f.watchers, &f.scored, &f.liking, &f.planned, &f.dropped} {
			*v = r.number()
		}
	}
	r.numbers(m.backdrop.statistics[:])
	r.numbers(m.backdrop.types[:])
	m.popularity, m.liked = line{r.number(), r.number()}, line{r.number(), r.number()}
	m.scales = make([]float32, s.inputs)
	r.numbers(m.scales)
	if s.trees > 0 {
		usual, ok := r.pair(s.trees, s.depth, featAhead)
		if !ok {
			return corrupt("second stage")
		}
		m.second = &second{pair: usual, more: usualMore}
	}
	if s.newcomers > 0 {
		newcomers, ok := r.pair(s.newcomers, s.depth, featureCount)
		if !ok {
			return corrupt("second stage of newcomers")
		}
		m.second.newcomers = &newcomers
		m.alike.scales = make([]float32, s.inputs)
		r.numbers(m.alike.scales)
		m.alike.vectors = r.signed(s.inputs * likenessSize)
	}
	if !m.place(r.bytes(s.places), s) {
		return corrupt("places")
	}
	m.weights = r.signed(s.inputs * s.kept)
	if s.scores > 0 {
		var err error
		if m.scores, err = UnpackScores(r.bytes(s.scores)); err != nil {
			return nil, err
		}
	}
	if r.strange {
		return corrupt("numbers")
	}
	m.seat()
	return m, nil
}

// place is the inverse of gaps; false when they are not of that shape.
func (m *Model) place(gaps []byte, s shape) bool {
	if s.inputs*s.kept > len(gaps) { // nothing is made that is larger than what is there to be read
		return false
	}
	m.places = make([]uint16, s.inputs*s.kept)
	next, k := 0, 0
	for _, gap := range gaps {
		next += int(gap)
		if k == len(m.places) || next >= s.columns {
			return false
		}
		if gap == math.MaxUint8 {
			continue
		}
		m.places[k] = uint16(next)
		next++
		if k++; k%s.kept == 0 {
			next = 0
		}
	}
	return k == len(m.places)
}

// unpacking reads a packed model whose size was checked.
type unpacking struct {
	rest    []byte
	strange bool // a number was none
}

func (r *unpacking) bytes(n int) []byte {
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *unpacking) word() uint32 { return binary.LittleEndian.Uint32(r.bytes(4)) }

func (r *unpacking) number() float32 {
	v := math.Float32frombits(r.word())
	r.strange = r.strange || !(math.Abs(float64(v)) <= math.MaxFloat32)
	return v
}

func (r *unpacking) numbers(into []float32) {
	for i := range into {
		into[i] = r.number()
	}
}

func (r *unpacking) signed(n int) []int8 {
	into := make([]int8, n)
	for i, v := range r.bytes(n) {
		into[i] = int8(v)
	}
	return into
}

// pair reads two forests that may ask about so many features; ok is false when they make no sense.
func (r *unpacking) pair(trees, depth, asked int) (p pair, ok bool) {
	watched := readForest(r.bytes(forestSize(trees, depth)), trees, depth)
	liked := readForest(r.bytes(forestSize(trees, depth)), trees, depth)
	if !watched.sound(asked) || !liked.sound(asked) {
		return p, false
	}
	return newPair(watched, liked)
}

func (r *unpacking) ids(n int) []engine.AnimeID {
	ids := make([]engine.AnimeID, n)
	for i := range ids {
		ids[i] = engine.AnimeID(r.word())
	}
	return ids
}

// sealed returns b with its checksum.
func sealed(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}
