package main

import (
	"testing"
	"time"

	"reko.moe/db/dbtest"
	"reko.moe/internal/chaos"
)

// Whatever breaks for a moment, visitors get the best answer still possible, and all is well again soon.
func TestFaults(t *testing.T) {
	w := newChaosWorld(t, 4)
	t.Logf("%d questions", len(w.fresh))
	redis := chaos.Redis(t)
	c := newChaosServer(t, w, chaosOptions{postgres: dbtest.Postgres(t), redis: redis.URL})
	c.addSavers(2)
	for _, f := range []fault{
		{name: "Postgres hangs", begin: c.db.Hang, lasts: 3 * time.Second, end: c.db.Heal, older: true},
		{name: "Postgres refuses connections", begin: c.db.Stop, lasts: 2 * time.Second, end: c.db.Heal, older: true},
		{name: "MyAnimeList is down", begin: c.mal.Stop, lasts: 2 * time.Second, end: c.mal.Heal, older: true},
		{name: "Redis hangs", begin: c.redis.Hang, lasts: 2 * time.Second, end: c.redis.Heal},
	} {
		c.suffer(f)
	}
}
