package engine_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"reko.moe/engine"
)

// oneRealEngine is made by the first test that needs it.
var oneRealEngine *engine.Engine

// realEngine is an engine with all real lists, in a store in memory. All tests have the same.
func realEngine(t testing.TB) (*engine.Engine, []engine.User) {
	t.Helper()
	var users []engine.User
	for _, u := range realUsers(t, "lists") {
		users = append(users, engine.User{ID: u.ID, Name: u.Name, Origin: engine.FromFile, Hash: 8, List: u.list})
	}
	if oneRealEngine == nil {
		e := engine.New(engine.Options{Store: engine.NewMemStore(realAll, users)})
		if err := e.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		oneRealEngine = e
	}
	return oneRealEngine, users
}

// Over real lists, too, the search finds what looking at everybody finds: as few users as there are here, and with the
// tolerances that far more users would have. A real list has an affinity of 100 with itself, and of less with others.
func TestRealProfiles(t *testing.T) {
	e, _ := realEngine(t)
	all, err := e.Stands(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	base := 250_000/float64(len(all)) + 100
	found := 0
	for n := range 8 {
		me := all[n*len(all)/8]
		for _, percent := range []float64{base - 100, 12, 6.25, 4, 2.5} {
			got, err := e.Alike(t.Context(), me.User, base-percent, nil)
			if want := engine.PlainAlike(all, me, base-percent, nil); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s within %v %%: %v, %v; want %v", me.Name, percent, got, err, want)
			}
			found += len(got)
		}
	}
	if found < 80 {
		t.Errorf("%d users were found: too few to tell", found)
	}

	sum := 0.0
	for i := range 1000 {
		a, b := all[i*12].Ranks, all[(i*12+7)%len(all)].Ranks
		if got := engine.Affinity(a, a); got != 100 {
			t.Fatalf("affinity of %s with itself: %v", all[i*12].Name, got)
		}
		ab := engine.Affinity(a, b)
		if ab != engine.Affinity(b, a) || ab >= 100 || ab < 0 {
			t.Fatalf("affinity %v", ab)
		}
		sum += ab
	}
	if mean := sum / 1000; math.Abs(mean-75) > 15 {
		t.Errorf("the mean affinity of people is %v", mean)
	}
}

func BenchmarkProfile(b *testing.B) {
	e, users := realEngine(b)
	for _, n := range []int{30, 300, 3000} {
		i := slices.IndexFunc(users, func(u engine.User) bool { return u.List.Len() >= n && u.List.Len() < n+n/10 })
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var list engine.List
			b.ReportAllocs()
			for b.Loop() {
				list, _ = users[i].List.Unpack(list[:0])
				e.ProfileOf(list)
			}
		})
	}
}

// BenchmarkAlike searches 12,338 real users, and a million that were made of them; with as much accuracy as finds nobody
// quickly, and with as little as finds many.
func BenchmarkAlike(b *testing.B) {
	e, users := realEngine(b)
	run := func(name string, n int) {
		for _, accuracy := range []float64{100, 98, 94, 82, 50} {
			b.Run(fmt.Sprintf("%s/%v", name, accuracy), func(b *testing.B) {
				i := 0
				found := 0
				for b.Loop() {
					ids, err := e.Alike(b.Context(), users[i*997%len(users)], accuracy, nil)
					if err != nil {
						b.Fatal(err)
					}
					found += len(ids)
					i++
				}
				b.ReportMetric(float64(found)/float64(i), "users")
			})
		}
		b.Run(name+"/passages", func(b *testing.B) {
			i := 0
			for b.Loop() {
				if _, err := e.RecommendAlike(b.Context(), users[i*997%len(users)].Name, engine.AlikeQuery{Accuracy: 100}); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
		b.Logf("%s: %d users", name, n)
	}
	run("real", len(users))
	if testing.Short() {
		return
	}
	e.Multiply(1_000_000)
	oneRealEngine = nil // it is no longer as others want it
	run("million", 1_000_000)
}

// BenchmarkPopulation is the job over all real lists, the store being in memory.
func BenchmarkPopulation(b *testing.B) {
	if testing.Short() {
		b.Skip("reads all lists, which takes seconds")
	}
	e, _ := realEngine(b)
	for b.Loop() {
		if err := e.Census(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoadProfiles is what a start takes for profiles.
func BenchmarkLoadProfiles(b *testing.B) {
	if testing.Short() {
		b.Skip("reads all lists, which takes seconds")
	}
	e, _ := realEngine(b)
	for b.Loop() {
		if err := e.LoadProfiles(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
