package model

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sync"

	"reko.moe/engine"
)

// input is an entry of a list as the model sees it.
type input struct {
	item   int32
	part   uint8 // of the list
	status engine.Status
	weight float64
}

// batchSize is how many lists are in memory at a time while the gram matrix is built.
const batchSize = 512

// gram builds the lower triangle of the weighted gram matrix of all lists' inputs. Each core adds up rows of its own, list by
// list, so that the sums are the same however many cores there are.
func (t *training) gram(ctx context.Context) error {
	t.matrix = squareOf(len(t.items))
	seat := t.seats()
	var batch [][]input
	flush := func() {
		cores := runtime.GOMAXPROCS(0)
		var running sync.WaitGroup
		for core := range cores {
			running.Go(func() {
				for _, inputs := range batch {
					t.addRows(inputs, core, cores)
				}
			})
		}
		running.Wait()
		batch = batch[:0]
	}
	for l, err := range t.lists() {
		if err != nil {
			return err
		}
		if inputs := t.row(l, seat); len(inputs) > 0 {
			batch = append(batch, inputs)
		}
		if len(batch) == batchSize {
			flush()
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	flush()
	return ctx.Err()
}

// seats is a table by anime id: 1 + its place among the items, 0: none.
func (t *training) seats() []int32 {
	seat := make([]int32, t.items[len(t.items)-1]+1)
	for i, id := range t.items {
		seat[id] = int32(i) + 1
	}
	return seat
}

// row returns the inputs of a list in ascending order of item, times the root of the list's weight.
func (t *training) row(l engine.List, seat []int32) []input {
	s := scaleOf(l)
	inputs := make([]input, 0, len(l))
	for i := range l {
		e := &l[i]
		if int(e.Anime) >= len(seat) || seat[e.Anime] == 0 {
			continue
		}
		if w := t.options.Inputs.of(e, s); w != 0 {
			inputs = append(inputs, input{item: seat[e.Anime] - 1, weight: w})
		}
	}
	slices.SortFunc(inputs, func(a, b input) int { return int(a.item - b.item) })
	root := t.rowWeight(len(inputs))
	for i := range inputs {
		inputs[i].weight *= root
	}
	return inputs
}

// rowWeight is the root of the weight of a list with n inputs.
func (t *training) rowWeight(n int) float64 {
	return math.Sqrt(math.Pow(float64(n)/t.inputs, t.options.Rows))
}

// addRows adds to those rows of the matrix that are core's.
func (t *training) addRows(inputs []input, core, cores int) {
	for k := range inputs {
		in := &inputs[k]
		if int(in.item)%cores != core {
			continue
		}
		row := t.matrix.Data[int(in.item)*t.matrix.Stride:]
		for _, other := range inputs[:k+1] {
			row[other.item] += in.weight * other.weight
		}
	}
}
