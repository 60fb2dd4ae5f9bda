package model

import (
	"context"
	"math"
	"slices"
)

// boosting are the constants of growing a forest.
type boosting struct {
	Trees   int
	Depth   int
	Rate    float64 // by which the leaves of each tree are shrunk
	Ridge   float64 // added to the sum of second derivatives in a leaf
	Least   float64 // sum of second derivatives that a leaf needs
	Sample  float64 // of the rows, for each tree
	Columns float64 // of the features, for each tree
}

// table has the features of many rows in few values: of each feature, which of its bins a row is in.
type table struct {
	cuts [][]float32 // of each feature the upper ends of its bins but the last, ascending
	bins [][]uint8   // of each feature, by row
	rows int
}

const maxBins = 64

// newTable cuts features into bins of about as many rows each. column(f, into) writes feature f of all rows.
func newTable(ctx context.Context, rows, features int, column func(f int, into []float32)) (*table, error) {
	t := &table{cuts: make([][]float32, features), bins: make([][]uint8, features), rows: rows}
	err := parallel(ctx, features, func(f int) {
		values := make([]float32, rows)
		column(f, values)
		t.cuts[f] = cutsOf(values)
		bins := make([]uint8, rows)
		for r, v := range values {
			bin, _ := slices.BinarySearch(t.cuts[f], v)
			bins[r] = uint8(bin)
		}
		t.bins[f] = bins
	})
	return t, err
}

// cutsOf chooses where values are cut: at quantiles of up to so many of them.
func cutsOf(values []float32) []float32 {
	const looked = 100_000
	step := max(len(values)/looked, 1)
	var sample []float32
	for i := 0; i < len(values); i += step {
		sample = append(sample, values[i])
	}
	slices.Sort(sample)
	var cuts []float32
	for b := 1; b < maxBins; b++ {
		at := sample[b*(len(sample)-1)/maxBins]
		if (len(cuts) == 0 || at > cuts[len(cuts)-1]) && at < sample[len(sample)-1] {
			cuts = append(cuts, at)
		}
	}
	return cuts
}

// slope is what the loss does at a row, or at some together: its first and second derivative.
type slope struct{ first, second float64 }

// gain is by how much the loss falls when a leaf with that slope gets its best value.
func (s slope) gain(ridge float64) float64 { return s.first * s.first / (s.second + ridge) }

// loss is what predicting so much costs at a row with that target, by its derivatives.
type loss func(predicted, target float64) slope

// logistic is the loss of log odds; targets are chances, 0..1.
func logistic(odds, target float64) slope {
	p := 1 / (1 + math.Exp(-odds))
	return slope{p - target, max(p*(1-p), 1e-6)}
}

// squared is half the squared error.
func squared(predicted, target float64) slope { return slope{predicted - target, 1} }

