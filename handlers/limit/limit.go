// Package limit counts what is asked, so that nobody takes the share of others: a budget for each kind of question, for each
// who asks. It counts in Redis, for all instances together, or in this process.
package limit

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Kind is what a budget is for.
type Kind string

// The kinds of questions. One request can spend of several.
const (
	API    Kind = "api"    // requests below /api
	Pages  Kind = "pages"  // pages and their parts
	Costly Kind = "costly" // what makes us ask MyAnimeList at once, and files to read
	Logins Kind = "logins" // passwords that are tried

	Uploads Kind = "uploads" // lists that are uploaded, and stored until somebody deletes them
)

// Budget is how much may be asked: Quota at once, and as many again in each Window, which come back one by one. The zero
// value is without limit.
type Budget struct {
	Quota  int
	Window time.Duration
}

// The bounds of a budget.
const (
	maxQuota  = 1_000_000
	maxWindow = 24 * time.Hour
)

// ParseBudget reads what String writes: "600/1m" is 600 in a minute, "off" is no limit.
func ParseBudget(s string) (Budget, error) {
	if s == "off" {
		return Budget{}, nil
	}
	quota, window, _ := strings.Cut(s, "/")
	n, err := strconv.Atoi(strings.TrimSpace(quota))
	d, err2 := time.ParseDuration(strings.TrimSpace(window))
	if err != nil || err2 != nil || n < 1 || n > maxQuota || d < time.Second || d > maxWindow {
		return Budget{}, fmt.Errorf("%q is neither off nor REQUESTS/TIME, such as 600/1m, with 1..%d requests in 1s..24h", s, maxQuota)
	}
	return Budget{n, d}, nil
}

func (b Budget) String() string {
	if b.Quota == 0 {
		return "off"
	}
	return strconv.Itoa(b.Quota) + "/" + b.Window.String()
}

// Budgets has the budget of each kind; a kind that is not in it is without limit.
type Budgets map[Kind]Budget

// Verdict says whether something may be asked, and what is left.
type Verdict struct {
	Kind   Kind
	Budget Budget
	Left   int           // that may be asked now, after this
	Wait   time.Duration // until one may be asked again, if this one may not; else 0
	Reset  time.Duration // until all of the budget is back
}

// OK tells whether it may be asked.
func (v Verdict) OK() bool { return v.Wait == 0 }

// Options are what a Limiter needs.
type Options struct {
	Budgets Budgets
	Redis   *redis.Client    // counts for all instances; nil: this process counts alone
	Log     *slog.Logger     // nil: nothing is logged
	Now     func() time.Time // nil: time.Now. What Redis counts goes by a clock of its own
}

// Limiter counts. It is safe for concurrent use.
type Limiter struct {
	budgets Budgets
	own     *memory
	shared  *shared // nil: there is no Redis
}

// New makes a Limiter. It asks nobody.
func New(o Options) *Limiter {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	l := &Limiter{budgets: o.Budgets, own: newMemory(o.Now)}
	if o.Redis != nil {
		l.shared = &shared{client: o.Redis, log: o.Log}
	}
	return l
}

// Take spends one of who's budget of that kind. Two who differ are counted apart; what Redis calls them is part of its keys.
// ok is false when there is no such limit.
func (l *Limiter) Take(ctx context.Context, kind Kind, who string) (v Verdict, ok bool) {
	b := l.budgets[kind]
	if b.Quota == 0 {
		return Verdict{}, false
	}
	key := string(kind) + ":" + who
	s, counted := l.shared.take(ctx, key, b)
	switch {
	case !counted:
		s = l.own.take(key, b)
	case s.wait > 0:
		l.own.note(refused+key, s)
	}
	v = Verdict{Kind: kind, Budget: b, Wait: s.wait, Reset: s.spent}
	if s.wait == 0 {
		v.Left = int((b.Window - s.spent) / b.step())
	}
	return v, true
}

// Spent tells whether one more of who's budget of that kind would be refused, as far as this process knows: what is counted in Redis it
// knows of those who were refused before. It counts nothing and asks nobody.
func (l *Limiter) Spent(kind Kind, who string) bool {
	b := l.budgets[kind]
	key := string(kind) + ":" + who
	if l.shared.counts() {
		key = refused + key
	}
	return b.Quota > 0 && l.own.spent(key, b)
}

// refused begins the keys under which this process keeps what Redis said when it refused; what it counts itself while Redis is gone is
// counted from the beginning.
const refused = "refused:"

// step is the time in which one comes back.
func (b Budget) step() time.Duration { return b.Window / time.Duration(b.Quota) }

// spending is what one request does to a budget.
type spending struct {
	spent time.Duration // in which all comes back that was spent
	wait  time.Duration // until one more can be spent; 0: it has been
}

// spend is the rule by which all count, the generic cell rate algorithm: all that is kept of somebody is when what was spent
// will have come back. full is that time, on a clock that shows now; after is the time from now on.
func (b Budget) spend(full, now time.Duration) (after time.Duration, s spending) {
	full = min(max(full, now), now+b.Window) // budgets become smaller, and clocks are put back
	after = full + b.step()
	if late := after - now - b.Window; late > 0 {
		return full, spending{full - now, late}
	}
	return after, spending{after - now, 0}
}
