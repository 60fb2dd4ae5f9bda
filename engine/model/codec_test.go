package model

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"reko.moe/engine"
)

func TestCodec(t *testing.T) {
	m, c, lists := trained(t, 100)
	packed := m.pack()
	got, err := (Trainer{}).Read(packed)
	if err != nil {
		t.Fatal(err)
	}
	anime := slices.Collect(c.All())
	a, b := m.Fold(lists[0], c, nil), got.Fold(lists[0], c, nil)
	if !slices.Equal(a.Matches(nil, engine.IDs(anime), 1), b.Matches(nil, engine.IDs(anime), 1)) {
		t.Error("a model that was packed says something else")
	}
	a.Release()
	b.Release()
	for i := 0; i < len(packed); i += 101 {
		damaged := bytes.Clone(packed)
		damaged[i] ^= 0x10
		if _, err := (Trainer{}).Read(damaged); !errors.Is(err, engine.ErrCorrupt) {
			t.Fatalf("with byte %d damaged: %v, want %v", i, err, engine.ErrCorrupt)
		}
		if _, err := (Trainer{}).Read(packed[:i]); !errors.Is(err, engine.ErrCorrupt) {
			t.Fatalf("cut to %d bytes: %v, want %v", i, err, engine.ErrCorrupt)
		}
	}
}

func TestPlacesAreStoredAsGaps(t *testing.T) {
	m := &Model{kept: 2, places: []uint16{0, 1, 254, 255, 255, 999, 0, 764}}
	s := shape{inputs: 4, columns: 1000, kept: 2}
	gaps := m.gaps()
	if want := []byte{0, 0, 254, 0, 255, 0, 255, 255, 233, 0, 255, 255, 253}; !slices.Equal(gaps, want) {
		t.Fatalf("gaps() = %v, want %v", gaps, want)
	}
	var got Model
	if !got.place(gaps, s) || !slices.Equal(got.places, m.places) {
		t.Errorf("read are %v, want %v", got.places, m.places)
	}
	for _, bad := range [][]byte{nil, gaps[1:], gaps[:len(gaps)-1], append(slices.Clone(gaps), 0), append(slices.Clone(gaps), 255)} {
		if got.place(bad, s) {
			t.Errorf("%v are places: %v", bad, got.places)
		}
	}
	if s.columns = 999; got.place(gaps, s) {
		t.Error("a place is beyond the columns")
	}
}

// reread is a model as it is read once it was stored.
func reread(t testing.TB, m *Model) *Model {
	t.Helper()
	stored, err := unpack(m.pack())
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// A model of another version, whole as it is, is refused.
func TestOtherVersionsAreRefused(t *testing.T) {
	m, _, _ := trained(t, 30)
	packed := m.pack()
	for _, version := range []byte{0, 1, modelVersion - 1, modelVersion + 1} {
		other := bytes.Clone(packed[:len(packed)-modelChecksum])
		other[0] = version
		if _, err := (Trainer{}).Read(sealed(other)); !errors.Is(err, engine.ErrCorrupt) || !strings.Contains(err.Error(), "version") {
			t.Errorf("version %d: %v, want %v", version, err, engine.ErrCorrupt)
		}
	}
}

// What only newcomers' forests may be asked about is refused of others, of which it is not known; and newcomers' forests on top of none.
func TestForestsThatAskTooMuch(t *testing.T) {
	m, _, _ := learned(t)
	m = reread(t, m) // one of its own, to be changed
	m.second.watched.features[3] = featAhead
	if _, err := unpack(m.pack()); !errors.Is(err, engine.ErrCorrupt) {
		t.Errorf("forests for everybody that ask what is known of newcomers: %v, want %v", err, engine.ErrCorrupt)
	}
	m.second.watched.features[3] = 0
	m.second.newcomers.liked.features[0] = featureCount
	if _, err := unpack(m.pack()); !errors.Is(err, engine.ErrCorrupt) {
		t.Errorf("newcomers' forests that ask about nothing there is: %v, want %v", err, engine.ErrCorrupt)
	}
	m.second.newcomers.liked.features[0] = featCosine
	if _, err := unpack(m.pack()); err != nil {
		t.Errorf("newcomers' forests that ask what they may: %v", err)
	}
	m.second.pair = pair{watched: &forest{depth: m.second.watched.depth}, liked: &forest{depth: m.second.watched.depth}}
	if _, err := unpack(m.pack()); !errors.Is(err, engine.ErrCorrupt) {
		t.Errorf("newcomers' forests on top of none: %v, want %v", err, engine.ErrCorrupt)
	}
}

func FuzzRead(f *testing.F) {
	m, c, lists := trained(f, 30)
	f.Add(m.pack())
	newcomers, _, _ := learned(f)
	f.Add(newcomers.pack())
	f.Add([]byte{})
	f.Add(make([]byte, modelHead+modelChecksum))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := unpack(sealed(data[:max(len(data)-modelChecksum, 0)])) // so that more than the checksum is tried
		if err != nil {
			if !errors.Is(err, engine.ErrCorrupt) {
				t.Errorf("unpack: %v, want %v", err, engine.ErrCorrupt)
			}
			return
		}
		fold := m.Fold(lists[0], c, nil) // what is taken for whole does not fail
		anime := slices.Collect(c.All())
		fold.Matches(nil, engine.IDs(anime), 0)
		fold.Because(anime)
		fold.Release()
	})
}
