package demo

import (
	"math"
	"testing"

	"reko.moe/engine"
)

// TestEntries checks that every entry could be somebody's.
func TestEntries(t *testing.T) {
	shelf := newShelf(Anime())
	for _, u := range Users() {
		list := unpack(t, u)
		completed := make(map[engine.AnimeID]engine.Day)
		for _, e := range list {
			if e.Status == engine.Completed {
				completed[e.Anime] = e.Day
			}
		}
		for i, e := range list {
			title := &shelf.titles[shelf.place[e.Anime]]
			weeks := int(e.Day-engine.DayOf(title.start))/7 + 1
			bad := ""
			switch {
			case e.Day < engine.DayOf(title.start) || !e.Day.Time().Before(fetched):
				bad = "changed before it aired or after the list was fetched"
			case i > 0 && e.Day > list[i-1].Day:
				bad = "not in order"
			case e.Status == engine.Completed && int(e.Episodes) != title.Episodes:
				bad = "completed without all episodes"
			case e.Status == engine.Completed && (title.Status != engine.FinishedAiring || e.Day < engine.DayOf(title.end)):
				bad = "completed before it ended"
			case e.Status == engine.Planned && (e.Episodes != 0 || e.Score != 0):
				bad = "planned, but watched or scored"
			case e.Status == engine.Watching || e.Status == engine.OnHold || e.Status == engine.Dropped:
				if n := int(e.Episodes); n < 1 || n > weeks || title.Episodes > 0 && n >= title.Episodes {
					bad = "begun, but with no episode, all of them or some that had not aired"
				}
			case e.Status == engine.StatusUnknown:
				bad = "without a status"
			}
			if day, ok := completed[title.prequel]; title.prequel != 0 && e.Status != engine.Planned && (!ok || e.Day < day) {
				bad = "begun before its prequel was completed"
			}
			if bad != "" {
				t.Errorf("%s: %s: %s: %+v", u.Name, title.Title, bad, e)
			}
		}
	}
}

// TestListsAreLifelike checks the population as a whole.
func TestListsAreLifelike(t *testing.T) {
	var entries, planned, scored, short, long, frugal float64
	status := make(map[engine.Status]float64)
	years := make(map[int]float64)
	titles := make(map[engine.AnimeID]float64)
	users := Users()
	for _, u := range users {
		list := unpack(t, u)
		gave := 0.0
		for _, e := range list {
			status[e.Status]++
			years[e.Day.Time().Year()]++
			titles[e.Anime]++
			if e.Score > 0 {
				gave++
			}
		}
		n := float64(len(list))
		entries += n
		scored += gave
		if gave < n/2 {
			frugal++
		}
		if n < 40 {
			short++
		}
		if n > 120 {
			long++
		}
	}
	planned = status[engine.Planned]
	n := float64(len(users))
	for _, c := range []struct {
		what      string
		got       float64
		low, high float64
	}{
		{"entries of a list", entries / n, 50, 90},
		{"short lists", short / n, 0.1, 0.35},
		{"long lists", long / n, 0.03, 0.2},
		{"completed", status[engine.Completed] / entries, 0.7, 0.9},
		{"watching", status[engine.Watching] / entries, 0.02, 0.08},
		{"on hold", status[engine.OnHold] / entries, 0.01, 0.05},
		{"dropped", status[engine.Dropped] / entries, 0.02, 0.08},
		{"planned", planned / entries, 0.05, 0.15},
		{"scored of what is not planned", scored / (entries - planned), 0.7, 0.95},
		{"users who score little", frugal / n, 0.05, 0.2},
		{"years in which lists changed", float64(len(years)), 15, 18},
		{"the most popular anime", most(titles) / n, 0.3, 0.9},
		{"the most active year", most(years) / entries, 0.07, 0.25},
		{"anime on nobody's list", float64(len(Anime()) - len(titles)), 0, 5},
	} {
		t.Logf("%s: %.3f", c.what, c.got)
		if c.got < c.low || c.got > c.high {
			t.Errorf("%s: %.3f, want %.3f to %.3f", c.what, c.got, c.low, c.high)
		}
	}
}

// TestScores checks that scores follow both what everybody thinks and the user's own taste.
func TestScores(t *testing.T) {
	shelf := newShelf(Anime())
	users, people := Users(), population()
	var byMean, byFit, raters, mean, n float64
	for i, u := range users {
		fits := people[i].fits(shelf)
		var scores, means, fitting []float64
		for _, e := range unpack(t, u) {
			if e.Score > 0 && e.Status == engine.Completed {
				place := shelf.place[e.Anime]
				scores = append(scores, float64(e.Score))
				means = append(means, shelf.titles[place].Mean)
				fitting = append(fitting, fits[place])
				mean += float64(e.Score)
				n++
			}
		}
		if len(scores) >= 20 {
			byMean += correlation(scores, means)
			byFit += correlation(scores, fitting)
			raters++
		}
	}
	byMean, byFit, mean = byMean/raters, byFit/raters, mean/n
	t.Logf("of %.0f raters: correlation %.2f with the anime's mean, %.2f with taste; mean score %.2f", raters, byMean, byFit, mean)
	if byMean < 0.15 || byFit < 0.25 {
		t.Errorf("scores correlate %.2f with the anime's mean, %.2f with the user's taste; want 0.15 and 0.25", byMean, byFit)
	}
	if mean < 7 || mean > 8.5 {
		t.Errorf("the mean score is %.2f, want 7 to 8.5", mean)
	}
}

func most[K comparable](counts map[K]float64) float64 {
	var top float64
	for _, n := range counts {
		top = max(top, n)
	}
	return top
}

// correlation is Pearson's.
func correlation(x, y []float64) float64 {
	var sx, sy, sxx, syy, sxy float64
	for i := range x {
		sx += x[i]
		sy += y[i]
		sxx += x[i] * x[i]
		syy += y[i] * y[i]
		sxy += x[i] * y[i]
	}
	n := float64(len(x))
	return (n*sxy - sx*sy) / math.Sqrt((n*sxx-sx*sx)*(n*syy-sy*sy))
}
