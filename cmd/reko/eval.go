package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"reko.moe/engine"
	"reko.moe/engine/heldout"
)

// evalCmd judges orders of recommendations and predicted scores.
type evalCmd struct {
	Lists   string   `arg:"--lists" placeholder:"FILE" help:"Judge by the users of a CSV file (also .gz) instead of a twelfth of those in the store. What is learnt from are the lists in the store."`
	Exclude []string `arg:"--exclude,separate" placeholder:"NAME" help:"Keep these users of the store out of training; %n is every user whose number n divides. Those who are judged by, and of --lists whoever has the same list in the store, or most of it under the same name, are out anyway."`
	Orders  []string `arg:"--orders,separate" placeholder:"ORDER" help:"Only these rows; what is no name of one tells all."`
	Cold    bool     `arg:"--cold" help:"Also judge short lists: fold-ins cut to 5, 10, 20 and 50 entries."`
	Niche   bool     `arg:"--niche" help:"Also judge each step of the taste for the unusual."`
	New     bool     `arg:"--new" help:"Also judge what is said of new anime: train once more with a twentieth of the anime left out, and rank those."`
	HTTP    bool     `arg:"--http" help:"Also start a server on what was trained, ask it over HTTP, and check that it answers the same."`
	Server  string   `arg:"--server" placeholder:"URL" help:"Also ask this server, which has to know the users, with the fold-ins as their lists (see --write)."`
	Write   string   `arg:"--write" placeholder:"DIR" help:"Write train.csv.gz and foldin.csv.gz, for a server of your own to be judged with --server, and end."`
	JSON    string   `arg:"--json" placeholder:"FILE" help:"Also write all figures as JSON; - is the standard output, without the table then."`
	Most    int      `arg:"--most" placeholder:"N" help:"Judge by at most N users."`
}

// evalEvery is which of the stored users are judged by: those whose number it divides.
const evalEvery = 12

// report is all that an evaluation says.
type report struct {
	Users    int                `json:"users"` // judged by
	Learnt   int                `json:"learnt_from"`
	Anime    int                `json:"anime"` // that can be recommended
	Model    int                `json:"model_bytes"`
	Training float64            `json:"training_seconds"`
	Orders   []heldout.Row      `json:"orders"`
	Cold     []coldRows         `json:"cold,omitempty"`
	Scores   []heldout.ScoreRow `json:"scores"`
	New      []heldout.Row      `json:"new_anime,omitempty"`    // only those ranked that were left out of training
	Without  *heldout.Row       `json:"without_them,omitempty"` // all anime ranked, by the model without them
	Agree    *agreement         `json:"http,omitempty"`
}

// coldRows are the rows of lists that were cut to so many entries.
type coldRows struct {
	Entries int           `json:"entries"`
	Orders  []heldout.Row `json:"orders"`
}

