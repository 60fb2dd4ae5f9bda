package model

import (
	"context"
	"math"
	"math/rand/v2"

	"reko.moe/engine"
)

// Deviations are thought to be inner products of vectors of anime and of users, and noise: factor analysis of what is
// mostly missing, by variational Bayes (“Variational Bayesian Approach to Movie Rating Prediction”, 2007): what is
// unsure of a vector counts as well as the vector, which is what keeps it from learning the noise. Users stand, before they
// scored anything, where their marks are.

// scoreFactors are the vectors of anime, and of marks.
type scoreFactors struct {
	k           int
	noise       float32   // variance
	vectors     []float32 // by seat
	marks       []float32 // by mark
	markWeights []float32
}

func (f *scoreFactors) vector(seat int) []float32 { return f.vectors[seat*f.k : (seat+1)*f.k] }

// fold returns where a user stands, where the marks alone would put the user, and how sure the first is.
func (f *scoreFactors) fold(s *Scores, l engine.List, scored []int32, deviation []float32) (place, prior []float32, sure *posterior) {
	k := f.k
	place = make([]float32, 2*k)
	place, prior = place[:k:k], place[k:]
	var squares float32
	for i := range l {
		if seat := s.seatOf(l[i].Anime); seat >= 0 {
			m := seat*markKinds + markOf(&l[i])
			w := f.markWeights[m]
			squares += w * w
			scoreAxpy(prior, w, f.marks[m*k:])
		}
	}
	if squares > 0 {
		norm := float32(1 / math.Sqrt(float64(squares)))
		for i := range prior {
			prior[i] *= norm
		}
	}
	precision := make([]float32, packedSize(k))
	for _, seat := range scored {
		scoreAxpy(place, deviation[seat], f.vector(int(seat)))
	}
	for ; len(scored) >= 4; scored = scored[4:] {
		addOuters(precision, f.vector(int(scored[0])), f.vector(int(scored[1])), f.vector(int(scored[2])), f.vector(int(scored[3])))
	}
	for _, seat := range scored {
		addOuter(precision, f.vector(int(seat)))
	}
	sure = newPosterior(k)
	sure.precision(precision, 1/f.noise, nil)
	for i := range place {
		place[i] = place[i]/f.noise + prior[i]
	}
	sure.solve(place)
	return place, prior, sure
}

// factorFit fits the factors to deviations: where users stand, given the anime, then the anime, given the users, and so on.
type factorFit struct {
	scoreFactors
	ratings *scoreRatings
	columns *scoreColumns
	marks   *markFit

	anime, users  []float32 // second moments, packed, of the vectors of anime, and of where users stand
	places, prior []float32 // where users stand, and where their marks are
	errors        []float64 // sum of squared errors, by user
	shrink        []float64 // precision of the elements of an anime's vector, before any deviation is seen
	spare         chan *factorWork
}

// factorWork is memory for one vector.
type factorWork struct {
	*posterior
	moments []float32 // sum of second moments
	right   []float32
}

// factorise fits the factors.
func (t *scoreTraining) factorise(ctx context.Context, r *scoreRatings, columns *scoreColumns) error {
	f := newFactorFit(r, columns, len(t.scores.ids), t.options.Factors)
	for range t.options.Sweeps {
		if err := f.sweep(ctx); err != nil {
			return err
		}
	}
	t.scores.factors = f.scoreFactors
	t.scores.factors.marks, t.scores.factors.markWeights = f.marks.vectors, f.marks.weights
	return nil
}

// Where the fit begins.
const (
	firstNoise  = 0.8
	firstSpread = 0.05 // variance of the elements of an anime's vector
	firstReach  = 0.2  // of the vectors that are drawn to begin with
)

