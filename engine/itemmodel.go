package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"
)

// Model is a trained item model: it knows which anime on a list speak for which others. Implementations are immutable and safe
// for concurrent use.
type Model interface {
	// Fold reads a list, in which the anime of without have no influence.
	Fold(l List, c *Catalogue, without []AnimeID) Fold
}

// Fold is what a model makes of one list. It is for one goroutine.
type Fold interface {
	// Matches appends to dst how well each of some anime of the catalogue fits the list: the higher the better. They are
	// compared with each other, so that a match says nothing beside those of another call. niche is that of a [Query].
	Matches(dst []float64, anime []AnimeID, niche int) []float64
	// Because returns for each anime what on the list speaks most for it, the strongest first, at most [MaxInfluences]. An
	// influence that is taken out (see [Query]) lowers the match by its weight.
	Because(anime []*Anime) [][]Influence
	// Expected predicts the score that the user would give an anime, 1..10; 0 when nothing can be said.
	Expected(a *Anime) float64
	// Release ends the use of the fold, whose memory serves others then.
	Release()
}

// MaxInfluences is how many influences are told of a recommendation.
const MaxInfluences = 3

// Influence is an anime on the requester's list that speaks for another one.
type Influence struct {
	Anime  *Anime
	Weight float64 // by which the match is higher; above 0
	Status Status  // of its entry: what is only planned, or was dropped, says something too
}

// Trainer makes item models. Implementations are safe for concurrent use.
type Trainer interface {
	// Train learns from lists, which it walks over several times, always in the same order. The same lists make the same bytes.
	// Fewer lists than make sense are [ErrTooFew].
	Train(ctx context.Context, lists func() iter.Seq2[List, error], c *Catalogue) ([]byte, error)
	// Read makes a model of what Train returned. What is damaged, or of another version, is [ErrCorrupt].
	Read(data []byte) (Model, error)
}

// StoredModel is a version of the item model as it is stored.
type StoredModel struct {
	ID     int64 // greater than that of every version before
	MadeAt time.Time
	Took   time.Duration
	Users  int    // whose lists it learnt from
	State  string // of the store's users and anime then; see [PopulationStore]
	Size   int    // bytes
	Data   []byte // nil where only the description was asked for
}

// ModelStore keeps the trained item model. It is part of [Store].
type ModelStore interface {
	// Model returns the newest version.
	Model(ctx context.Context) (StoredModel, error)
	// ModelInfo returns the newest version without its data.
	ModelInfo(ctx context.Context) (StoredModel, error)
	// SaveModel stores m as a new version; MadeAt is kept to the second, Took to the millisecond.
	SaveModel(ctx context.Context, m StoredModel) error
	// FetchedSince counts the users, but for hidden ones, whose lists were fetched or imported at that time or later.
	FetchedSince(ctx context.Context, t time.Time) (int, error)
}

// counterModel grows whenever a new version of the item model is stored.
const counterModel = "model"

// models is the model that serves. The zero value is none. It is safe for concurrent use.
type models struct {
	loading sync.Mutex // one at a time
	now     atomic.Pointer[servedModel]
	seen    atomic.Int64 // counterModel when now was read
}

type servedModel struct {
	Model
	info    StoredModel
	version int64 // no other of this process has it
}

// Model tells about the item model that serves; ok is false without one.
func (e *Engine) Model() (info StoredModel, ok bool) {
	if m := e.models.now.Load(); m != nil {
		return m.info, true
	}
	return StoredModel{}, false
}

// fold reads a list; nil without a model.
func (m *servedModel) fold(l List, c *Catalogue, without []AnimeID) Fold {
	if m == nil {
		return nil
	}
	return m.Fold(l, c, without)
}

// fold reads a list with the model that serves; nil without one.
func (e *Engine) fold(l List) Fold { return e.models.now.Load().fold(l, e.catalogue.Load(), nil) }

// Matches returns how well each of some anime fits a list, by the item model that serves; all 0 without one.
func (e *Engine) Matches(l List, anime []*Anime) []float64 {
	f := e.fold(l)
	if f == nil {
		return make([]float64, len(anime))
	}
	defer f.Release()
	return f.Matches(make([]float64, 0, len(anime)), IDs(anime), 0)
}

// Expected predicts the scores that the user of a list would give anime, by the item model that serves: 1..10, 0 when nothing
// can be said.
func (e *Engine) Expected(l List, anime []*Anime) []float64 {
	scores := make([]float64, len(anime))
	if f := e.fold(l); f != nil {
		defer f.Release()
		for i, a := range anime {
			scores[i] = f.Expected(a)
		}
	}
	return scores
}

