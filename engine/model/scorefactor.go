package model

import (
	"context"
	"math"
	"math/rand/v2"

	"reko.moe/engine"
)

// Deviations are thought to be inner products of vectors of anime and of users, and noise: factor analysis of what is
// mostly missing, by variational Bayes (Lim and Teh, “Variational Bayesian Approach to Movie Rating Prediction”, 2007): what is
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

// fold returns where a user stands, and where the marks alone would put the user.
func (f *scoreFactors) fold(s *Scores, l engine.List, scored []int32, deviation []float32) (place, prior []float32) {
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
	work := newPosterior(k)
	work.precision(precision, 1/f.noise, nil)
	for i := range place {
		place[i] = place[i]/f.noise + prior[i]
	}
	work.solve(place)
	return place, prior
}

// packedSize is the size of the lower triangle of a symmetric matrix of k rows, row after row.
func packedSize(k int) int { return k * (k + 1) / 2 }

// addOuter adds v vᵀ.
func addOuter(packed, v []float32) {
	for i, x := range v {
		row := packed[:i+1]
		packed = packed[i+1:]
		scoreAxpy(row, x, v)
	}
}

// addOuters adds a aᵀ + b bᵀ + c cᵀ + d dᵀ, in two thirds of the time.
func addOuters(packed, a, b, c, d []float32) {
	for i := range a {
		row := packed[:i+1]
		packed = packed[i+1:]
		a, b, c, d := a[:len(row)], b[:len(row)], c[:len(row)], d[:len(row)]
		ai, bi, ci, di := a[i], b[i], c[i], d[i]
		for j := range row {
			row[j] += (ai*a[j] + bi*b[j]) + (ci*c[j] + di*d[j])
		}
	}
}

// posterior solves for one vector.
type posterior struct {
	k       int
	l       []float64 // packed: the precision, then its Cholesky factor
	inverse []float64 // packed, of the factor
}

func newPosterior(k int) *posterior {
	return &posterior{k, make([]float64, packedSize(k)), make([]float64, packedSize(k))}
}

// precision sets and factorises the matrix scale * sum + diag(prior); a nil prior is 1.
func (p *posterior) precision(sum []float32, scale float32, prior []float64) {
	for i, x := range sum {
		p.l[i] = float64(scale * x)
	}
	row := p.l
	for i := range p.k {
		if prior == nil {
			row[i]++
		} else {
			row[i] += prior[i]
		}
		row = row[i+1:]
	}
	p.factorise()
}

// factorise turns p.l into its Cholesky factor.
func (p *posterior) factorise() {
	for i := range p.k {
		ri := p.l[packedSize(i) : packedSize(i)+i+1]
		for j := 0; j <= i; j++ {
			rj := p.l[packedSize(j) : packedSize(j)+j+1]
			sum := ri[j]
			for m, x := range rj[:j] {
				sum -= ri[m] * x
			}
			if i == j {
				ri[j] = math.Sqrt(max(sum, 1e-12))
			} else {
				ri[j] = sum / rj[j]
			}
		}
	}
}

// solve turns a right side into the solution.
func (p *posterior) solve(x []float32) {
	for i := range p.k {
		row := p.l[packedSize(i):]
		sum := float64(x[i])
		for j := range i {
			sum -= row[j] * float64(x[j])
		}
		x[i] = float32(sum / row[i])
	}
	for i := p.k - 1; i >= 0; i-- {
		row := p.l[packedSize(i):]
		v := float64(x[i]) / row[i]
		x[i] = float32(v)
		for j := range i {
			x[j] -= float32(row[j] * v)
		}
	}
}

// solve64 is solve without rounding to float32.
func (p *posterior) solve64(x []float64) {
	for i := range p.k {
		row := p.l[packedSize(i):]
		for j := range i {
			x[i] -= row[j] * x[j]
		}
		x[i] /= row[i]
	}
	for i := p.k - 1; i >= 0; i-- {
		row := p.l[packedSize(i):]
		x[i] /= row[i]
		for j := range i {
			x[j] -= row[j] * x[i]
		}
	}
}

// moment sets dst to x xᵀ + the inverse of the precision, packed.
func (p *posterior) moment(dst, x []float32) {
	k := p.k
	for j := range k { // columns of the inverse of the factor, kept as rows: inv[i][j] for i >= j at column j
		col := p.inverse[packedColumn(j, k):]
		col[0] = 1 / p.l[packedSize(j)+j]
		for i := j + 1; i < k; i++ {
			row := p.l[packedSize(i):]
			sum := 0.0
			for m := j; m < i; m++ {
				sum -= row[m] * col[m-j]
			}
			col[i-j] = sum / row[i]
		}
	}
	at := 0
	for i := range k {
		ci := p.inverse[packedColumn(i, k) : packedColumn(i, k)+k-i]
		for j := 0; j <= i; j++ {
			cj := p.inverse[packedColumn(j, k)+i-j:]
			sum := 0.0
			for m, v := range ci {
				sum += v * cj[m]
			}
			dst[at] = float32(sum) + x[i]*x[j]
			at++
		}
	}
}