func newFactorFit(r *scoreRatings, columns *scoreColumns, n, k int) *factorFit {
	size := packedSize(k)
	f := &factorFit{
		scoreFactors: scoreFactors{k: k, noise: firstNoise, vectors: make([]float32, n*k)},
		ratings:      r, columns: columns, marks: newMarkFit(&r.marks, n*markKinds, k),
		anime: make([]float32, n*size), users: make([]float32, r.users()*size),
		places: make([]float32, r.users()*k), prior: make([]float32, r.users()*k),
		errors: make([]float64, r.users()), shrink: make([]float64, k),
		spare: make(chan *factorWork, 64),
	}
	random := rand.NewPCG(1, 2)
	for i := range f.vectors {
		f.vectors[i] = (float32(random.Uint64()>>40)/(1<<23) - 1) * firstReach
	}
	for i := range n {
		addOuter(f.anime[i*size:(i+1)*size], f.vector(i))
	}
	for i := range f.shrink {
		f.shrink[i] = 1 / firstSpread
	}
	return f
}

// with calls do with memory that nobody else uses, its sums 0.
func (f *factorFit) with(do func(w *factorWork)) {
	var w *factorWork
	select {
	case w = <-f.spare:
		clear(w.moments)
		clear(w.right)
	default:
		w = &factorWork{newPosterior(f.k), make([]float32, packedSize(f.k)), make([]float32, f.k)}
	}
	do(w)
	select {
	case f.spare <- w:
	default:
	}
}

// sweep improves users, noise, marks and anime once.
func (f *factorFit) sweep(ctx context.Context) error {
	if err := parallel(ctx, f.ratings.users(), func(u int) { f.with(func(w *factorWork) { f.fitUser(w, u) }) }); err != nil {
		return err
	}
	total := 0.0
	for _, e := range f.errors {
		total += e
	}
	f.noise = float32(total / float64(len(f.ratings.seat)))
	if err := f.marks.improve(ctx, f.places); err != nil {
		return err
	}
	if err := f.marks.places(ctx, f.prior, f.marks.vectors); err != nil {
		return err
	}
	n, size := len(f.vectors)/f.k, packedSize(f.k)
	if err := parallel(ctx, n, func(i int) { f.with(func(w *factorWork) { f.fitAnime(w, i) }) }); err != nil {
		return err
	}
	for j := range f.shrink {
		sum := 0.0
		for i := range n {
			sum += float64(f.anime[i*size+packedSize(j)+j])
		}
		f.shrink[j] = float64(n) / sum
	}
	return nil
}

// fitUser finds where a user stands, and how far from it the deviations are.
func (f *factorFit) fitUser(w *factorWork, u int) {
	size, r := packedSize(f.k), f.ratings
	squares := 0.0
	for at := r.from[u]; at < r.from[u+1]; at++ {
		i, d := int(r.seat[at]), r.value[at]
		scoreAdd(w.moments, f.anime[i*size:(i+1)*size])
		scoreAxpy(w.right, d, f.vector(i))
		squares += float64(d) * float64(d)
	}
	x := f.places[u*f.k : (u+1)*f.k]
	for i, v := range w.right {
		x[i] = v/f.noise + f.prior[u*f.k+i]
	}
	w.precision(w.moments, 1/f.noise, nil)
	w.solve(x)
	moment := f.users[u*size : (u+1)*size]
	w.moment(moment, x)
	f.errors[u] = squares - 2*scoreSquares(w.right, x) + packedTrace(w.moments, moment, f.k)
}

// fitAnime finds the vector of an anime.
func (f *factorFit) fitAnime(w *factorWork, i int) {
	size, c := packedSize(f.k), f.columns
	x := f.vector(i)
	clear(x)
	for at := c.from[i]; at < c.from[i+1]; at++ {
		u := int(c.user[at])
		scoreAdd(w.moments, f.users[u*size:(u+1)*size])
		scoreAxpy(x, f.ratings.value[c.at[at]]/f.noise, f.places[u*f.k:])
	}
	w.precision(w.moments, 1/f.noise, f.shrink)
	w.solve(x)
	w.moment(f.anime[i*size:(i+1)*size], x)
}
