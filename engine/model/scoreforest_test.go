package model

import (
	"math"
	"testing"
	"time"

	"reko.moe/engine"
)

// Three scores that count, 10, 7 and 7: mean 8, variance 2, third moment (8 - 1 - 1) / 3 = 2.
func TestScoreHabits(t *testing.T) {
	var h scoreHabits
	h.read(engine.List{
		{Anime: 1, Status: engine.Completed, Episodes: 1, Score: 10}, {Anime: 2, Status: engine.Completed, Episodes: 1, Score: 7},
		{Anime: 3, Status: engine.OnHold, Episodes: 1, Score: 7}, {Anime: 4, Status: engine.Dropped, Episodes: 1, Score: 1},
		{Anime: 5, Status: engine.Completed, Episodes: 1}, {Anime: 6, Status: engine.Planned},
	})
	for what, pair := range map[string][2]float64{
		"watched": {h.watched, 3}, "planned": {h.planned, 1}, "left": {h.left, 2}, "scored": {h.scored, 3}, "tens": {h.tens, 1}, "top": {h.top, 10},
		"mean": {h.mean, 8}, "deviation": {h.deviation, math.Sqrt2}, "skew": {h.skew, 2 / (2*math.Sqrt2 + 0.1)},
	} {
		if !closeTo(pair[0], pair[1]) {
			t.Errorf("%s is %v, want %v", what, pair[0], pair[1])
		}
	}
}

// Of anime 1, a sequel is scored 2 spreads above the base, and one of two other relations 1 below; the other is dropped. One more is not on
// the list.
func TestRelatedScores(t *testing.T) {
	a := engine.Anime{ID: 1, DescribedAt: time.Unix(1, 0), Relations: []engine.Relation{
		{Type: "sequel", ID: 2}, {Type: "side_story", ID: 3}, {Type: "other", ID: 4}, {Type: "prequel", ID: 5}, {Type: "other", ID: 99},
	}}
	s := &Scores{ids: []engine.AnimeID{1, 2, 3, 4, 5}}
	s.index()
	f := &Scorer{scores: s, deviation: []float32{0, 2, -1, 0, 0}, standing: []uint8{notListed, isWatched, isWatched, isLeft, notListed}}
	got := map[int]float64{}
	f.describeRelated(&a, func(feature int, value float64) { got[feature] = value })
	for feature, want := range map[int]float64{
		scoreRelated: 2, scoreRelatedMean: 1 / 2.5, scoreSequels: 2 / 1.5, scoreSides: -1 / 1.5, scoreUnscored: 1, scoreUnliked: 1,
	} {
		if !closeTo(got[feature], want) {
			t.Errorf("feature %d is %v, want %v", feature, got[feature], want)
		}
	}
}

// The forest is what is added to the blend.
func TestForestCorrects(t *testing.T) {
	lists, c := twoTastes(120)
	s, err := TrainScores(t.Context(), scoreLists(lists), c, smallScores())
	if err != nil {
		t.Fatal(err)
	}
	before := *s
	before.forest = nil
	with, without := s.For(lists[0][:10], c), before.For(lists[0][:10], c)
	moved := false
	for id := engine.AnimeID(1); id <= 40; id++ {
		x, near := with.predictors(s.seatOf(id))
		var rows [1]features
		var values [1]float32
		with.describe(s.seatOf(id), &near, s.blended(&x), &x, &rows[0])
		s.forest.values(rows[:], values[:])
		a, _ := with.Predict(id)
		b, _ := without.Predict(id)
		if b > 1 && b < 10 && a > 1 && a < 10 && !closeTo(a-b, float64(values[0])) {
			t.Errorf("anime %d: %v instead of %v, want %v more", id, a, b, values[0])
		}
		moved = moved || a != b
	}
	if !moved {
		t.Error("the forest changes nothing")
	}
	o := smallScores()
	o.Enough = 1_000_000
	if s, err = TrainScores(t.Context(), scoreLists(lists), c, o); err != nil || s.forest != nil {
		t.Errorf("of few predictions a forest is grown, %v", err)
	}
}
