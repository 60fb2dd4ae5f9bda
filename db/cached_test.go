package db

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"reko.moe/engine"
)

// What is kept of a user is all of it.
func TestCached(t *testing.T) {
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
	for _, u := range []engine.User{
		{ID: 1},
		{ID: 1 << 40, Name: "somebody", Origin: engine.FromMAL, Hash: 1<<63 + 5, List: engine.List{{Anime: 5, Score: 7}}.Pack(),
			FetchedAt: at(1_700_000_000), FullAt: at(1_600_000_000), Failures: 3},
		{ID: 7, Name: strings.Repeat("n", 255), Origin: engine.Uploaded, Unlisted: true, PrivateAt: at(-5), Failures: -1},
	} {
		k, ok := cachedOf(&u)
		if got := k.user(u.ID); !ok || !reflect.DeepEqual(got, u) {
			t.Errorf("of %+v is kept %+v, %t", u, got, ok)
		}
	}
	for _, u := range []engine.User{{ID: 1, Name: strings.Repeat("n", 256)}, {ID: 1, Origin: engine.Origin(strings.Repeat("o", 256))}} {
		if _, ok := cachedOf(&u); ok {
			t.Errorf("of a user with a name of %d bytes and an origin of %d something is kept", len(u.Name), len(u.Origin))
		}
	}
}

func TestNames(t *testing.T) {
	const most = 1000
	n := newNames(most * nameBytes)
	for i := range 20 * most {
		name := fmt.Sprint("name", i)
		if n.set(name, engine.UserID(i)); len(n.ids) > most {
			t.Fatalf("%d names are known, of at most %d", len(n.ids), most)
		}
		if id, ok := n.id(name); !ok || id != engine.UserID(i) {
			t.Fatalf("the id of %s is %d, %t", name, id, ok)
		}
	}
	if len(n.ids) < most*3/4 {
		t.Errorf("%d names are left of %d", len(n.ids), most)
	}
	if _, ok := n.id("nobody"); ok {
		t.Error("a name is known that was never set")
	}
	none := newNames(nameBytes - 1)
	if none.set("somebody", 1); len(none.ids) != 0 {
		t.Error("a name is known where there is no room for any")
	}
}
