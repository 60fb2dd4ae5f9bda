package model

import (
	"context"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// likeness places the inputs in a space of few dimensions, where the product of two is about how alike those are who watched them: a
// cosine. A few anime say there what they have in common, which their weights, each learnt beside hundreds of others, do not. The zero
// value knows nothing. It is immutable, hence safe for concurrent use.
type likeness struct {
	vectors []int8    // of each input likenessSize numbers
	scales  []float32 // of inputs: what 1 in vectors is worth
}

const (
	likenessSize   = 24
	likenessSpare  = 8  // dimensions more that are worked with, so that the last of the others come out well
	likenessRounds = 12 // of the iteration
	likenessPrior  = 20 // added to the squared norm of what is rare
)

// direction is a place in that space.
type direction [likenessSize]float64

// of is the place of an input.
func (k *likeness) of(i int) (d direction) {
	if k.scales == nil {
		return d
	}
	scale := float64(k.scales[i])
	for n, v := range k.vectors[i*likenessSize:][:likenessSize] {
		d[n] = scale * float64(v)
	}
	return d
}

// add moves d towards another by so much.
func (d *direction) add(other *direction, x float64) {
	for n, v := range other {
		d[n] += x * v
	}
}

func (d *direction) product(other *direction) (sum float64) {
	for n, v := range other {
		sum += d[n] * v
	}
	return sum
}

// cosine is that of two directions; 0 when one is none.
func (d *direction) cosine(other *direction) float64 {
	if norms := d.product(d) * other.product(other); norms > 0 {
		return d.product(other) / math.Sqrt(norms)
	}
	return 0
}

// liken finds the likeness from the gram matrix, of which the lower triangle is given: the first eigenvectors of what it is once rows and
// columns are divided by the roots of its diagonal, by subspace iteration. Every sum is made by one core, so that the same matrix gives
// the same bytes. Of too few lists for a second stage there is none.
func (t *training) liken(ctx context.Context) error {
	if t.users < t.options.Enough {
		return nil
	}
	n, wide := t.matrix.Rows, min(likenessSize+likenessSpare, t.matrix.Rows)
	root := make([]float64, n)
	for i := range root {
		root[i] = 1 / math.Sqrt(t.matrix.Data[i*(t.matrix.Stride+1)]+likenessPrior)
	}
	at, scaled, to := tall(n, wide), tall(n, wide), tall(n, wide)
	multiply := func() error {
		copy(scaled.Data, at.Data)
		scaleRows(scaled, root)
		err := multiplySymmetric(ctx, t.matrix, scaled, to)
		scaleRows(to, root)
		return err
	}
	for i := range at.Data {
		at.Data[i] = float64(mixed(uint64(i), 0)>>11)/(1<<52) - 1
	}
	for range likenessRounds {
		if err := multiply(); err != nil {
			return err
		}
		at, to = to, at
		orthonormalise(at)
	}
	if err := multiply(); err != nil {
		return err
	}
	within := squareOf(wide) // the matrix in the subspace, and then its eigenvectors as columns, the last of which are the first
	blas64.Gemm(blas.Trans, blas.NoTrans, 1, at, to, 0, within)
	values, work := make([]float64, wide), make([]float64, 3*wide)
	lapack64.Syev(lapack.EVCompute, blas64.Symmetric{Uplo: blas.Lower, N: wide, Stride: wide, Data: within.Data}, values, work, len(work))
	blas64.Gemm(blas.NoTrans, blas.NoTrans, 1, at, within, 0, to)
	k := likeness{vectors: make([]int8, n*likenessSize), scales: make([]float32, n)}
	for i := range n {
		var d direction
		largest := 0.0
		for a := range min(wide, likenessSize) {
			from := wide - 1 - a
			d[a] = to.Data[i*wide+from] * math.Sqrt(max(values[from], 0))
			largest = max(largest, math.Abs(d[a]))
		}
		if largest == 0 {
			continue
		}
		k.scales[i] = float32(largest / math.MaxInt8)
		for a, v := range d {
			k.vectors[i*likenessSize+a] = int8(math.Round(v / largest * math.MaxInt8))
		}
	}
	t.alike = k
	return nil
}

func tall(rows, columns int) blas64.General {
	return blas64.General{Rows: rows, Cols: columns, Stride: columns, Data: make([]float64, rows*columns)}
}

func scaleRows(m blas64.General, by []float64) {
	for i, x := range by {
		row := m.Data[i*m.Stride:][:m.Cols]
		for k := range row {
			row[k] *= x
		}
	}
}

// multiplySymmetric writes to into the product of a symmetric matrix, of which the lower triangle is given, and x.
func multiplySymmetric(ctx context.Context, lower, x, into blas64.General) error {
	cut := blocks(lower.Rows)
	return parallel(ctx, len(cut), func(k int) {
		r := cut[k]
		out := sub(into, r[0], r[1], 0, x.Cols)
		diagonal := blas64.Symmetric{Uplo: blas.Lower, N: r[1] - r[0], Stride: lower.Stride, Data: sub(lower, r[0], r[1], r[0], r[1]).Data}
		blas64.Symm(blas.Left, 1, diagonal, sub(x, r[0], r[1], 0, x.Cols), 0, out)
		if r[0] > 0 {
			blas64.Gemm(blas.NoTrans, blas.NoTrans, 1, sub(lower, r[0], r[1], 0, r[0]), sub(x, 0, r[0], 0, x.Cols), 1, out)
		}
		if n := lower.Rows; r[1] < n {
			blas64.Gemm(blas.Trans, blas.NoTrans, 1, sub(lower, r[1], n, r[0], r[1]), sub(x, r[1], n, 0, x.Cols), 1, out)
		}
	})
}

// orthonormalise makes the columns of m orthogonal and of length 1, the first first. What then is next to nothing becomes 0.
func orthonormalise(m blas64.General) {
	column := func(a int) blas64.Vector { return blas64.Vector{N: m.Rows, Inc: m.Stride, Data: m.Data[a:]} }
	for a := range m.Cols {
		for b := range a {
			blas64.Axpy(-blas64.Dot(column(a), column(b)), column(b), column(a))
		}
		const nothing = 1e-9
		if length := blas64.Nrm2(column(a)); length > nothing {
			blas64.Scal(1/length, column(a))
		} else {
			blas64.Scal(0, column(a))
		}
	}
}
