package handlers_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/valyala/fasthttp"

	"reko.moe/engine"
	"reko.moe/engine/demo"
	"reko.moe/engine/listfile"
	"reko.moe/engine/model"
	"reko.moe/internal/shared"
)

// realWorld reads the real anime and the first n of the real lists.
func realWorld(t testing.TB, n int) world {
	t.Helper()
	var w world
	for a, err := range listfile.ReadAnime(shared.Gunzip(t, "data", "anime.csv.gz"), described) {
		if err != nil {
			t.Fatal(err)
		}
		w.anime = append(w.anime, a)
	}
	for l, err := range listfile.ReadLists(shared.Gunzip(t, "data", "lists.csv.gz")) {
		if err != nil {
			t.Fatal(err)
		}
		w.users = append(w.users, engine.User{Name: l.Name, Origin: engine.FromFile, List: l.List.Pack(), FetchedAt: now, FullAt: now})
		if len(w.users) == n {
			break
		}
	}
	return w
}

// demoWorld is what a new server shows.
func demoWorld() world { return world{demo.Anime(), demo.Users()} }

// Every answer about some of the invented users keeps what the document and the contract promise.
func TestManyUsers(t *testing.T) { t.Parallel(); manyUsers(t, demoWorld(), 19) }

// So does every answer about some of the users there really are.
func TestManyRealUsers(t *testing.T) { t.Parallel(); manyUsers(t, realWorld(t, 150), 13) }

// manyUsers asks all there is to ask about one in every so many users.
func manyUsers(t *testing.T, w world, every int) {
	t.Helper()
	a := start(t, func(s *setup) { s.world = w })
	answered := 0
	for i := 0; i < len(w.users); i += every {
		name, other := w.users[i].Name, w.users[(i+7)%len(w.users)].Name
		for _, target := range []string{
			"recommendations", "recommendations?page=2", "recommendations?batch=2&page=20", "recommendations/" + other, "similar", "similar?page=2",
			"compare/" + other, "random?seed=1", "random?batch=2",
		} {
			target = "/api/" + name + "/" + target
			got := a.ask(t, http.MethodGet, target)
			switch got.status {
			case http.StatusOK:
				answered++
			case http.StatusUnprocessableEntity: // some people have watched nothing
				got.refused(t, target, got.status, "EmptyUserList")
			default:
				t.Errorf("%s: %d %s", target, got.status, got.body)
			}
		}
	}
	if answered < len(w.users)/every*8 {
		t.Errorf("%d answers", answered)
	}
}

// BenchmarkRequest is whole requests but for the network: routing, middleware, access log, engine, JSON.
func BenchmarkRequest(b *testing.B) {
	for _, of := range []struct {
		name  string
		world func(testing.TB) world
	}{
		{"demo", func(testing.TB) world { return demoWorld() }},
		{"real", func(t testing.TB) world { return realWorld(t, 0) }},
	} {
		b.Run(of.name, func(b *testing.B) {
			if of.name == "real" && testing.Short() {
				b.Skip("trains on all lists, which takes a minute")
			}
			w := of.world(b)
			a := start(b, func(s *setup) {
				s.world = w
				s.lists = 256 // MiB, so that all lists stay in memory
				s.engine.Trainer = model.Trainer{}
			})
			if _, err := a.engine.TrainModel(b.Context()); err != nil {
				b.Fatal(err)
			}
			a.log.off.Store(true)
			a.Handler() // prepares the server
			handle := a.Server().Handler
			names := [8]string{}
			for i := range names {
				names[i] = w.users[(2*i+1)*len(w.users)/(2*len(names))].Name
			}
			other := w.users[0].Name
			for _, request := range []struct{ name, target string }{
				{"recommendations", "/api/%s/recommendations"},
				{"from-one", "/api/%s/recommendations/" + other},
				{"similar", "/api/%s/similar"},
				{"compare", "/api/%s/compare/" + other},
				{"random", "/api/%s/random?seed=7"},
				{"version", "/api/version?%s"},
				{"page-home", "/?%s"},
				{"page-user", "/u/%s"},
				{"page-user-filtered", "/u/%s?genre=1&since=2000&mean=7"},
				{"page-user-from", "/u/%s?from=" + other},
				{"page-similar", "/u/%s/similar"},
				{"page-compare", "/u/%s/compare/" + other},
				{"page-random", "/u/%s/random?seed=7"},
				{"page-pick", "/pick?x=%s"},
				{"page-pick-find", "/pick?find=ei&x=%s"},
				{"page-picked", "/pick?anime=1&anime=19&anime=24&anime=43&anime=59&x=%s"},
				{"page-about", "/about?%s"},
				{"page-docs", "/docs?%s"},
			} {
				b.Run(request.name, func(b *testing.B) {
					var requests [len(names)]*fasthttp.RequestCtx
					for i := range requests {
						var req fasthttp.Request
						req.SetRequestURI(fmt.Sprintf(request.target, names[i]))
						req.SetHost("reko.test")
						requests[i] = new(fasthttp.RequestCtx)
						requests[i].Init(&req, nil, nil)
						if handle(requests[i]); requests[i].Response.StatusCode() != http.StatusOK {
							b.Fatalf("%s: %s", requests[i].URI(), &requests[i].Response)
						}
					}
					b.ReportAllocs()
					i := 0
					for b.Loop() {
						ctx := requests[i%len(requests)]
						ctx.Response.Reset()
						ctx.ResetUserValues()
						handle(ctx)
						i++
					}
				})
			}
		})
	}
}
