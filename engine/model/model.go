// Package model is the trained item model: what a list speaks for, and which scores its user would give. A linear autoencoder
// (Steck, “Embarrassingly shallow autoencoders for sparse data”, 2019) with weights of scores and statuses says which anime speak for
// which others; boosted trees compare the candidates that come first; anime that were not learnt are estimated from those like them;
// and a blend of predictors foresees scores. Training needs gonum and a gigabyte; what comes out of it is small, and serves from plain
// arrays.
package model

import (
	"context"
	"errors"
	"iter"
	"math"
	"sync/atomic"

	"reko.moe/engine"
)

// Model is a trained item model. It is immutable and safe for concurrent use.
type Model struct {
	inputs     []engine.AnimeID // that speak for others, ascending
	columns    []engine.AnimeID // that are spoken for, ascending: those that could be recommended when it was trained
	facts      []facts          // of inputs
	items      []int32          // of columns: their places among the inputs
	backdrop   backdrop
	rare       []engine.AnimeID // that were watched, but not learnt, ascending
	watchers   []float32        // of rare
	second     *second          // the second stage; nil: none
	alike      likeness         // of inputs; the zero value where there is no second stage
	popularity line             // of anime, by the logarithm of MyAnimeList's number of members
	liked      line             // how much an anime is liked, by its mean score
	scores     *Scores          // that users will give; nil: nothing was learnt of them
	kept       int              // weights of each input
	scales     []float32        // of inputs: what 1 in weights is worth
	places     []uint16         // of each input its kept columns, ascending
	weights    []int8           // at those places

	input  []int32 // by anime id: 1 + its place in inputs, 0: none
	column []int32 // by anime id: 1 + its place in columns, 0: none

	popular []float64 // popularity of inputs
	common  float64   // from which on they say little about a user

	seen atomic.Pointer[seen] // of the catalogue that was asked about last
}

// commonShare is the share of the popularity of what is watched (of the anime of an entry drawn at random) from which on an anime is
// common.
const commonShare = 0.6

// seat makes what follows from the rest: the tables by anime id and so on.
func (m *Model) seat() {
	table := func(ids []engine.AnimeID) []int32 {
		if len(ids) == 0 {
			return nil
		}
		at := make([]int32, ids[len(ids)-1]+1)
		for i, id := range ids {
			at[id] = int32(i) + 1
		}
		return at
	}
	m.input, m.column = table(m.inputs), table(m.columns)
	m.items = make([]int32, len(m.columns))
	for j, id := range m.columns {
		m.items[j] = m.input[id] - 1
	}
	squares, sum := 0.0, 0.0
	m.popular = make([]float64, len(m.facts))
	for i := range m.facts {
		m.popular[i] = m.facts[i].popularity()
		w := float64(m.facts[i].watchers)
		squares += w * w
		sum += w
	}
	m.common = math.Log(commonShare * squares / max(sum, 1))
}

// inputOf returns the place of an anime among the inputs; ok is false when it is none.
func (m *Model) inputOf(id engine.AnimeID) (i int, ok bool) { return seatOf(m.input, id) }

// columnOf returns the place of an anime among the columns; ok is false when it is none.
func (m *Model) columnOf(id engine.AnimeID) (j int, ok bool) { return seatOf(m.column, id) }

func seatOf(table []int32, id engine.AnimeID) (int, bool) {
	if uint(id) >= uint(len(table)) || table[id] == 0 {
		return 0, false
	}
	return int(table[id]) - 1, true
}

// factsOf are those of an anime that was learnt; nil for others.
func (m *Model) factsOf(id engine.AnimeID) *facts {
	if i, ok := m.inputOf(id); ok {
		return &m.facts[i]
	}
	return nil
}

// row returns the columns for which an input speaks, and how much; of weights 1 is worth scale.
func (m *Model) row(i int) (places []uint16, weights []int8, scale float64) {
	from, to := i*m.kept, (i+1)*m.kept
	return m.places[from:to:to], m.weights[from:to:to], float64(m.scales[i])
}

// Trainer makes and reads models. It implements [engine.Trainer].
type Trainer struct {
	Options  Options           // the zero value: [Defaults]
	Progress func(step string) // is told what begins; nil: nobody
}

var _ engine.Trainer = Trainer{}

// Train implements [engine.Trainer].
func (t Trainer) Train(ctx context.Context, lists func() iter.Seq2[engine.List, error], c *engine.Catalogue) ([]byte, error) {
	o := t.Options
	if o.Anime == 0 {
		o = Defaults()
	}
	progress := t.Progress
	if progress == nil {
		progress = func(string) {}
	}
	m, err := train(ctx, lists, c, o, progress)
	if err != nil {
		return nil, err
	}
	progress("learning how people score")
	m.scores, err = TrainScores(ctx, lists, c, ScoreDefaults())
	if errors.Is(err, ErrFewScores) {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	return m.pack(), nil
}

// Read implements [engine.Trainer].
func (t Trainer) Read(data []byte) (engine.Model, error) {
	m, err := unpack(data)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// ascending tells whether ids are in 1..[engine.MaxAnimeID], each greater than the one before.
func ascending(ids []engine.AnimeID) bool {
	last := engine.AnimeID(0)
	for _, id := range ids {
		if id <= last || id > engine.MaxAnimeID {
			return false
		}
		last = id
	}
	return true
}
