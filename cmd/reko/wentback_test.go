package main

import (
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"reko.moe/db"
	"reko.moe/engine"
	"reko.moe/engine/demo"
	"reko.moe/internal/chaos"
	"reko.moe/internal/wait"
)

// A Postgres that crashes without having written what it committed last, as it may with synchronous_commit = off, has less than an
// instance has seen, and gives the numbers of those transactions to others. Whoever followed it notices, and has what there is.
func TestDatabaseWentBack(t *testing.T) {
	t.Parallel()
	postgres := chaos.Postgres(t, "synchronous_commit=off", "wal_writer_delay=10s", "bgwriter_delay=10s")
	open := func() (*engine.Engine, *db.DB) {
		store, err := db.Open(t.Context(), db.Options{URL: postgres.URL})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		eng := engine.New(engine.Options{Store: store})
		if err := eng.LoadUsers(t.Context()); err != nil {
			t.Fatal(err)
		}
		return eng, store
	}
	list, err := engine.NewList(listOf(1, 5, 6))
	if err != nil {
		t.Fatal(err)
	}
	save := func(store *db.DB, name string) error {
		_, err := store.SaveUser(t.Context(), engine.User{Name: name, Origin: engine.FromFile, List: list.Pack(), Hash: 7})
		return err
	}
	writer, store := open()
	for _, err := range []error{writer.ImportAnime(t.Context(), demo.Anime()), save(store, "spike")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	conn, err := pgx.Connect(t.Context(), postgres.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `CHECKPOINT`); err != nil {
		t.Fatal(err)
	}
	instance, _ := open()
	names := func(e *engine.Engine) (all []string) {
		for _, c := range e.Some(100) {
			all = append(all, c.Name)
		}
		slices.Sort(all)
		return all
	}
	if err := save(store, "vicious"); err != nil {
		t.Fatal(err)
	}
	if _, err := instance.Follow(t.Context()); err != nil || !slices.Equal(names(instance), []string{"spike", "vicious"}) {
		t.Fatalf("before the crash: %v, %v", names(instance), err)
	}

	postgres.Stop()
	postgres.Start()
	_, store = open()
	want := []string{"spike"}
	for i := range 20 { // more transactions than were lost
		name := fmt.Sprintf("faye-%02d", i)
		if err := save(store, name); err != nil {
			t.Fatal(err)
		}
		want = append(want, name)
	}
	slices.Sort(want)
	if _, err := store.User(t.Context(), "vicious"); err == nil {
		t.Fatal("nothing was lost: the test proves nothing")
	}
	wait.For(t, func() error { // connections of before the crash fail once
		_, err := instance.Follow(t.Context())
		return err
	})
	if got := names(instance); !slices.Equal(got, want) {
		t.Errorf("after the crash %v are matched, want %v", got, want)
	}
	if n, err := instance.Follow(t.Context()); n != 0 || err != nil {
		t.Errorf("Follow() again = %d, %v, want nothing", n, err)
	}
}
