package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"

	"reko.moe/bench"
	"reko.moe/db"
	"reko.moe/engine"
	"reko.moe/engine/model"
	"reko.moe/handlers"
)

// benchVerifyCmd compares a server's answers with plain ones.
type benchVerifyCmd struct {
	Server   string `arg:"--server" placeholder:"URL" help:"Check this server, which has to run on the configured store; default: one that is started for it."`
	Requests int    `arg:"--requests" default:"1000" help:"How many random requests are made."`
	Seed     uint64 `arg:"--seed" default:"1" help:"Another seed, other requests."`
}

// verifyBatch is how many requests a plain engine is made for.
const verifyBatch = 100

// Run asks for the same twice at a server, with its index and its caches, and of a plain computation: a scan of all hashes of the store
// finds who is near, an engine that knows these users alone and keeps no lists ranks what is on theirs, and handlers of its own
// write that as JSON.
func (cmd benchVerifyCmd) Run(ctx context.Context, cfg *config, c *cli) (err error) {
	w, err := openWorld(ctx, cfg, 1)
	if err != nil {
		return err
	}
	defer w.store.Close()
	server, err := serverAt(cmd.Server)
	if cmd.Server == "" {
		server, err = startServer(ctx, c.Config, ask{w.some, askSimilar}.requests(0))
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	v := &verification{world: w, cfg: cfg, server: server, all: newPlain(w.cards)}
	for from := 0; from < cmd.Requests; from += verifyBatch {
		var questions []question
		for n := from; n < min(from+verifyBatch, cmd.Requests); n++ {
			questions = append(questions, v.question(rand.New(rand.NewPCG(cmd.Seed, uint64(n)))))
		}
		if err := v.check(ctx, questions); err != nil {
			return err
		}
	}
	fmt.Printf("%d requests among %d users: %d answers are the same, byte for byte\n", cmd.Requests, len(w.cards), v.same)
	if v.same != cmd.Requests {
		return fmt.Errorf("%d answers differ", cmd.Requests-v.same)
	}
	return nil
}

// verification checks answers.
type verification struct {
	world  *benchWorld
	cfg    *config
	server *benchServer
	all    *plain
	same   int
}

// question is a request, and who has to be near for the answer.
type question struct {
	path     string
	me       engine.Card
	others   []engine.Card // who is looked at beside
	from, to int           // which of the nearest the answer is made of; none: 0, 0
	listed   bool          // and that they are listed in it
}

// question draws a question.
func (v *verification) question(r *rand.Rand) question {
	anybody := func() engine.Card { return v.world.cards[r.IntN(len(v.world.cards))] }
	q := question{me: anybody()}
	other := anybody()
	me, them := url.PathEscape(q.me.Name), url.PathEscape(other.Name)
	pick := func(some ...string) string { return some[r.IntN(len(some))] }
	more := pick("", "&order=classic", "&order=taste", "&explain=true", "&niche=2", "&niche=-1&explain=true")
	batch := 1 + r.IntN(engine.MaxBatch)
	nearest := func(n, size int) { q.from, q.to = (n-1)*size, n*size }
	switch r.IntN(6) {
	case 0, 1:
		p := 1 + r.IntN(engine.MaxSimilarPage)
		q.path, q.listed = fmt.Sprintf("/api/%s/similar?page=%d", me, p), true
		nearest(p, engine.SimilarSize)
	case 2:
		q.path = fmt.Sprintf("/api/%s/recommendations?batch=%d&page=%d%s", me, batch, 1+r.IntN(5), more)
		nearest(batch, engine.BatchSize)
	case 3:
		q.path = fmt.Sprintf("/api/%s/random?batch=%d&seed=%d%s", me, batch, r.Uint64N(engine.MaxSeed), more)
		nearest(batch, engine.BatchSize)
	case 4:
		q.path = fmt.Sprintf("/api/%s/recommendations/%s?page=%d%s", me, them, 1+r.IntN(5), more)
		q.others = append(q.others, other)
	case 5:
		q.path = fmt.Sprintf("/api/%s/compare/%s", me, them)
		q.others = append(q.others, other)
	}
	return q
}

// check asks questions at both.
func (v *verification) check(ctx context.Context, questions []question) (err error) {
	cards := map[engine.UserID]engine.Card{}
	near := make([][]engine.Card, len(questions))
	for i, q := range questions {
		cards[q.me.ID] = q.me
		for _, o := range q.others {
			cards[o.ID] = o
		}
		found := v.all.nearest(q.me.Hash, q.to+1, q.me.ID) // one more tells whether there is another page
		for _, a := range found {
			c := v.all.cards[a.at]
			cards[c.ID] = c
			near[i] = append(near[i], c)
		}
	}
	few := make([]engine.Card, 0, len(cards))
	for _, c := range cards {
		few = append(few, c)
	}
	slices.SortFunc(few, func(a, b engine.Card) int { return int(a.ID - b.ID) })
	oracle, err := v.oracle(ctx, few)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, oracle.close()) }()
	for i, q := range questions {
		want, err := oracle.Get(bench.Request{Path: q.path}, nil)
		if err != nil {
			return fmt.Errorf("the plain computation: %w", err)
		}
		same := true
		for range 2 { // the second time it is remembered
			got, err := v.server.Get(bench.Request{Path: q.path}, nil)
			if err != nil {
				return err
			}
			if !bytes.Equal(got, want) {
				fmt.Printf("%s: the server says\n%s\nand not\n%s\n", q.path, got, want)
				same = false
			} else if err := q.lists(got, near[i]); err != nil {
				fmt.Println(err)
				same = false
			}
		}
		if same {
			v.same++
		}
	}
	return ctx.Err()
}

