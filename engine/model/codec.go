package model

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"reko.moe/engine"
)

// A packed model, all numbers little endian:
//
//	version    4 bytes, modelVersion
//	inputs     4 bytes, how many; columns 4 bytes; kept weights of each input 4 bytes
//	inputs     their anime ids, 4 bytes each, ascending
//	columns    the same
//	popularity of columns, 4 bytes each (float32)
//	scales     of inputs, 4 bytes each (float32)
//	places     of each input, 2 bytes each, ascending
//	weights    of each input, 1 byte each
//	checksum   4 bytes, CRC-32C of all that precedes
const (
	modelVersion  = 1
	modelHead     = 16
	modelChecksum = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// size is how many bytes a packed model has.
func size(inputs, columns, kept int) int {
	return modelHead + 4*inputs + 4*columns + 4*columns + 4*inputs + 3*inputs*kept + modelChecksum
}

func (m *Model) pack() []byte {
	b := make([]byte, 0, size(len(m.inputs), len(m.columns), m.kept))
	le := binary.LittleEndian
	for _, n := range []int{modelVersion, len(m.inputs), len(m.columns), m.kept} {
		b = le.AppendUint32(b, uint32(n))
	}
	for _, ids := range [][]engine.AnimeID{m.inputs, m.columns} {
		for _, id := range ids {
			b = le.AppendUint32(b, uint32(id))
		}
	}
	for _, floats := range [][]float32{m.popularity, m.scales} {
		for _, f := range floats {
			b = le.AppendUint32(b, math.Float32bits(f))
		}
	}
	for _, p := range m.places {
		b = le.AppendUint16(b, p)
	}
	for _, w := range m.weights {
		b = append(b, byte(w))
	}
	return sealed(b)
}

// unpack is the inverse of pack. What is damaged, or of another version, is [engine.ErrCorrupt].
func unpack(b []byte) (*Model, error) {
	le := binary.LittleEndian
	corrupt := func(what string) (*Model, error) {
		return nil, fmt.Errorf("item model, %s: %w", what, engine.ErrCorrupt)
	}
	end := len(b) - modelChecksum
	if end < modelHead || crc32.Checksum(b[:end], castagnoli) != le.Uint32(b[end:]) {
		return corrupt("checksum")
	}
	if v := le.Uint32(b); v != modelVersion {
		return corrupt(fmt.Sprint("version ", v))
	}
	const most = 1 << 16 // places are of 16 bits
	inputs, columns, kept := le.Uint32(b[4:]), le.Uint32(b[8:]), le.Uint32(b[12:])
	if inputs > most || columns > most || kept > columns || len(b) != size(int(inputs), int(columns), int(kept)) {
		return corrupt("head")
	}
	m := &Model{kept: int(kept)}
	rest := b[modelHead:end]
	words := func(n uint32, f func(uint32)) {
		for range n {
			f(le.Uint32(rest))
			rest = rest[4:]
		}
	}
	words(inputs, func(v uint32) { m.inputs = append(m.inputs, engine.AnimeID(v)) })
	words(columns, func(v uint32) { m.columns = append(m.columns, engine.AnimeID(v)) })
	words(columns, func(v uint32) { m.popularity = append(m.popularity, math.Float32frombits(v)) })
	words(inputs, func(v uint32) { m.scales = append(m.scales, math.Float32frombits(v)) })
	if !ascending(m.inputs) || !ascending(m.columns) {
		return corrupt("anime")
	}
	for _, f := range m.popularity {
		if !(f >= 0 && f <= math.MaxFloat32) {
			return corrupt("popularity")
		}
	}
	for _, f := range m.scales {
		if !(f >= 0 && f <= math.MaxFloat32) {
			return corrupt("scale")
		}
	}
	m.places = make([]uint16, inputs*kept)
	for i := range m.places {
		m.places[i] = le.Uint16(rest[2*i:])
		if uint32(m.places[i]) >= columns {
			return corrupt("place")
		}
	}
	rest = rest[2*len(m.places):]
	m.weights = make([]int8, inputs*kept)
	for i := range m.weights {
		m.weights[i] = int8(rest[i])
	}
	m.seat()
	return m, nil
}

// sealed returns b with its checksum.
func sealed(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}
