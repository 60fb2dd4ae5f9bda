package model

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"reflect"
	"slices"
	"testing"

	"reko.moe/engine"
)

// packedScores is a small one.
func packedScores(t testing.TB) []byte {
	t.Helper()
	lists, c := twoTastes(60)
	s, err := TrainScores(t.Context(), scoreLists(lists), c, smallScores())
	if err != nil {
		t.Fatal(err)
	}
	return s.Pack()
}

// resealed gives changed bytes their checksum.
func resealed(b []byte) []byte {
	b = slices.Clone(b)
	end := len(b) - scoresChecksum
	binary.LittleEndian.PutUint32(b[end:], crc32.Checksum(b[:end], castagnoli))
	return b
}

func TestStoredScoresAreTheSame(t *testing.T) {
	b := packedScores(t)
	s, err := UnpackScores(b)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Pack(), b) {
		t.Error("what was unpacked packs to other bytes")
	}
	if len(s.ids) != 40 || len(s.near.seats) == 0 || s.factors.k != 2 || s.forest.trees() != 3 {
		t.Errorf("%d anime, %d neighbours, %d factors, %d trees", len(s.ids), len(s.near.seats), s.factors.k, s.forest.trees())
	}
}

// The largest is 127 or 255 times the scale; half a step is the most that rounding moves.
func TestRounding(t *testing.T) {
	v := []float32{-1.27, 0.5, 0.004, 0}
	r := scoresReader{rest: appendScaled(nil, v)}
	got := make([]float32, len(v))
	if r.scaled(got); r.failed || len(r.rest) > 0 {
		t.Fatal("what was written cannot be read")
	}
	for i, want := range []float64{-1.27, 0.5, 0, 0} {
		if !closeTo(float64(got[i]), want) {
			t.Errorf("%v became %v, want %v", v[i], got[i], want)
		}
	}
	made := newScoreNeighbours(1, 2)
	made.add([]scoreNeighbour{{3, 0.51}, {8, 0.0001}})
	s := &Scores{ids: make([]engine.AnimeID, 9), near: newScoreNeighbours(1, 2)}
	r = scoresReader{rest: made.append(nil, 0)}
	if r.neighbours(s, 0); r.failed || len(r.rest) > 0 {
		t.Fatal("what was written cannot be read")
	}
	if !reflect.DeepEqual(s.near, made) {
		t.Errorf("%v became %v", made, s.near)
	}
	seats, steps, scale := s.near.of(0)
	if !closeTo(float64(steps[0])*float64(scale), 0.51) || !closeTo(float64(steps[1])*float64(scale), 0.002) || seats[1] != 8 {
		t.Errorf("%v, want 0.51 of 3, and of 8 the smallest that is not nothing, 0.002", s.near)
	}
}

func TestDamagedScoresAreRefused(t *testing.T) {
	b := packedScores(t)
	for i := range b {
		damaged := slices.Clone(b)
		damaged[i] ^= 0x10
		if _, err := UnpackScores(damaged); !errors.Is(err, engine.ErrCorrupt) {
			t.Fatalf("byte %d is another one: %v", i, err)
		}
	}
	for _, n := range []int{0, 1, scoresChecksum, scoresHead, len(b) / 2, len(b) - 1} {
		if _, err := UnpackScores(b[:n]); !errors.Is(err, engine.ErrCorrupt) {
			t.Errorf("%d bytes of %d: %v", n, len(b), err)
		}
	}
	// And with the checksum right: what is read is checked, too.
	forest := scoresHead - 4 // where it begins, after the number of trees, here 3, and their depth
	firstID, lastID := scoresHead+forestSize(3, 6), len(b)-scoresChecksum
	for name, change := range map[string]func(b []byte) []byte{
		"version":        func(b []byte) []byte { b[0]++; return b },
		"no anime":       func(b []byte) []byte { binary.LittleEndian.PutUint32(b[1:], 0); return b },
		"too many anime": func(b []byte) []byte { binary.LittleEndian.PutUint32(b[1:], math.MaxUint32); return b },
		"no factors":     func(b []byte) []byte { binary.LittleEndian.PutUint16(b[5:], 0); return b },
		"mean":           func(b []byte) []byte { binary.LittleEndian.PutUint64(b[7:], math.Float64bits(math.NaN())); return b },
		"spread":         func(b []byte) []byte { binary.LittleEndian.PutUint64(b[7+16:], 0); return b },
		"blend":          func(b []byte) []byte { b[7+40]++; return b },
		"depth":          func(b []byte) []byte { b[forest-1] = maxDepth + 1; return b },
		"leaf": func(b []byte) []byte {
			binary.LittleEndian.PutUint32(b[forest:], math.Float32bits(float32(math.Inf(1))))
			return b
		},
		"question":         func(b []byte) []byte { b[firstID-4-1] = scoreFeatures; return b },
		"trees missing":    func(b []byte) []byte { b[forest-3]--; return b },
		"anime id":         func(b []byte) []byte { binary.LittleEndian.PutUint32(b[firstID:], 0); return b },
		"statistics":       func(b []byte) []byte { b[firstID+13] = byte(engine.General); return b },
		"bytes too many":   func(b []byte) []byte { return slices.Insert(b, lastID, 0) },
		"bytes missing":    func(b []byte) []byte { return slices.Delete(b, lastID-1, lastID) },
		"an anime twice":   func(b []byte) []byte { copy(b[firstID+13+int(b[firstID+12])+4+2:][:4], b[firstID:]); return b },
		"last correlation": func(b []byte) []byte { b[lastID-1] = 0; return b },
	} {
		if _, err := UnpackScores(resealed(change(slices.Clone(b)))); !errors.Is(err, engine.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzUnpackScores(f *testing.F) {
	b := packedScores(f)
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Add(append([]byte{scoresVersion, 255, 255, 0, 0}, b[5:]...))
	f.Add([]byte{})
	lists, c := twoTastes(2)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < scoresChecksum {
			return
		}
		b = resealed(b)
		s, err := UnpackScores(b)
		if err != nil {
			if !errors.Is(err, engine.ErrCorrupt) {
				t.Errorf("%v is not %v", err, engine.ErrCorrupt)
			}
			return
		}
		// What was accepted serves.
		scorer := s.For(lists[0], c)
		for id := range engine.AnimeID(45) {
			if v, ok := scorer.Predict(id); ok && !(v >= 1 && v <= engine.MaxScore) && !math.IsNaN(v) {
				t.Errorf("anime %d: %v", id, v)
			}
		}
	})
}
