package model

import "math"

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

// variance is that of the inner product with v, when the precision was factorised.
func (p *posterior) variance(v []float32) (sum float64) {
	var z [mostFactors]float64
	for i := range p.k {
		row := p.l[packedSize(i):]
		left := float64(v[i])
		for j, x := range z[:i] {
			left -= row[j] * x
		}
		z[i] = left / row[i]
		sum += z[i] * z[i]
	}
	return sum
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
