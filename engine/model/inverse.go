package model

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// blockSize is the side of the blocks in which matrices are worked on: three of them fit the second-level cache.
const blockSize = 192

// invert replaces a symmetric positive definite n×n matrix, of which the lower triangle is given, by its inverse, in both
// triangles. It is a blocked Cholesky factorisation, with all that costs in products of blocks, which gonum has fast; gonum's
// own factorisation and inverse run on one core and take four times as long. It works in one further matrix of that size. ctx
// ends it early.
func invert(ctx context.Context, a blas64.General) error {
	m := squareOf(a.Rows)
	if err := factorise(ctx, a); err != nil {
		return err
	}
	if err := invertLower(ctx, a, m); err != nil {
		return err
	}
	return multiplyTransposed(ctx, m, a)
}

func squareOf(n int) blas64.General {
	return blas64.General{Rows: n, Cols: n, Stride: n, Data: make([]float64, n*n)}
}

// sub is the block of m with rows r0..r1 and columns c0..c1, the ends excluded.
func sub(m blas64.General, r0, r1, c0, c1 int) blas64.General {
	return blas64.General{Rows: r1 - r0, Cols: c1 - c0, Stride: m.Stride, Data: m.Data[r0*m.Stride+c0 : (r1-1)*m.Stride+c1]}
}

func lowerOf(m blas64.General) blas64.Triangular {
	return blas64.Triangular{Uplo: blas.Lower, Diag: blas.NonUnit, N: m.Rows, Stride: m.Stride, Data: m.Data}
}

// blocks are the ends of the blocks into which n is cut.
func blocks(n int) [][2]int {
	var cut [][2]int
	for from := 0; from < n; from += blockSize {
		cut = append(cut, [2]int{from, min(from+blockSize, n)})
	}
	return cut
}

// factorise replaces the lower triangle of a by its Cholesky factor, block column by block column.
func factorise(ctx context.Context, a blas64.General) error {
	cut := blocks(a.Rows)
	for k, b := range cut {
		diagonal := sub(a, b[0], b[1], b[0], b[1])
		if err := factoriseBlock(diagonal); err != nil {
			return err
		}
		below := cut[k+1:]
		err := parallel(ctx, len(below), func(i int) {
			blas64.Trsm(blas.Right, blas.Trans, 1, lowerOf(diagonal), sub(a, below[i][0], below[i][1], b[0], b[1]))
		})
		if err != nil {
			return err
		}
		err = parallel(ctx, len(below), func(i int) {
			r := below[len(below)-1-i] // the longest rows first
			left := sub(a, r[0], r[1], b[0], b[1])
			for _, c := range below[:len(below)-i] {
				blas64.Gemm(blas.NoTrans, blas.Trans, -1, left, sub(a, c[0], c[1], b[0], b[1]), 1, sub(a, r[0], r[1], c[0], c[1]))
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// factoriseBlock is the factorisation of a block, row by row.
func factoriseBlock(a blas64.General) error {
	for i := range a.Rows {
		row := a.Data[i*a.Stride : i*a.Stride+i+1]
		for j := range i {
			other := a.Data[j*a.Stride : j*a.Stride+j+1]
			row[j] = (row[j] - dot(row[:j], other[:j])) / other[j]
		}
		square := row[i] - dot(row[:i], row[:i])
		if !(square > 0) { // or not a number
			return fmt.Errorf("the matrix is not positive definite at row %d of a block", i)
		}
		row[i] = math.Sqrt(square)
	}
	return nil
}

func dot(a, b []float64) float64 {
	return blas64.Dot(blas64.Vector{N: len(a), Inc: 1, Data: a}, blas64.Vector{N: len(b), Inc: 1, Data: b})
}

// invertLower writes the inverse of the lower triangle l to m, whose upper triangle it leaves. Block columns do not depend on
// each other.
func invertLower(ctx context.Context, l, m blas64.General) error {
	cut := blocks(l.Rows)
	return parallel(ctx, len(cut), func(k int) {
		c := cut[k]
		for i := k; i < len(cut); i++ {
			r := cut[i]
			into := sub(m, r[0], r[1], c[0], c[1])
			if i == k {
				for d := range into.Rows {
					into.Data[d*into.Stride+d] = 1
				}
			}
			if i > k {
				blas64.Gemm(blas.NoTrans, blas.NoTrans, -1, sub(l, r[0], r[1], c[0], r[0]), sub(m, c[0], r[0], c[0], c[1]), 0, into)
			}
			blas64.Trsm(blas.Left, blas.NoTrans, 1, lowerOf(sub(l, r[0], r[1], r[0], r[1])), into)
		}
	})
}

// multiplyTransposed writes mᵀm to a, for a lower triangle m.
func multiplyTransposed(ctx context.Context, m, a blas64.General) error {
	cut := blocks(m.Rows)
	n := m.Rows
	return parallel(ctx, len(cut), func(k int) {
		r := cut[k]
		for _, c := range cut[:k+1] {
			into := sub(a, r[0], r[1], c[0], c[1])
			blas64.Gemm(blas.Trans, blas.NoTrans, 1, sub(m, r[0], n, r[0], r[1]), sub(m, r[0], n, c[0], c[1]), 0, into)
			for i := range into.Rows {
				for j := range into.Cols {
					a.Data[(c[0]+j)*a.Stride+r[0]+i] = into.Data[i*into.Stride+j]
				}
			}
		}
	})
}
