package dbtest

import (
	"testing"
	"time"

	"reko.moe/db"
	"reko.moe/engine"
	"reko.moe/engine/jobs"
)

var totalsTests = []test{
	{"totals are those of all users and anime", totalsOfAll},
	{"the last failures are those of all jobs", lastFailures},
	{"the cache says what it was asked", cacheStats},
	{"pools of connections say how they are", poolStats},
}

func totalsOfAll(t *testing.T, s store) {
	want(t, "Totals of an empty store", must[engine.Totals](t)(s.Totals(t.Context())), engine.Totals{Origins: map[engine.Origin]engine.OriginTotals{}})
	u := s.save(t, Users(t, "u", 6, 10)...)
	u[0].Origin, u[1].Origin = engine.FromFile, engine.Uploaded
	u[1].Unlisted = true
	u[2].List = List(t, 0, 1)
	u[3].List = List(t, 25, 1)
	s.save(t, u[:4]...)
	ok(t, s.MentionAnime(t.Context(), []engine.AnimeID{1, 2, 3, 4}))
	ok(t, s.SaveAnime(t.Context(), []engine.Anime{{ID: 2, Title: "two", DescribedAt: day0}}))
	wanted := engine.Totals{Origins: map[engine.Origin]engine.OriginTotals{
		engine.FromFile: {Users: 1, Lists: 1, Entries: 10},
		engine.Uploaded: {Users: 1, Lists: 1, Entries: 10},
		engine.FromMAL:  {Users: 4, Lists: 3, Entries: 45},
	}, Undescribed: 3}
	want(t, "Totals", must[engine.Totals](t)(s.Totals(t.Context())), wanted)
	want(t, "all of them", wanted.All(), engine.OriginTotals{Users: 6, Lists: 5, Entries: 65})
	ok(t, s.DeleteUser(t.Context(), u[0].ID))
	ok(t, s.SaveAnime(t.Context(), []engine.Anime{{ID: 1, Title: "one", DescribedAt: day0}}))
	delete(wanted.Origins, engine.FromFile)
	wanted.Undescribed = 2
	want(t, "Totals after changes", must[engine.Totals](t)(s.another(t, 0).Totals(t.Context())), wanted)
}

func lastFailures(t *testing.T, s store) {
	want(t, "LastFailures at first", must[[]jobs.Run](t)(s.LastFailures(t.Context(), 3)), nil)
	var failures []jobs.Run
	for i := range 12 {
		r := jobs.Run{Job: []string{"a", "b"}[i%2], Started: day0.Add(time.Duration(i) * time.Minute), Took: time.Second, Outcome: "something"}
		if i%3 == 0 {
			r.Err = "it broke"
			failures = append([]jobs.Run{r}, failures...)
		}
		if i%3 == 1 {
			r.Err = jobs.Interrupted
		}
		r.Started = toSecond(r.Started)
		ok(t, s.SaveRun(t.Context(), r))
	}
	want(t, "LastFailures", must[[]jobs.Run](t)(s.LastFailures(t.Context(), 3)), failures[:3])
}

func cacheStats(t *testing.T, s store) {
	u := s.save(t, Users(t, "u", 4, 10)...)
	ids := idsOf(u)
	must[[]engine.User](t)(s.Users(t.Context(), nil, ids[:3]))
	must[[]engine.User](t)(s.Users(t.Context(), nil, ids))
	got := s.CacheStats()
	if got.Hits != 3 || got.Misses != 4 || got.Lists != 4 || got.Bytes < 4*10 {
		t.Errorf("CacheStats = %+v, want 3 hits, 4 misses, 4 lists", got)
	}
	none := s.another(t, 0)
	must[[]engine.User](t)(none.Users(t.Context(), nil, ids))
	want(t, "CacheStats without memory", none.CacheStats(), db.CacheStats{Misses: 4})
}

func poolStats(t *testing.T, s store) {
	ok(t, s.Ping(t.Context()))
	names := []string{"readers", "writer"}
	if s.onPostgres() {
		names = []string{"all"}
	}
	pools := s.PoolStats()
	var got []string
	for _, p := range pools {
		got = append(got, p.Name)
		if p.Max < 1 || p.Open < 1 || p.InUse != 0 || p.Open > p.Max {
			t.Errorf("%+v, want a pool with connections that nobody uses", p)
		}
	}
	want(t, "pools", got, names)
}
