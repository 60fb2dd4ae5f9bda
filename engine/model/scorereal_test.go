package model

import (
	"fmt"
	"iter"
	"math"
	"sync"
	"testing"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/heldout"
	"reko.moe/engine/listfile"
	"reko.moe/internal/shared"
)

// scoreReal is the real input, read once.
var scoreReal struct {
	once      sync.Once
	catalogue *engine.Catalogue
	train     []engine.Packed
	dev       []heldout.Case // by the protocol of ../shared/QUALITY.md
	err       error
}

func readScoreReal(t testing.TB) {
	t.Helper()
	lists, anime := shared.Gunzip(t, "data", "lists.csv.gz"), shared.Gunzip(t, "data", "anime.csv.gz")
	s := &scoreReal
	s.once.Do(func() {
		s.err = func() error {
			var all []engine.Anime
			for a, err := range listfile.ReadAnime(anime, time.Unix(1, 0)) {
				if err != nil {
					return err
				}
				all = append(all, a)
			}
			s.catalogue = engine.NewCatalogue(all)
			for u, err := range listfile.ReadLists(lists) {
				if err != nil {
					return err
				}
				if heldout.Number(u.Name)%12 != 0 {
					s.train = append(s.train, u.List.Pack())
				} else if c, ok := heldout.Split(u.Name, u.List); ok {
					s.dev = append(s.dev, c)
				}
			}
			return nil
		}()
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
}

// everyScoreList walks over every step-th training list.
func everyScoreList(step int) func() iter.Seq2[engine.List, error] {
	return func() iter.Seq2[engine.List, error] {
		return func(yield func(engine.List, error) bool) {
			var l engine.List
			var err error
			for i := 0; i < len(scoreReal.train); i += step {
				if l, err = scoreReal.train[i].Unpack(l[:0]); !yield(l, err) || err != nil {
					return
				}
			}
		}
	}
}

// scoreErrors are the figures of predicted scores.
type scoreErrors struct {
	n, users            int
	rmse, mae, spearman float64
	se                  float64    // of rmse, over users
	halves              [2]float64 // rmse on the halves of the dev split
	squares, counts     []float64  // by user: sum of squared errors, and of how many
}

// devErrors measures predictions on the dev split.
func devErrors(predict func(u *heldout.Case) func(engine.AnimeID) (float64, bool)) *scoreErrors {
	r := new(scoreErrors)
	var squares, abs, rho float64
	var half, halfN [2]float64
	type sum struct{ squares, n float64 }
	var users []sum
	for i := range scoreReal.dev {
		u := &scoreReal.dev[i]
		p := predict(u)
		var s sum
		var foreseen, given []float64
		for k := range u.HeldOut {
			e := &u.HeldOut[k]
			if e.Score == 0 {
				continue
			}
			x, ok := p(e.Anime)
			if !ok {
				continue
			}
			d := x - float64(e.Score)
			s.squares += d * d
			s.n++
			abs += math.Abs(d)
			foreseen, given = append(foreseen, x), append(given, float64(e.Score))
		}
		users = append(users, s)
		r.squares, r.counts = append(r.squares, s.squares), append(r.counts, s.n)
		squares += s.squares
		r.n += int(s.n)
		h := heldout.Number(u.Name) / 12 % 2
		half[h] += s.squares
		halfN[h] += s.n
		if c := heldout.Spearman(foreseen, given); !math.IsNaN(c) {
			rho += c
			r.users++
		}
	}
	n := float64(r.n)
	mse := squares / n
	var v float64
	for _, s := range users {
		d := s.squares - mse*s.n
		v += d * d
	}
	r.rmse, r.mae, r.spearman = math.Sqrt(mse), abs/n, rho/float64(r.users)
	r.se = math.Sqrt(v) / n / (2 * r.rmse)
	for h := range half {
		r.halves[h] = math.Sqrt(half[h] / halfN[h])
	}
	return r
}

// worse returns by how much the RMSE of e is above that of the same users' other, and the standard error of that difference.
func (e *scoreErrors) worse(other *scoreErrors) (by, se float64) {
	mean := (sumOf(e.squares) - sumOf(other.squares)) / float64(len(e.squares))
	var v float64
	for i := range e.squares {
		d := e.squares[i] - other.squares[i] - mean
		v += d * d
	}
	return e.rmse - other.rmse, math.Sqrt(v) / float64(e.n) / (2 * e.rmse)
}

func sumOf(v []float64) (sum float64) {
	for _, x := range v {
		sum += x
	}
	return sum
}

// devErrorsOf measures scores on the dev split.
func devErrorsOf(s *Scores) *scoreErrors {
	return devErrors(func(u *heldout.Case) func(engine.AnimeID) (float64, bool) {
		return s.For(u.FoldIn, scoreReal.catalogue).Predict
	})
}

// A quarter of the lists, fewer factors and sweeps, to be quick. The whole: BenchmarkTrainScores.
func TestScoresOfRealUsersAreForeseen(t *testing.T) {
	readScoreReal(t)
	o := ScoreDefaults()
	o.Anime, o.Factors, o.Sweeps = 2000, 8, 4
	exact := &scoreTraining{options: o, catalogue: scoreReal.catalogue}
	if err := exact.train(t.Context(), everyScoreList(4)); err != nil {
		t.Fatal(err)
	}
	stored, err := UnpackScores(exact.scores.Pack())
	if err != nil {
		t.Fatal(err)
	}
	before, after := devErrorsOf(exact.scores), devErrorsOf(stored)
	t.Logf("dev split, learnt from a quarter: %v", after)
	if len(scoreReal.dev) != 846 || after.n != 29_114 {
		t.Errorf("%d users and %d scores, want 846 and 29,114", len(scoreReal.dev), after.n)
	}
	if after.rmse > 1.125 || after.mae > 0.83 || after.spearman < 0.53 {
		t.Errorf("%v: worse than it was", after)
	}
	if d := math.Abs(after.rmse - before.rmse); d > 0.0005 {
		t.Errorf("the stored form has an RMSE of %.5f instead of %.5f", after.rmse, before.rmse)
	}
}

func (e *scoreErrors) String() string {
	return fmt.Sprintf("RMSE %.4f (±%.4f; halves %.4f %.4f), MAE %.4f, Spearman %.4f; %d scores, %d users ranked",
		e.rmse, e.se, e.halves[0], e.halves[1], e.mae, e.spearman, e.n, e.users)
}
