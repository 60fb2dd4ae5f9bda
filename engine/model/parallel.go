package model

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// parallel calls do with 0..n-1 on all cores, the smaller numbers first, until it is done or ctx is. Each number must write what no
// other does, so that the result does not depend on which comes first.
func parallel(ctx context.Context, n int, do func(i int)) error {
	var running sync.WaitGroup
	var next atomic.Int64
	for range min(runtime.GOMAXPROCS(0), n) {
		running.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				do(i)
			}
		})
	}
	running.Wait()
	return ctx.Err()
}

// mixed spreads two numbers over 64 bits: the same each time, and as good as at random.
func mixed(a, b uint64) uint64 {
	h := a*0x9E3779B97F4A7C15 + b*0xBF58476D1CE4E5B9
	h = (h ^ h>>30) * 0x94D049BB133111EB
	return h ^ h>>31
}