// Run prints the figures as a table.
func (cmd evalCmd) Run(ctx context.Context, cfg *config) error {
	if err := cmd.check(); err != nil {
		return err
	}
	w, err := cmd.prepare(ctx, cfg)
	if err != nil {
		return err
	}
	defer w.close()
	if cmd.Write != "" {
		return w.write(cmd.Write)
	}
	if cmd.Server != "" {
		if err := w.known(ctx, cmd.Server); err != nil {
			return err
		}
	}
	if err := w.train(ctx); err != nil {
		return err
	}
	r := report{Users: len(w.cases), Learnt: len(w.learnt), Anime: len(w.ground.Popular())}
	if info, ok := w.eng.Model(); ok {
		r.Model, r.Training = info.Size, info.Took.Seconds()
	}
	table := io.Writer(os.Stdout)
	if cmd.JSON == "-" {
		table = io.Discard
	}
	if err := cmd.judge(ctx, w, &r, table); err != nil {
		return err
	}
	if cmd.JSON == "" {
		return nil
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if cmd.JSON == "-" {
		_, err = os.Stdout.Write(data)
		return err
	}
	return os.WriteFile(cmd.JSON, data, 0o644) //nolint:gosec // figures, for everybody
}

// check refuses what makes no sense before anything is read, or trained.
func (cmd evalCmd) check() error {
	if cmd.Most < 0 {
		return fmt.Errorf("--most %d: want a number of users", cmd.Most)
	}
	for _, o := range cmd.Orders {
		if !slices.Contains(orderNames, o) {
			return fmt.Errorf("--orders %q: there are %s", o, strings.Join(orderNames, "; "))
		}
	}
	if cmd.Server != "" {
		if u, err := url.Parse(cmd.Server); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("--server %q: want a URL such as http://localhost:8080", cmd.Server)
		}
	}
	if cmd.JSON != "" && cmd.JSON != "-" {
		f, err := os.OpenFile(cmd.JSON, os.O_CREATE|os.O_WRONLY, 0o644) //nolint:gosec // figures, for everybody
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	if cmd.Lists != "" {
		return existing(cmd.Lists)
	}
	return nil
}

// judge fills the report, and prints each part as soon as it is known.
func (cmd evalCmd) judge(ctx context.Context, w *evalWorld, r *report, table io.Writer) error {
	fmt.Fprintf(table, "%d users are judged by, %d lists learnt from, %d anime can be recommended; training took %.0f s, the model has %.1f MB\n\n",
		r.Users, r.Learnt, r.Anime, r.Training, float64(r.Model)/1e6)
	var err error
	if r.Orders, err = cmd.rows(ctx, w, w.cases, w.orders(cmd.Niche)); err != nil {
		return err
	}
	printRows(table, "order", r.Orders)
	if cmd.Cold {
		for _, n := range []int{5, 10, 20, 50} {
			cold := coldRows{Entries: n}
			if cold.Orders, err = cmd.rows(ctx, w, coldCases(w.cases, n), w.orders(false)); err != nil {
				return err
			}
			printRows(table, fmt.Sprint("with ", n, " entries"), cold.Orders)
			r.Cold = append(r.Cold, cold)
		}
	}
	r.Scores = w.scores()
	printScores(table, r.Scores)
	if cmd.New {
		if err := w.newAnime(ctx, r); err != nil {
			return err
		}
		printRows(table, "among new anime", r.New)
		printRows(table, "among all", []heldout.Row{*r.Without})
	}
	if !cmd.HTTP && cmd.Server == "" {
		return nil
	}
	if r.Agree, err = w.ask(ctx, cmd.Server); err != nil {
		return err
	}
	printRows(table, "over HTTP", []heldout.Row{r.Agree.Row})
	fmt.Fprintf(table, "%d of %d first pages and all that explains them are the same over HTTP; predicted scores there: RMSE %.3f over %d\n",
		r.Agree.Same, r.Agree.Asked, r.Agree.RMSE, r.Agree.Scores)
	if r.Agree.Same != r.Agree.Asked {
		return errors.New("the server answers otherwise than the engine")
	}
	return nil
}

// coldCases cuts the fold-ins of those who have enough for the longest of the cuts, so that each is of the same users.
func coldCases(cases []heldout.Case, n int) []heldout.Case {
	const longest = 50
	var cut []heldout.Case
	for i := range cases {
		if _, ok := cases[i].Cut(longest); ok {
			c, _ := cases[i].Cut(n)
			cut = append(cut, c)
		}
	}
	return cut
}

// rows judges the orders that were asked for.
func (cmd evalCmd) rows(ctx context.Context, w *evalWorld, cases []heldout.Case, orders []namedOrder) ([]heldout.Row, error) {
	var rows []heldout.Row
	for _, o := range orders {
		if len(cmd.Orders) > 0 && slices.Contains(orderNames, o.name) && !slices.Contains(cmd.Orders, o.name) {
			continue
		}
		row, err := w.ground.Run(ctx, o.name, o.order, cases)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func printRows(to io.Writer, title string, rows []heldout.Row) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s\twatched\t±\tliked\t±\tnew franchise\tunwatched\tunrelated\trecall\thits\tcoverage\tpop. rank\tentropy\tms\t\n", title)
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%.3f\t%.3f\t%d\t%.0f\t%.2f\t%.2f\t\n", r.Order, r.Watched.Mean, r.Watched.Error,
			r.Liked.Mean, r.Liked.Error, r.Fresh.Mean, r.Unwatched.Mean, r.Unrelated.Mean, r.Recall.Mean, r.Hits.Mean, r.Coverage,
			r.Popularity.Mean, r.Entropy.Mean, r.Took.Mean)
	}
	_ = w.Flush() // what is printed to is not checked elsewhere either
	fmt.Fprintln(to)
}

func printScores(to io.Writer, rows []heldout.ScoreRow) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "predicted scores\tRMSE\tMAE\tSpearman\tscores\tunknown\tms\t")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%.4f\t%.4f\t%.4f\t%d\t%d\t%.2f\t\n", r.Predictor, r.RMSE, r.MAE, r.Spearman.Mean, r.Scores, r.Unknown, r.Took.Mean)
	}
	_ = w.Flush()
	fmt.Fprintln(to)
}

// exclusion is whom --exclude keeps out of training.
type exclusion struct {
	names map[string]bool // false: not met yet
	every []uint64
}

// excluded reads --exclude.
func (cmd evalCmd) excluded() (*exclusion, error) {
	x := &exclusion{names: map[string]bool{}}
	for _, who := range strings.FieldsFunc(strings.Join(cmd.Exclude, ","), func(r rune) bool { return r == ',' }) {
		if digits, ok := strings.CutPrefix(who, "%"); ok {
			n, err := strconv.ParseUint(digits, 10, 32)
			if err != nil || n == 0 {
				return nil, fmt.Errorf("--exclude %q: want a number after the percent sign, such as %%12", who)
			}
			x.every = append(x.every, n)
			continue
		}
		name, ok := engine.CanonicalName(who)
		if !ok {
			return nil, fmt.Errorf("--exclude %q: nobody can be called so", who)
		}
		x.names[name] = false
	}
	return x, nil
}

// meet tells whether a user of the store is kept out of training.
func (x *exclusion) meet(name string) bool {
	if _, named := x.names[name]; named {
		x.names[name] = true
		return true
	}
	return slices.ContainsFunc(x.every, func(n uint64) bool { return heldout.Number(name)%n == 0 })
}

// missing is an error about those who were named and not met.
func (x *exclusion) missing() error {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(x.names)) {
		if !x.names[name] {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("--exclude %s: not in the store", strings.Join(names, ","))
}
