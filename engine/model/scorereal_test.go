package model

import (
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/listfile"
)

// scoreReal is the real input, read once.
var scoreReal struct {
	once      sync.Once
	catalogue *engine.Catalogue
	train     []engine.Packed
	dev       []devUser
	err       error
}

// devUser is somebody of the dev split.
type devUser struct {
	id         int
	fold, held engine.List
}

// openScoreData opens a file of ../shared/data, relative to the root of the module. Where it is not there the test is skipped, but
// not in CI.
func openScoreData(t testing.TB, name string) *os.File {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", name))
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("CI") == "" {
		t.Skipf("../shared/data/%s is not there", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func readScoreReal(t testing.TB) {
	t.Helper()
	lists, anime := openScoreData(t, "lists.csv.gz"), openScoreData(t, "anime.csv.gz")
	s := &scoreReal
	s.once.Do(func() {
		s.err = func() error {
			r, err := gzip.NewReader(anime)
			if err != nil {
				return err
			}
			var all []engine.Anime
			for a, err := range listfile.ReadAnime(r, time.Unix(1, 0)) {
				if err != nil {
					return err
				}
				all = append(all, a)
			}
			s.catalogue = engine.NewCatalogue(all)
			if r, err = gzip.NewReader(lists); err != nil {
				return err
			}
			for u, err := range listfile.ReadLists(r) {
				if err != nil {
					return err
				}
				var id int
				if _, err := fmt.Sscanf(u.Name, "u%d", &id); err != nil {
					return err
				}
				if id%12 != 0 {
					s.train = append(s.train, u.List.Pack())
				} else if u.List.Watched() >= 20 {
					s.dev = append(s.dev, splitDev(id, u.List))
				}
			}
			return nil
		}()
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
}

// splitDev holds out by the protocol of ../shared/QUALITY.md.
func splitDev(id int, l engine.List) devUser {
	key := func(a engine.AnimeID) uint64 {
		var seed uint64 = 20191121
		x := seed*0x9E3779B97F4A7C15 + uint64(id)*0xBF58476D1CE4E5B9 + uint64(a)*0x94D049BB133111EB
		x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
		x = (x ^ x>>27) * 0x94D049BB133111EB
		return x ^ x>>31
	}
	var watched []uint64
	for i := range l {
		if l[i].Watched() {
			watched = append(watched, key(l[i].Anime))
		}
	}
	slices.Sort(watched)
	border := watched[len(watched)/5]
	u := devUser{id: id}
	for _, e := range l {
		if e.Watched() && key(e.Anime) < border {
			u.held = append(u.held, e)
		} else {
			u.fold = append(u.fold, e)
		}
	}
	return u
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
func devErrors(predict func(u *devUser) func(engine.AnimeID) (float64, bool)) *scoreErrors {
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
		for k := range u.held {
			e := &u.held[k]
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
		half[u.id/12%2] += s.squares
		halfN[u.id/12%2] += s.n
		if c, ok := spearman(foreseen, given); ok {
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

// spearman is Pearson's correlation of the ranks, equals sharing the mean of theirs. It is not defined where the second has
// one value only.
func spearman(a, b []float64) (rho float64, ok bool) {
	x, y := ranks(a), ranks(b)
	mean := float64(len(x)+1) / 2
	var xx, xy, yy float64
	for i := range x {
		dx, dy := x[i]-mean, y[i]-mean
		xx, xy, yy = xx+dx*dx, xy+dx*dy, yy+dy*dy
	}
	if yy == 0 {
		return 0, false
	}
	if xx == 0 {
		return 0, true
	}
	return xy / math.Sqrt(xx*yy), true
}

func ranks(v []float64) []float64 {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(v[a], v[b]) })
	r := make([]float64, len(v))
	for from := 0; from < len(v); {
		to := from
		for to < len(v) && v[order[to]] == v[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			r[i] = float64(from+to+1) / 2
		}
		from = to
	}
	return r
}

// devErrorsOf measures scores on the dev split.
func devErrorsOf(s *Scores) *scoreErrors {
	return devErrors(func(u *devUser) func(engine.AnimeID) (float64, bool) {
		return s.For(u.fold, scoreReal.catalogue).Predict
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
