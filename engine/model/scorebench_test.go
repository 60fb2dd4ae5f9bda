package model

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"reko.moe/engine"
	"reko.moe/engine/heldout"
)

// BenchmarkTrainScores trains on all lists outside of the dev split, and measures on it. REKO_SCORES=Factors=8,Near=100 changes options.
func BenchmarkTrainScores(b *testing.B) {
	if testing.Short() {
		b.Skip("trains on thousands of lists")
	}
	readScoreReal(b)
	o := ScoreDefaults()
	known := map[string]*int{"Anime": &o.Anime, "Near": &o.Near, "Factors": &o.Factors, "Sweeps": &o.Sweeps, "BlendEvery": &o.BlendEvery, "Trees": &o.Forest.Trees, "Depth": &o.Forest.Depth}
	for _, set := range strings.FieldsFunc(os.Getenv("REKO_SCORES"), func(r rune) bool { return r == ',' }) {
		name, value, _ := strings.Cut(set, "=")
		n, err := strconv.Atoi(value)
		if err != nil || known[name] == nil {
			b.Fatalf("REKO_SCORES: %q", set)
		}
		*known[name] = n
	}
	for b.Loop() {
		exact := &scoreTraining{options: o, catalogue: scoreReal.catalogue}
		if err := exact.train(b.Context(), everyScoreList(1)); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		packed := exact.scores.Pack()
		s, err := UnpackScores(packed)
		if err != nil {
			b.Fatal(err)
		}
		var table strings.Builder
		fmt.Fprintf(&table, "not rounded:     %v\n", devErrorsOf(exact.scores))
		e := devErrorsOf(s)
		fmt.Fprintf(&table, "as stored:       %v; %.4f but for one user\n", e, e.butForTheWorst())
		blend := *s
		blend.forest = nil
		blended := devErrorsOf(&blend)
		table.WriteString("the blend alone: " + blended.against(e))
		for _, part := range [...]string{"base", "near", "factors", "listed", "taste"} {
			table.WriteString(part + " alone: " + partAlone(s, part).against(blended))
		}
		for _, part := range [...]string{"near", "factors", "marks", "taste"} {
			table.WriteString("a blend without " + part + ": " + blendWithout(b, exact, part).against(blended))
		}
		fmt.Print("\n" + table.String()) // of a benchmark's log only ten lines are shown
		b.ReportMetric(e.rmse, "RMSE")
		b.ReportMetric(float64(len(packed)), "bytes")
		b.StartTimer()
	}
}

// against is a line about e, and how it compares with all parts.
func (e *scoreErrors) against(all *scoreErrors) string {
	by, se := e.worse(all)
	return fmt.Sprintf("%v; worse by %.4f ±%.4f\n", e, by, se)
}

// butForTheWorst returns the RMSE without the user whose squared errors add up to most.
func (e *scoreErrors) butForTheWorst() float64 {
	worst := 0
	for i, s := range e.squares {
		if s > e.squares[worst] {
			worst = i
		}
	}
	return math.Sqrt((sumOf(e.squares) - e.squares[worst]) / (float64(e.n) - e.counts[worst]))
}

// partAlone measures one predictor alone, on the base.
func partAlone(s *Scores, part string) *scoreErrors {
	alone := *s
	alone.weights, alone.forest = [blendFeatures]float64{}, nil
	if i := slices.Index([]string{"", "near", "factors", "listed", "taste"}, part); i > 0 {
		alone.weights[i] = 1
	}
	return devErrorsOf(&alone)
}

// blendWithout measures a blend that was fitted without a part.
func blendWithout(b *testing.B, t *scoreTraining, part string) *scoreErrors {
	b.Helper()
	less := *t.scores
	less.forest = nil
	switch part {
	case "near":
		less.near = scoreNeighbours{from: make([]int32, len(less.near.from)), scale: less.near.scale}
	case "factors":
		less.factors.vectors = make([]float32, len(less.factors.vectors))
	case "marks":
		less.factors.marks = make([]float32, len(less.factors.marks))
	case "taste":
		less.traits = make([][]uint8, len(less.traits))
	}
	without := *t
	without.scores = &less
	if err := without.blend(b.Context()); err != nil {
		b.Fatal(err)
	}
	return devErrorsOf(&less)
}

// BenchmarkScorer folds in a real list of about 300 entries, and what such a list begins with, and foresees a page of 16 scores.
func BenchmarkScorer(b *testing.B) {
	if testing.Short() {
		b.Skip("trains on thousands of lists")
	}
	readScoreReal(b)
	o := ScoreDefaults()
	o.Sweeps = 1 // which changes nothing about the time
	s, err := TrainScores(b.Context(), everyScoreList(4), scoreReal.catalogue, o)
	if err != nil {
		b.Fatal(err)
	}
	i := slices.IndexFunc(scoreReal.dev, func(u heldout.Case) bool {
		return len(u.FoldIn) >= 295 && len(u.FoldIn) <= 305 && 2*scored(u.FoldIn) > len(u.FoldIn)
	})
	if i < 0 {
		b.Fatal("there is no such list")
	}
	l := scoreReal.dev[i].FoldIn
	for _, n := range []int{5, 20, len(l)} {
		b.Run(fmt.Sprintf("entries=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f := s.For(l[:n], scoreReal.catalogue)
				for _, id := range s.ids[:16] {
					if _, ok := f.Predict(id); !ok {
						b.Fatal(id)
					}
				}
			}
			b.ReportMetric(float64(scored(l[:n])), "scored")
		})
	}
}

// scored counts the scored entries of a list.
func scored(l engine.List) int {
	n := 0
	for i := range l {
		if l[i].Score > 0 {
			n++
		}
	}
	return n
}