// loadModel reads the newest version from the store. One that cannot be read leaves the one that serves.
func (e *Engine) loadModel(ctx context.Context) error {
	if e.opts.Trainer == nil {
		return nil
	}
	e.models.loading.Lock()
	defer e.models.loading.Unlock()
	seen, err := e.opts.Store.Counter(ctx, counterModel)
	if err != nil {
		return err
	}
	stored, err := e.opts.Store.Model(ctx)
	if errors.Is(err, ErrNotFound) {
		e.models.now.Store(nil)
		e.models.seen.Store(seen)
		return nil
	}
	if err != nil {
		return err
	}
	m, err := e.opts.Trainer.Read(stored.Data)
	if err != nil {
		e.opts.Log.ErrorContext(ctx, "stored model", "model", stored.ID, "err", err)
	} else {
		stored.Data = nil
		e.models.now.Store(&servedModel{m, stored, versions.Add(1)})
	}
	e.models.seen.Store(seen)
	return nil
}

// reloadModel reads the model again if there is a new version.
func (e *Engine) reloadModel(ctx context.Context) error {
	seen, err := e.opts.Store.Counter(ctx, counterModel)
	if err != nil || seen == e.models.seen.Load() {
		return err
	}
	return e.loadModel(ctx)
}

// How often a model is trained: again after a day if any list changed, and sooner if a tenth did, but not at once.
const (
	trainEvery  = 20 * time.Hour // less than a day, so that a nightly job is never a little early
	trainSooner = 10 * time.Minute
	trainShare  = 10
)

// UpdateModel trains the model if that is due: there is none, a day is over, or a tenth of the lists changed.
func (e *Engine) UpdateModel(ctx context.Context) (string, error) {
	last, err := e.opts.Store.ModelInfo(ctx)
	if errors.Is(err, ErrNotFound) {
		return e.TrainModel(ctx)
	}
	if err != nil {
		return "", err
	}
	state, err := e.usersState(ctx)
	if err != nil {
		return "", err
	}
	if info, ok := e.Model(); !ok || info.ID != last.ID {
		if err := e.loadModel(ctx); err != nil {
			return "", err
		}
		if info, ok = e.Model(); !ok || info.ID != last.ID {
			return e.TrainModel(ctx) // that version cannot be read, by this program at least
		}
	}
	if state == last.State {
		return "no user changed", nil
	}
	age := e.opts.Now().Sub(last.MadeAt)
	if age >= trainEvery {
		return e.TrainModel(ctx)
	}
	changed, err := e.opts.Store.FetchedSince(ctx, last.MadeAt)
	if err != nil {
		return "", err
	}
	if age >= trainSooner && changed*trainShare >= last.Users {
		return e.TrainModel(ctx)
	}
	return fmt.Sprintf("%d lists changed, not yet worth a training", changed), nil
}

// TrainModel trains the model from the lists of all listed users and stores it as a new version, which serves from then on. When
// it fails, or is interrupted, the one before goes on serving. Too few lists are no failure: then there is no model yet.
func (e *Engine) TrainModel(ctx context.Context) (string, error) {
	if e.opts.Trainer == nil {
		return "", fmt.Errorf("no trainer is configured: %w", ErrInvalid)
	}
	state, err := e.usersState(ctx)
	if err != nil {
		return "", err
	}
	start := time.Now()
	made := e.opts.Now()
	var users, damaged int
	data, err := e.opts.Trainer.Train(ctx, func() iter.Seq2[List, error] { return e.listed(ctx, &users, &damaged) }, e.catalogue.Load())
	if errors.Is(err, ErrTooFew) {
		return err.Error(), nil
	}
	if err != nil {
		return "", fmt.Errorf("training: %w", err)
	}
	if _, err := e.opts.Trainer.Read(data); err != nil {
		return "", fmt.Errorf("what was trained: %w", err)
	}
	m := StoredModel{MadeAt: made, Took: time.Since(start), Users: users, State: state, Size: len(data), Data: data}
	if err := e.opts.Store.SaveModel(ctx, m); err != nil {
		return "", err
	}
	if _, err := e.opts.Store.AddCounter(ctx, counterModel, 1); err != nil {
		return "", err
	}
	outcome := fmt.Sprintf("learnt from %d lists", users)
	if damaged > 0 {
		outcome += fmt.Sprintf("; damaged and left out: %d, see reko check", damaged)
	}
	return outcome, e.loadModel(ctx)
}

// listed walks over the lists of all listed users and counts them, and those that are damaged, which are left out.
func (e *Engine) listed(ctx context.Context, users, damaged *int) iter.Seq2[List, error] {
	return func(yield func(List, error) bool) {
		*users, *damaged = 0, 0
		var list List
		for u, err := range gently(ctx, e.opts.Store.AllUsers(ctx)) {
			if err != nil {
				yield(nil, err)
				return
			}
			if u.Hidden() {
				continue
			}
			if list, err = u.List.Unpack(list[:0]); err != nil {
				*damaged++
				continue
			}
			*users++
			if !yield(list, nil) {
				return
			}
		}
	}
}