// packedColumn is where column j of a lower triangle of k rows begins, when it is stored column after column.
func packedColumn(j, k int) int { return j*k - j*(j-1)/2 }

// factorise fits the factors to deviations.
func (t *scoreTraining) factorise(ctx context.Context, r *scoreRatings, columns *scoreColumns) error {
	n, k, size := len(t.scores.ids), t.options.Factors, packedSize(t.options.Factors)
	f := &scoreFactors{k: k, noise: 0.8, vectors: make([]float32, n*k)}
	t.scores.factors = scoreFactors{k: k}
	random := rand.NewPCG(1, 2)
	for i := range f.vectors {
		f.vectors[i] = float32(random.Uint64()>>40)/(1<<24)*0.4 - 0.2
	}
	anime, users := make([]float32, n*size), make([]float32, r.users()*size) // second moments
	for i := range n {
		addOuter(anime[i*size:(i+1)*size], f.vector(i))
	}
	places, prior := make([]float32, r.users()*k), make([]float32, r.users()*k)
	errors := make([]float64, r.users())
	marks := newMarkFit(&r.marks, n*markKinds, k)
	spread := make([]float64, k) // of the vectors' elements
	for i := range spread {
		spread[i] = 1 / 0.05
	}
	work := make(chan *posterior, 64)
	with := func(do func(p *posterior, sum []float32)) {
		var p *posterior
		select {
		case p = <-work:
		default:
			p = newPosterior(k)
		}
		do(p, make([]float32, size))
		select {
		case work <- p:
		default:
		}
	}
	for range t.options.Sweeps {
		err := scoreParallel(ctx, r.users(), func(u int) {
			with(func(p *posterior, sum []float32) {
				x := places[u*k : (u+1)*k]
				clear(x)
				squares := 0.0
				for at := r.from[u]; at < r.from[u+1]; at++ {
					i := int(r.seat[at])
					scoreAdd(sum, anime[i*size:(i+1)*size])
					scoreAxpy(x, r.value[at], f.vector(i))
					squares += float64(r.value[at]) * float64(r.value[at])
				}
				var cross float64
				b := append([]float32(nil), x...)
				for i := range x {
					x[i] = x[i]/f.noise + prior[u*k+i]
				}
				p.precision(sum, 1/f.noise, nil)
				p.solve(x)
				p.moment(users[u*size:(u+1)*size], x)
				for i := range x {
					cross += float64(b[i]) * float64(x[i])
				}
				errors[u] = squares - 2*cross + packedTrace(sum, users[u*size:(u+1)*size], k)
			})
		})
		if err != nil {
			return err
		}
		total := 0.0
		for _, e := range errors {
			total += e
		}
		f.noise = float32(total / float64(len(r.seat)))
		if err := marks.improve(ctx, places); err != nil {
			return err
		}
		if err := marks.places(ctx, prior, marks.vectors); err != nil {
			return err
		}
		err = scoreParallel(ctx, n, func(i int) {
			with(func(p *posterior, sum []float32) {
				x := f.vector(i)
				clear(x)
				for at := columns.from[i]; at < columns.from[i+1]; at++ {
					u := int(columns.user[at])
					scoreAdd(sum, users[u*size:(u+1)*size])
					scoreAxpy(x, r.value[columns.at[at]]/f.noise, places[u*k:])
				}
				p.precision(sum, 1/f.noise, spread)
				p.solve(x)
				p.moment(anime[i*size:(i+1)*size], x)
			})
		})
		if err != nil {
			return err
		}
		for j := range spread {
			sum := 0.0
			for i := range n {
				sum += float64(anime[i*size+packedSize(j)+j])
			}
			spread[j] = float64(n) / sum
		}
	}
	f.marks, f.markWeights = marks.vectors, marks.weights
	t.scores.factors = *f
	return nil
}

// packedTrace returns the trace of the product of two symmetric matrices.
func packedTrace(a, b []float32, k int) float64 {
	sum, at := 0.0, 0
	for i := range k {
		for range i {
			sum += 2 * float64(a[at]) * float64(b[at])
			at++
		}
		sum += float64(a[at]) * float64(b[at])
		at++
	}
	return sum
}

// scoreAdd adds x to y.
func scoreAdd(y, x []float32) {
	x = x[:len(y)]
	for len(y) >= 4 && len(x) >= 4 {
		y[0] += x[0]
		y[1] += x[1]
		y[2] += x[2]
		y[3] += x[3]
		y, x = y[4:], x[4:]
	}
	for i := range y {
		y[i] += x[i]
	}
}
