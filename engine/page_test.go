package engine

import (
	"math"
	"testing"
)

// Any number leads to a page that a store can be asked for.
func TestPagesOfAnyNumber(t *testing.T) {
	for _, test := range []struct{ page, want int }{
		{math.MinInt, 1}, {-1, 1}, {0, 1}, {1, 1}, {2, 2}, {1 << 20, 1 << 20}, {1<<20 + 1, 1 << 20}, {math.MaxInt, 1 << 20},
	} {
		skipped := -1
		items, p, err := pageFrom(test.page, 10, func(skip, n int) ([]int, error) {
			skipped = skip
			return make([]int, n), nil
		})
		if err != nil || p.Current != test.want || skipped != 10*(test.want-1) || len(items) != 10 || !p.More {
			t.Errorf("page %d is %+v without the first %d (%v), want page %d", test.page, p, skipped, err, test.want)
		}
	}
}