// grow grows a forest that predicts targets with little loss, rows counting by weights, from the features of a table, by gradient boosting with
// histograms (Friedman, “Greedy function approximation: a gradient boosting machine”, 2001; Chen and Guestrin, “XGBoost: a scalable
// tree boosting system”, 2016). said is what was predicted so far, by others, and becomes what is with the forest; nil: nothing. Every sum is made by one core in the order of rows, so that the same table grows the same forest.
func grow(ctx context.Context, t *table, loss loss, targets, weights []float32, said []float64, o boosting) (*forest, error) {
	if said == nil {
		said = make([]float64, t.rows)
	}
	f := &forest{depth: o.Depth}
	g := &growing{table: t, o: o, slopes: make([]slope, t.rows), node: make([]uint16, t.rows), said: said}
	for tree := range o.Trees {
		g.sample(tree)
		for _, r := range g.chosen {
			s, w := loss(g.said[r], float64(targets[r])), float64(weights[r])
			g.slopes[r] = slope{w * s.first, w * s.second}
		}
		clear(g.node)
		if err := g.tree(ctx, f); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// growing is a forest in the making.
type growing struct {
	table  *table
	o      boosting
	said   []float64 // by row: what the forest says so far
	slopes []slope   // by row
	node   []uint16  // by row: where in its level of the tree it is
	chosen []int32   // rows that the tree is grown from
	asked  []int     // features that it may ask about
}

// sample chooses rows and features for a tree: those whose hash with the tree's number is small.
func (g *growing) sample(tree int) {
	g.asked = g.asked[:0]
	for f := range g.table.bins {
		if float64(mixed(uint64(tree), uint64(f))>>11)/(1<<53) < g.o.Columns {
			g.asked = append(g.asked, f)
		}
	}
	if len(g.asked) == 0 {
		g.asked = append(g.asked, tree%len(g.table.bins))
	}
	g.chosen = g.chosen[:0]
	below := uint32(g.o.Sample * math.MaxUint32)
	for r := range g.table.rows {
		if uint32(mixed(uint64(r), uint64(tree))>>32) <= below {
			g.chosen = append(g.chosen, int32(r))
		}
	}
}

// split tells the rows of all nodes of a level apart.
type split struct {
	feature int
	bin     int // what is in a bin above goes right
	gain    float64
}

// tree grows one tree, level by level, and adds it to f.
func (g *growing) tree(ctx context.Context, f *forest) error {
	for level := range g.o.Depth {
		s, err := g.split(ctx, 1<<level)
		if err != nil {
			return err
		}
		threshold := int32(never)
		if s.gain > 0 {
			threshold = ordinal(g.table.cuts[s.feature][s.bin])
		}
		f.features, f.thresholds = append(f.features, uint8(s.feature)), append(f.thresholds, threshold)
		g.divide(s)
	}
	leaves := make([]slope, 1<<g.o.Depth)
	for _, r := range g.chosen {
		l := &leaves[g.node[r]]
		l.first += g.slopes[r].first
		l.second += g.slopes[r].second
	}
	from := len(f.leaves)
	for _, l := range leaves {
		f.leaves = append(f.leaves, float32(-l.first/(l.second+g.o.Ridge)*g.o.Rate))
	}
	for r, node := range g.node {
		g.said[r] += float64(f.leaves[from+int(node)])
	}
	return nil
}

// divide sends all rows, those too that the tree is not grown from, to the nodes of the next level.
func (g *growing) divide(s split) {
	bins := g.table.bins[s.feature]
	for r, node := range g.node {
		g.node[r] = 2 * node
		if s.gain > 0 && int(bins[r]) > s.bin {
			g.node[r]++
		}
	}
}

// split finds the question that tells most in all nodes of a level together; of equally good ones the one about the first feature.
func (g *growing) split(ctx context.Context, nodes int) (split, error) {
	found := make([]split, len(g.asked))
	err := parallel(ctx, len(found), func(k int) {
		f := g.asked[k]
		sums := make([]slope, nodes*maxBins)
		bins := g.table.bins[f]
		for _, r := range g.chosen {
			s, by := &sums[int(g.node[r])*maxBins+int(bins[r])], &g.slopes[r]
			s.first += by.first
			s.second += by.second
		}
		gains := make([]float64, len(g.table.cuts[f]))
		for n := range nodes {
			g.gains(sums[n*maxBins:(n+1)*maxBins], gains)
		}
		found[k].feature = f
		for bin, gain := range gains {
			if gain > found[k].gain {
				found[k].bin, found[k].gain = bin, gain
			}
		}
	})
	best := found[0]
	for _, other := range found[1:] {
		if other.gain > best.gain {
			best = other
		}
	}
	return best, err
}

// gains adds what splitting a node above each bin would gain, given the sums of its bins.
func (g *growing) gains(sums []slope, gains []float64) {
	var all, left slope
	for _, s := range sums {
		all.first += s.first
		all.second += s.second
	}
	for bin := range gains {
		left.first += sums[bin].first
		left.second += sums[bin].second
		right := slope{all.first - left.first, all.second - left.second}
		if left.second >= g.o.Least && right.second >= g.o.Least {
			gains[bin] += left.gain(g.o.Ridge) + right.gain(g.o.Ridge) - all.gain(g.o.Ridge)
		}
	}
}
