package model

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// positive makes a symmetric positive definite matrix.
func positive(n int) blas64.General {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	x, a := squareOf(n), squareOf(n)
	for i := range x.Data {
		x.Data[i] = r.NormFloat64()
	}
	blas64.Gemm(blas.NoTrans, blas.Trans, 1, x, x, 0, a)
	for i := range n {
		a.Data[i*n+i] += float64(n)
	}
	return a
}

func TestInvert(t *testing.T) {
	for _, n := range []int{1, 2, 7, blockSize - 1, blockSize, blockSize + 1, 3*blockSize + 17} {
		a := positive(n)
		inverse := squareOf(n)
		copy(inverse.Data, a.Data)
		for i := range n {
			for j := i + 1; j < n; j++ {
				inverse.Data[i*n+j] = math.NaN() // the upper triangle is not read
			}
		}
		if err := invert(t.Context(), inverse); err != nil {
			t.Fatal(err)
		}
		product := squareOf(n)
		blas64.Gemm(blas.NoTrans, blas.NoTrans, 1, a, inverse, 0, product)
		for i := range n {
			for j := range n {
				want := 0.0
				if i == j {
					want = 1
				}
				if got := product.Data[i*n+j]; !(math.Abs(got-want) < 1e-9) {
					t.Fatalf("n = %d: the matrix times its inverse has %g at %d, %d, want %g", n, got, i, j, want)
				}
			}
		}
	}
}

func TestInvertRefusesWhatIsNotPositiveDefinite(t *testing.T) {
	a := positive(300)
	a.Data[250*300+250] = -1
	if err := invert(t.Context(), a); err == nil {
		t.Error("a matrix with a negative number on its diagonal was inverted")
	}
}

func TestInvertEndsEarly(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := invert(ctx, positive(300)); err == nil {
		t.Error("it went on although nobody waits for it any more")
	}
}

func BenchmarkInvert(b *testing.B) {
	n := 2000
	if testing.Short() {
		n = 200
	}
	a := positive(n)
	work := squareOf(n)
	for b.Loop() {
		copy(work.Data, a.Data)
		if err := invert(b.Context(), work); err != nil {
			b.Fatal(err)
		}
	}
}