// lists tells whether an answer that lists users lists those who are near.
func (q *question) lists(answer []byte, near []engine.Card) error {
	if !q.listed {
		return nil
	}
	var a struct{ Data []struct{ Username string } }
	if err := json.Unmarshal(answer, &a); err != nil {
		return fmt.Errorf("%s: %w", q.path, err)
	}
	want := near[min(q.from, len(near)):min(q.to, len(near))]
	if len(a.Data) != len(want) {
		return fmt.Errorf("%s lists %d users, the scan found %d", q.path, len(a.Data), len(want))
	}
	for i := range want {
		if a.Data[i].Username != want[i].Name {
			return fmt.Errorf("%s: user %d is %s, the scan found %s", q.path, i+1, a.Data[i].Username, want[i].Name)
		}
	}
	return nil
}

// oracle answers by plain means.
type oracle struct {
	*bench.Client
	close func() error
}

// fewUsers is a store in which there seem to be no users but some whom others can be matched with.
type fewUsers struct {
	*db.DB
	cards []engine.Card
}

func (s fewUsers) Cards(context.Context) iter.Seq2[engine.Card, error] {
	return func(yield func(engine.Card, error) bool) {
		for _, c := range s.cards {
			if !yield(c, nil) {
				return
			}
		}
	}
}

func (s fewUsers) AllUsers(context.Context) iter.Seq2[engine.User, error] {
	return func(func(engine.User, error) bool) {}
}

// oracle serves an engine that knows these users alone.
func (v *verification) oracle(ctx context.Context, few []engine.Card) (*oracle, error) {
	quiet := slog.New(slog.DiscardHandler)
	eng := engine.New(engine.Options{
		Store: fewUsers{v.world.store, few}, Exclude: v.cfg.Exclude, Order: v.cfg.Order, Trainer: model.Trainer{}, Log: quiet,
	})
	if err := eng.Load(ctx); err != nil {
		return nil, err
	}
	if eng.Users() != len(few) {
		return nil, fmt.Errorf("the plain engine has %d users instead of %d", eng.Users(), len(few))
	}
	app := handlers.New(handlers.Options{
		Engine: eng, Version: versionText(), Order: v.cfg.Order, Log: quiet,
		Started: func() bool { return true }, Demo: func() bool { return false }, Ready: func(context.Context) error { return nil },
	})
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- app.Listener(ln) }()
	client, err := bench.NewClient("http://" + ln.Addr().String())
	return &oracle{client, func() error {
		return errors.Join(app.ShutdownWithTimeout(stopWithin), <-ended)
	}}, err
}
