package main

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel/attribute"

	"reko.moe/db"
	"reko.moe/engine"
	"reko.moe/handlers/traces"
)

// traces begins to send traces where the configuration or OpenTelemetry's own variables say; nil where neither does.
func (cfg *config) traces(log *slog.Logger) (*traces.Traces, error) {
	to, headers, err := traces.FromEnv(os.Getenv)
	if err != nil {
		return nil, err
	}
	if cfg.TraceEndpoint != "" {
		to = traces.Under(cfg.TraceEndpoint)
	}
	if to == "" {
		return nil, nil
	}
	return traces.New(traces.Options{URL: to, Headers: headers, Sample: cfg.TraceSample, Version: versionText(), Log: log})
}

// trace lets o tell of what takes time.
func trace(o *engine.Options, store *db.DB) {
	o.Store = tracedStore{store}
	if o.Source != nil {
		o.Source = tracedSource{o.Source}
	}
	o.Trace = func(ctx context.Context, step string) func() {
		_, end := traces.Step(ctx, step)
		return func() { end(nil) }
	}
}

// tracedStore tells of what requests ask the store for; what jobs do is in their log.
type tracedStore struct{ *db.DB }

// failure is err, unless something is only not there.
func failure(err error) error {
	if errors.Is(err, engine.ErrNotFound) || errors.Is(err, engine.ErrUnauthorized) {
		return nil
	}
	return err
}

func (s tracedStore) User(ctx context.Context, name string) (engine.User, error) {
	ctx, end := traces.Step(ctx, "store.User")
	u, err := s.DB.User(ctx, name)
	end(failure(err))
	return u, err
}

func (s tracedStore) Users(ctx context.Context, dst []engine.User, ids []engine.UserID) ([]engine.User, error) {
	ctx, end := traces.Step(ctx, "store.Users", attribute.Int("reko.users", len(ids)))
	users, err := s.DB.Users(ctx, dst, ids)
	end(failure(err))
	return users, err
}

func (s tracedStore) SaveUser(ctx context.Context, u engine.User) (engine.UserID, error) {
	ctx, end := traces.Step(ctx, "store.SaveUser", attribute.Int("reko.entries", u.List.Len()))
	id, err := s.DB.SaveUser(ctx, u)
	end(failure(err))
	return id, err
}

func (s tracedStore) DeleteUser(ctx context.Context, id engine.UserID) error {
	ctx, end := traces.Step(ctx, "store.DeleteUser")
	err := s.DB.DeleteUser(ctx, id)
	end(failure(err))
	return err
}

func (s tracedStore) RemoveUser(ctx context.Context, name string) (engine.UserID, error) {
	ctx, end := traces.Step(ctx, "store.RemoveUser")
	id, err := s.DB.RemoveUser(ctx, name)
	end(failure(err))
	return id, err
}

func (s tracedStore) SaveAnime(ctx context.Context, anime []engine.Anime) error {
	ctx, end := traces.Step(ctx, "store.SaveAnime", attribute.Int("reko.anime", len(anime)))
	err := s.DB.SaveAnime(ctx, anime)
	end(failure(err))
	return err
}

func (s tracedStore) MentionAnime(ctx context.Context, ids []engine.AnimeID) error {
	ctx, end := traces.Step(ctx, "store.MentionAnime", attribute.Int("reko.anime", len(ids)))
	err := s.DB.MentionAnime(ctx, ids)
	end(failure(err))
	return err
}

func (s tracedStore) AddCounter(ctx context.Context, name string, delta int64) (int64, error) {
	ctx, end := traces.Step(ctx, "store.AddCounter", attribute.String("reko.counter", name))
	n, err := s.DB.AddCounter(ctx, name, delta)
	end(failure(err))
	return n, err
}

// tracedSource tells of what is asked of MyAnimeList.
type tracedSource struct{ engine.Source }

func (s tracedSource) List(ctx context.Context, name string, known engine.List, full bool) (engine.Fetched, error) {
	ctx, end := traces.Step(ctx, "mal.List", attribute.Bool("reko.full", full))
	fetched, err := s.Source.List(ctx, name, known, full)
	end(failure(err))
	return fetched, err
}

func (s tracedSource) Anime(ctx context.Context, id engine.AnimeID) (engine.Anime, error) {
	ctx, end := traces.Step(ctx, "mal.Anime", attribute.Int("reko.anime_id", int(id)))
	a, err := s.Source.Anime(ctx, id)
	end(failure(err))
	return a, err
}
