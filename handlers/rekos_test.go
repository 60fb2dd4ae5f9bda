package handlers_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/demo"
	"reko.moe/engine/mal/maltest"
)

// post sends a body.
func (a *app) post(t testing.TB, target, body string, header ...string) answer {
	t.Helper()
	req := &http.Request{
		Method: http.MethodPost, RequestURI: target, Host: "reko.test", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := a.Test(req, -1)
	if err != nil {
		t.Fatalf("POST %.200s: %v", target, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("POST %.200s: %v", target, err)
	}
	got := answer{res.StatusCode, res.Header, string(text)}
	got.hardened(t, "POST "+target, a.https)
	return got
}

// spikeRekos is what spike is recommended in the small world, whose users are all alike as they are so few: faye-v with four
// entries, jet_black and ein with four, then ed, gren and version with one.
func TestRekosAnswers(t *testing.T) {
	a := start(t, nil)
	got := a.post(t, "/api/recommendations", `{"user_name": "SPIKE", "banned_ids": [3, 99999, 1.5], "banned_users": ["nobody"]}`)
	r := read[rekos](t, got.body)
	if m := r.Metadata; got.status != 200 || m.UserLastAnalyzed != "2025-06-01T12:00:00.000Z" || m.Users.Found != 6 ||
		!slices.Equal(m.Users.Banned, []string{"nobody"}) || !slices.Equal(m.Rekos.Banned, []float64{3, 99999, 1.5}) ||
		m.Rekos.Sent != 1 || m.Rekos.Found != 1 || m.Algorithm.Passages != 1 || m.Algorithm.Accuracy != 100 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if len(r.Users) != 6 || len(r.Rekos) != 1 || r.Rekos[0].ID != 2 || !slices.Equal(r.Rekos[0].Users, []int{0, 1}) {
		t.Errorf("%s", got.body)
	}
	// The whole of what is said about an anime, with what is not known.
	const info = `{"id":2,"mean":7,"title":"\u003cb\u003e\"Half\" \u0026 known\u003c/b\u003e \u2028ア","airing_date":null,"main_image":null,` +
		`"rating":null,"num_episodes":0,"genres":[],"related":[]}`
	if !strings.Contains(got.body, `"info":`+info) {
		t.Errorf("%s has no %s", got.body, info)
	}

	named := a.post(t, "/api/recommendations/spike", `{}`)
	n := read[rekos](t, named.body)
	if named.status != 200 || n.Metadata.UsersFound != 6 || n.Metadata.Rekos.Found != 2 || len(n.Rekos) != 2 {
		t.Fatalf("%d %s", named.status, named.body)
	}
	for i, u := range n.Users {
		if len(u.Hash) != 40 || len(r.Users[i].Hash) != 32 || u.Hash[:32] != r.Users[i].Hash {
			t.Errorf("hashes %s and %s", u.Hash, r.Users[i].Hash)
		}
	}
	// The keys are those of each document, and no others.
	for _, test := range []struct{ body, key, want string }{
		{got.body, "metadata", "algorithm rekos user_last_analyzed users"},
		{named.body, "metadata", "algorithm rekos user_last_analyzed users_found"},
	} {
		objects := map[string][]string{}
		keysOf(read[any](t, test.body), "answer", objects)
		if got := strings.Join(objects[test.key], " "); got != test.want {
			t.Errorf("keys of %s: %s, want %s", test.key, got, test.want)
		}
	}
	if got := a.post(t, "/api/recommendations/spike", ""); got.body != named.body {
		t.Errorf("without a body: %s", got.body)
	}
}

// rekos has the keys of both answers.
type rekos struct {
	Metadata struct {
		UserLastAnalyzed string `json:"user_last_analyzed"`
		UsersFound       int    `json:"users_found"`
		Users            struct {
			Found  int
			Banned []string
		}
		Rekos struct {
			Sent, Found int
			Banned      []float64
		}
		Algorithm struct {
			Passages int
			Accuracy float64
		}
	}
	Users []rekoUser
	Rekos []reko
}

type rekoUser struct {
	Hash     string
	Affinity int
	Rekos    struct{ Sent, Found int }
}

type reko struct {
	ID       int
	Info     struct{ ID int }
	Expected struct {
		Score     float64
		Enjoyment int
	}
	Users []int
}

// The documents' own examples, as JSON, are accepted: fields of the other one, and hashes that are none, do no harm.
func TestRekosDocumentExamples(t *testing.T) {
	a := start(t, func(s *setup) { s.users = append(s.users, person("_nelt", engine.FromFile, entry(1, 10, 2024))) })
	for target, body := range map[string]string{
		"/api/recommendations/_nelt": `{"user_name": "_nelt", "reload_list": false, "banned_ids": [65432, 23441, 45041],
			"banned_users": ["85136c79cbf9fakl2j5d0639c70c265c18d37"]}`,
		"/api/recommendations": `{"user_name": "_nelt", "accuracy": 100, "banned_ids": [65432, 23441, 45041],
			"banned_users": ["0cc175b9c0f1b6a831c399e269772661"], "force_list_update": false}`,
	} {
		for _, media := range []string{"application/json", "text/plain;charset=UTF-8", ""} {
			if got := a.post(t, target, body, "Content-Type", media); got.status != 200 {
				t.Errorf("%s as %q: %d %s", target, media, got.status, got.body)
			}
		}
	}
}

func TestRekosBodies(t *testing.T) {
	a := start(t, nil)
	const both = "/api/recommendations /api/recommendations/spike"
	many := "[" + strings.Repeat("1,", 10_000) + "1]"
	for _, test := range []struct{ targets, body, says string }{
		{both, `[]`, "a JSON object"}, {both, `null`, "a JSON object"}, {both, `"x"`, "a JSON object"}, {both, `{`, "a JSON object"},
		{both, `{user_name: "spike"}`, "a JSON object"}, {both, `user_name=spike`, "a JSON object"}, {both, " ", "a JSON object"},
		{both, `{"user_name": "spike"} {}`, "one JSON object alone"}, {both, `{"user_name": "spike"}]`, "one JSON object alone"},
		{"/api/recommendations", "", "user_name"}, {"/api/recommendations", `{}`, "user_name"},
		{"/api/recommendations", `{"user_name": 1}`, "user_name"}, {"/api/recommendations", `{"user_name": null}`, "user_name"},
		{"/api/recommendations", `{"user_name": ["spike"]}`, "user_name"},
		{both, `{"user_name": "spike", "accuracy": "100"}`, "accuracy"}, {both, `{"user_name": "spike", "accuracy": null}`, "accuracy"},
		{both, `{"user_name": "spike", "accuracy": 1e999}`, "accuracy"},
		{both, `{"user_name": "spike", "banned_ids": 1}`, "banned_ids"}, {both, `{"user_name": "spike", "banned_ids": ["1"]}`, "banned_ids"},
		{both, `{"user_name": "spike", "banned_ids": [1, null]}`, "banned_ids"}, {both, `{"user_name": "spike", "banned_ids": {}}`, "banned_ids"},
		{both, `{"user_name": "spike", "banned_ids": ` + many + `}`, "10000"},
		{both, `{"user_name": "spike", "banned_users": "x"}`, "banned_users"}, {both, `{"user_name": "spike", "banned_users": [1]}`, "banned_users"},
		{"/api/recommendations", `{"user_name": "spike", "force_list_update": "true"}`, "force_list_update"},
		{"/api/recommendations", `{"user_name": "spike", "force_list_update": 1}`, "force_list_update"},
		{"/api/recommendations/spike", `{"reload_list": 0}`, "reload_list"},
		{both, "\x1f\x8b\x08", "a JSON object"},
	} {
		for target := range strings.FieldsSeq(test.targets) {
			got := a.post(t, target, test.body)
			got.refused(t, target+" "+test.body, http.StatusBadRequest, "InvalidBody")
			if !strings.Contains(got.body, test.says) {
				t.Errorf("%.100s: %s does not say %q", test.body, got.body, test.says)
			}
		}
	}
	for _, accepted := range []string{
		`{"user_name": "spike", "unknown": {}, "reload_list": "x"}`, `{"user_name": "spike", "accuracy": 55.5}`, "\n{\"user_name\": \"spike\"}\n",
		`{"user_name": "spike", "banned_ids": [-1, 1e300, 0.5, 4194304], "banned_users": ["", "ÄÖ", "` + strings.Repeat("f", 1000) + `"]}`,
		`{"user_name": "spike", "banned_ids": ` + strings.Replace(many, "1,", "", 1) + `}`,
	} {
		if got := a.post(t, "/api/recommendations", accepted); got.status != 200 {
			t.Errorf("%.100s: %d %s", accepted, got.status, got.body)
		}
	}
	for accuracy, want := range map[string]float64{"-1": 100, "101": 100, "1e9": 100, "0": 0, "99.5": 99.5} {
		got := read[rekos](t, a.post(t, "/api/recommendations", `{"user_name": "spike", "accuracy": `+accuracy+`}`).body)
		if got.Metadata.Algorithm.Accuracy != want {
			t.Errorf("accuracy %s counts as %v, want %v", accuracy, got.Metadata.Algorithm.Accuracy, want)
		}
	}
}

func TestRekosFailures(t *testing.T) {
	a := start(t, nil)
	for name, want := range map[string]string{
		"ed": "422 EmptyUserList", "gren": "500 HashFailed", "nobody": "404 UserNotFound", "no body": "404 UserNotFound", "": "404 UserNotFound",
		"../spike": "404 UserNotFound", strings.Repeat("a", 1000): "404 UserNotFound",
	} {
		body, _ := json.Marshal(map[string]string{"user_name": name})
		got := a.post(t, "/api/recommendations", string(body))
		if e := read[struct{ ID string }](t, got.body); fmt.Sprint(got.status, " ", e.ID) != want {
			t.Errorf("%.50q: %d %s, want %s", name, got.status, e.ID, want)
		}
	}
	a.post(t, "/api/recommendations/nobody", `{}`).refused(t, "nobody", 404, "UserNotFound")
	// It is refused by its length, before it comes: a client that sends it all the same may find the connection closed.
	conn := dial(t, a.listen(t))
	fmt.Fprint(conn, "POST /api/recommendations HTTP/1.1\r\nHost: reko.test\r\nContent-Type: application/json\r\nContent-Length: 70000\r\n\r\n")
	if got, err := answerOn(bufio.NewReader(conn), http.MethodPost); err != nil || got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of 70 kB: %d, %v", got.status, err)
	}
	for _, target := range []string{"/api/recommendations", "/api/recommendations/spike"} {
		got := a.ask(t, http.MethodGet, target)
		if got.status != http.StatusMethodNotAllowed || !strings.Contains(got.header.Get("Allow"), "POST") {
			t.Errorf("GET %s: %d, Allow %q", target, got.status, got.header.Get("Allow"))
		}
	}
	// A user who is called like the path is asked for by GET, and recommended to by POST.
	b := start(t, func(s *setup) {
		s.users = append(s.users, person("recommendations", engine.FromFile, entry(1, 10, 2024)), person("similar", engine.FromFile, entry(1, 10, 2024)))
	})
	b.get(t, "/api/recommendations/recommendations", 200)
	b.get(t, "/api/recommendations/similar", 200)
	for _, name := range []string{"recommendations", "similar"} {
		if got := b.post(t, "/api/recommendations/"+name, `{}`); got.status != 200 {
			t.Errorf("POST to %s: %d %s", name, got.status, got.body)
		}
	}
}

// Banned users, by hashes of either length, are not recommended from, and a hash says nothing without the secret.
func TestRekosBannedUsers(t *testing.T) {
	a := start(t, func(s *setup) { s.handlers.Secret = []byte("a secret of the test's own") })
	all := read[rekos](t, a.post(t, "/api/recommendations/spike", `{}`).body)
	first, second := all.Users[0].Hash, all.Users[1].Hash
	got := read[rekos](t, a.post(t, "/api/recommendations/spike",
		fmt.Sprintf(`{"banned_users": [%q, %q, "x"]}`, strings.ToUpper(first), second[:32])).body)
	if got.Metadata.UsersFound != len(all.Users)-2 {
		t.Errorf("%d users, want %d", got.Metadata.UsersFound, len(all.Users)-2)
	}
	for i, u := range got.Users {
		if u.Hash != all.Users[i+2].Hash {
			t.Errorf("user %d is %s, want %s", i, u.Hash, all.Users[i+2].Hash)
		}
	}
	if got.Metadata.Algorithm.Passages != 10 || got.Metadata.Algorithm.Accuracy != 82 {
		t.Errorf("%+v, want 10 passages, since 4 users are too few", got.Metadata.Algorithm)
	}
	same := start(t, func(s *setup) { s.handlers.Secret = []byte("a secret of the test's own") })
	other := start(t, nil)
	if same.post(t, "/api/recommendations/spike", `{}`).body != a.post(t, "/api/recommendations/spike", `{}`).body {
		t.Error("instances with the same secret have other hashes")
	}
	if u := read[rekos](t, other.post(t, "/api/recommendations/spike", `{}`).body).Users[0]; u.Hash == first {
		t.Error("another secret gives the same hashes")
	}
}

// A forced reload fetches the list once in ten minutes.
func TestRekosReload(t *testing.T) {
	t.Parallel()
	clock := now
	fake := maltest.New(maltest.Lists{"faye-m": {entry(1, 9, 2024)}})
	a := start(t, func(s *setup) {
		s.mal = fake
		s.engine.Now = func() time.Time { return clock }
	})
	ask := func(target, body string, requests int) {
		t.Helper()
		if got := a.post(t, target, body); got.status != 200 || fake.Requests("/users/faye-m/") != requests {
			t.Errorf("%s: %d %.100s after %d requests, want %d", target, got.status, got.body, fake.Requests("/users/faye-m/"), requests)
		}
	}
	ask("/api/recommendations", `{"user_name": "faye-m", "force_list_update": true}`, 1)
	ask("/api/recommendations", `{"user_name": "faye-m", "force_list_update": true}`, 1)
	clock = clock.Add(10 * time.Minute)
	ask("/api/recommendations", `{"user_name": "faye-m"}`, 1)
	before := fake.Requests("/users/faye-m/")
	ask("/api/recommendations/faye-m", `{"reload_list": true}`, before+1)
	ask("/api/recommendations/faye-m", `{"reload_list": true}`, before+1)
}

// Scores have two decimals, whatever predicts them.
func TestRekosByTheModel(t *testing.T) {
	t.Parallel()
	a := taught(t, nil)
	name := demo.Examples()[0].Name
	body := a.post(t, "/api/recommendations", `{"user_name": "`+name+`"}`).body
	var got struct {
		Rekos []struct {
			ID       engine.AnimeID
			Expected struct{ Score json.Number }
		}
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || len(got.Rekos) == 0 {
		t.Fatalf("%v: %s", err, body)
	}
	u, err := a.store.User(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	list, err := u.List.Unpack(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got.Rekos {
		foreseen := a.engine.Expected(list, a.engine.AnimeByID([]engine.AnimeID{r.ID}))
		want := strconv.FormatFloat(math.Round(foreseen[0]*100)/100, 'f', -1, 64)
		if r.Expected.Score.String() != want {
			t.Errorf("anime %d is expected to be scored %s, want %s", r.ID, r.Expected.Score, want)
		}
	}
}
