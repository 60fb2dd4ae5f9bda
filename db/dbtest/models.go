package dbtest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"reko.moe/engine"
)

var modelTests = []test{
	{"the newest model is returned", modelVersions},
	{"users whose lists came lately are counted", fetchedSince},
}

func modelVersions(t *testing.T, s store) {
	_, err := s.Model(t.Context())
	wantKind(t, "Model of an empty store", err, engine.ErrNotFound)
	_, err = s.ModelInfo(t.Context())
	wantKind(t, "ModelInfo of an empty store", err, engine.ErrNotFound)
	last := int64(0)
	for n := range 7 {
		m := engine.StoredModel{
			MadeAt: day0.Add(time.Duration(n)*time.Hour + time.Millisecond), Took: 90*time.Second + 5*time.Millisecond, Users: n,
			State: fmt.Sprint("state ", n), Data: bytes.Repeat([]byte{0, byte(n), 0xff}, 1+n*100_000),
		}
		ok(t, s.SaveModel(t.Context(), m))
		got := must[engine.StoredModel](t)(s.another(t, 0).Model(t.Context()))
		if got.ID <= last {
			t.Errorf("version %d has the id %d, want one above %d", n, got.ID, last)
		}
		last = got.ID
		m.ID, m.MadeAt, m.Size = got.ID, toSecond(m.MadeAt), len(m.Data)
		want(t, "Model", got, m)
		m.Data = nil
		want(t, "ModelInfo", must[engine.StoredModel](t)(s.ModelInfo(t.Context())), m)
	}
	var rows int
	conn := connect(t, s.url)
	defer conn.Close()
	ok(t, conn.QueryRowContext(t.Context(), `SELECT count(*) FROM models`).Scan(&rows))
	want(t, "versions that are kept", rows, 3)
	if _, err := s.Model(t.Context()); errors.Is(err, engine.ErrNotFound) {
		t.Error("the newest version went with the old ones")
	}
}

func fetchedSince(t *testing.T, s store) {
	u := Users(t, "u", 3, 5)
	for i := range u {
		u[i].FetchedAt = day0.Add(time.Duration(i) * time.Hour)
	}
	s.save(t, u...)
	hidden := User(t, "hidden", 5) // has no say
	hidden.FetchedAt, hidden.Unlisted = day0.Add(time.Hour), true
	s.save(t, hidden)
	for since, n := range map[time.Duration]int{-time.Hour: 3, 0: 3, time.Second: 2, 2 * time.Hour: 1, 3 * time.Hour: 0} {
		want(t, fmt.Sprint("users fetched since ", since), must[int](t)(s.FetchedSince(t.Context(), day0.Add(since))), n)
	}
}
