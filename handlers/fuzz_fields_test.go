package handlers_test

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"reko.moe/engine"
)

// Whatever the fields of a question for rekos hold, as long as each is of its type: who is known gets an answer, and it repeats what was
// left out.
func FuzzFields(f *testing.F) {
	f.Add(false, "spike", 100.0, []byte(nil), "", false)
	f.Add(true, "SPIKE", 99.5, []byte{3, 0, 1, 255}, "nobody", true)
	f.Add(false, "faye-v", -1.0, []byte{1, 2, 3, 4, 5, 6, 9}, "a,b,,c", true)
	f.Add(false, "ein", 1e300, []byte{2}, strings.Repeat("0123456789abcdef", 2), false)
	f.Add(true, "ed", 0.0, []byte{0}, "\xff", false)
	f.Add(false, "jet_black ", 50.0, []byte{5}, "\u2028<b>", false)
	f.Add(true, "\x00", 1e-9, []byte{}, ",", true)
	f.Add(false, "version", 2.0, []byte{1, 1, 1}, "x", false)
	a := startWired(f, nil)
	known := map[string]int{
		"spike": http.StatusOK, "faye-v": http.StatusOK, "jet_black": http.StatusOK, "ein": http.StatusOK, "version": http.StatusOK, "ed": http.StatusUnprocessableEntity,
	}
	f.Fuzz(func(t *testing.T, old bool, name string, accuracy float64, ids []byte, users string, again bool) {
		if math.IsNaN(accuracy) || math.IsInf(accuracy, 0) || len(users) > 4<<10 || len(ids) > 4<<10 {
			return // is no number in JSON, or too much
		}
		banned := make([]float64, len(ids))
		for i, id := range ids {
			banned[i] = float64(id) / 2 // half of them are of no anime
		}
		refresh, target := "force_list_update", "/api/recommendations"
		if old {
			refresh, target, name = "reload_list", target+"/faye-v", "faye-v"
		}
		body, err := json.Marshal(map[string]any{
			"user_name": name, "accuracy": accuracy, "banned_ids": banned, "banned_users": strings.Split(users, ","), refresh: again, "other": users,
		})
		if err != nil {
			t.Fatal(err)
		}
		got := a.ask(t, http.MethodPost, target, string(body))
		canonical, _ := engine.CanonicalName(name)
		want := http.StatusNotFound
		if status, ok := known[canonical]; ok {
			want = status
		}
		if got.status != want {
			t.Fatalf("%s: %d %s, want %d", body, got.status, got.body, want)
		}
		if want != http.StatusOK {
			return
		}
		var sent map[string]json.RawMessage
		var back struct {
			Users []string `json:"banned_users"`
		}
		if json.Unmarshal(body, &sent) != nil || json.Unmarshal(body, &back) != nil {
			t.Fatalf("%s is no JSON", body)
		}
		checkRekos(t, sent, got)
		if r := read[rekos](t, got.body).Metadata; !old && (!slices.Equal(r.Rekos.Banned, banned) || !slices.Equal(r.Users.Banned, back.Users)) {
			t.Errorf("%s: %s", body, got.body)
		}
	})
}
