package deploy_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// seen are the names of the labels that a metric has, by the name of each of its series. What Prometheus adds is among them.
type seen map[string][]string

// scraped runs the program, asks it this and that, and returns what Prometheus would see.
func scraped(t *testing.T) seen {
	t.Helper()
	mal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error": "not_found", "message": ""}`)
	}))
	t.Cleanup(mal.Close)
	dir := t.TempDir()
	env := append(os.Environ(), "REKO_HTTP_ADDR=127.0.0.1:0", "REKO_DB_URL=sqlite:"+dir+"/reko.db", "REKO_DEMO_ENABLED=true",
		"REKO_MAL_URL="+mal.URL, "REKO_MAL_CLIENT_ID=test", "REKO_MAL_RATE=1000", "REKO_JOBS_HASHES=1s", "REKO_LIMITS_API=20/1m")

	run := func() (url string, stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		cmd := exec.CommandContext(ctx, reko)
		cmd.Env, cmd.Cancel, cmd.WaitDelay = env, func() error { return cmd.Process.Signal(os.Interrupt) }, time.Minute
		log, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(log); lines.Scan() && url == ""; {
			if found := regexp.MustCompile(`msg=serving url=(\S+)`).FindStringSubmatch(lines.Text()); found != nil {
				url = found[1]
				break
			}
		}
		go func() { _, _ = io.Copy(io.Discard, log) }()
		if url == "" {
			t.Fatal("the program does not serve")
		}
		return url, func() {
			cancel()
			_ = cmd.Wait()
		}
	}
	_, stop := run() // makes the demo
	stop()
	for _, args := range [][]string{{"train"}, {"jobs", "run", "population"}} {
		cmd := exec.CommandContext(t.Context(), reko, args...)
		cmd.Env = env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("reko %v: %v\n%s", args, err, out)
		}
	}
	url, stop := run()
	defer stop()
	for range 15 {
		for _, path := range []string{"/api/mecha-miso/recommendations", "/api/nobody/similar", "/u/mecha-miso"} {
			res, err := http.Get(url + path)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	}
	// Jobs run in their own time.
	deadline := time.Now().Add(30 * time.Second)
	for range time.Tick(50 * time.Millisecond) {
		res, err := http.Get(url + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text := expfmt.NewTextParser(model.UTF8Validation)
		families, err := text.TextToMetricFamilies(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if families["reko_job_duration_seconds"] == nil && time.Now().Before(deadline) {
			continue
		}
		all := seen{"up": {"job", "instance"}}
		for name, family := range families {
			labels := []string{"job", "instance"}
			for _, l := range family.Metric[0].Label {
				if l.GetName() == "job" { // Prometheus has one of its own
					labels = append(labels, "exported_job")
				}
				labels = append(labels, l.GetName())
			}
			all[name] = labels
			if family.Metric[0].Histogram != nil {
				all[name+"_count"], all[name+"_sum"], all[name+"_bucket"] = labels, labels, append([]string{"le"}, labels...)
			}
		}
		return all
	}
	panic("a ticker does not end")
}

// check finds what an expression names that is not there.
func (all seen) check(expr string) error {
	// Grafana's variables stand for times.
	expr = regexp.MustCompile(`\$__rate_interval|\$__interval|\$__range`).ReplaceAllString(expr, "5m")
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return fmt.Errorf("%s: %w", expr, err)
	}
	var grouped, named []string
	var wrong error
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			labels, ok := all[n.Name]
			if !ok {
				wrong = fmt.Errorf("%s: there is no metric %q", expr, n.Name)
			}
			for _, m := range n.LabelMatchers {
				if m.Name != "__name__" && !slices.Contains(labels, m.Name) {
					wrong = fmt.Errorf("%s: %s has no label %q", expr, n.Name, m.Name)
				}
			}
			named = append(named, labels...)
		case *parser.AggregateExpr:
			grouped = append(grouped, n.Grouping...)
		}
		return nil
	})
	for _, label := range grouped {
		if !slices.Contains(named, label) {
			wrong = fmt.Errorf("%s: nothing in it has a label %q", expr, label)
		}
	}
	return wrong
}

// dashboard is what is read of Grafana's.
type dashboard struct {
	Panels []struct {
		Title   string
		Type    string
		GridPos struct{ X, Y, W, H int }
		Targets []struct{ Expr, LegendFormat string }
	}
	Templating struct {
		List []struct{ Name, Definition string }
	}
	Annotations struct {
		List []struct{ Expr string }
	}
}

// Every metric and label that the dashboard and the alerts name is one that the program has.
func TestNamedMetricsExist(t *testing.T) {
	all := scraped(t)
	for _, wrong := range []string{"reko_nothing", `up{nothing="x"}`, "sum by (nothing) (up)", "sum(up", `reko_mal_waiting{outcome="ok"}`} {
		if all.check(wrong) == nil {
			t.Errorf("%s is taken", wrong)
		}
	}

	var d dashboard
	if err := json.Unmarshal([]byte(read(t, "grafana/reko.json")), &d); err != nil {
		t.Fatal(err)
	}
	var exprs []string
	for i, p := range d.Panels {
		if (p.Type == "row") != (len(p.Targets) == 0) || p.Title == "" {
			t.Errorf("panel %d, %q, is empty", i, p.Title)
		}
		for _, other := range d.Panels[:i] {
			a, b := p.GridPos, other.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("%q lies over %q", p.Title, other.Title)
			}
		}
		for _, target := range p.Targets {
			exprs = append(exprs, target.Expr)
		}
	}
	for _, a := range d.Annotations.List {
		exprs = append(exprs, a.Expr)
	}
	for _, v := range d.Templating.List {
		if selector, ok := strings.CutPrefix(v.Definition, "label_values("); ok {
			selector = strings.TrimSuffix(selector, ")")
			last := strings.LastIndex(selector, ", ")
			metric, label := selector[:last], selector[last+2:]
			exprs = append(exprs, "count by ("+label+") ("+metric+")")
		}
	}
	if len(exprs) < 30 {
		t.Errorf("the dashboard has only %d expressions", len(exprs))
	}
	for _, rule := range rules(t) {
		exprs = append(exprs, rule.Expr)
	}
	for _, expr := range exprs {
		if err := all.check(expr); err != nil {
			t.Error(err)
		}
	}
}

func rules(t *testing.T) []rulefmt.Rule {
	t.Helper()
	groups, errs := rulefmt.Parse([]byte(read(t, "prometheus/alerts.yml")), false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	for _, err := range errs {
		t.Error(err)
	}
	var all []rulefmt.Rule
	for _, g := range groups.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// Who is woken by an alert finds what it means and what to do.
func TestAlertsAreDescribed(t *testing.T) {
	described := map[string]bool{}
	for _, found := range regexp.MustCompile("(?m)^\\| `(Reko[A-Za-z]+)` \\| [^|]{20,} \\| [^|]{20,} \\|$").FindAllStringSubmatch(read(t, "../docs/operations.md"), -1) {
		described[found[1]] = true
	}
	for _, rule := range rules(t) {
		if !described[rule.Alert] {
			t.Errorf("docs/operations.md does not say what %s means, and what to do", rule.Alert)
		}
		delete(described, rule.Alert)
		if s := rule.Labels["severity"]; s != "page" && s != "ticket" || rule.Annotations["summary"] == "" {
			t.Errorf("%s has severity %q, summary %q", rule.Alert, s, rule.Annotations["summary"])
		}
	}
	for name := range described {
		t.Errorf("docs/operations.md describes %s, which there is not", name)
	}
}
