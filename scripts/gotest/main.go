// Command gotest runs go test with its arguments and prints what that prints: a line for each package, and the output of
// tests that failed. It then names the tests that were skipped, which plain go test keeps to itself, and counts. Under CI
// (the variable CI is set) a skipped test is a failure, and so is everywhere a run without any test.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

func main() {
	cmd := exec.CommandContext(context.Background(), "go", append([]string{"test", "-json"}, os.Args[1:]...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(2)
	}
	r := report{w: os.Stdout, packages: map[string]*pkg{}}
	r.read(out)
	err = cmd.Wait()
	if !r.finish(underCI(os.Getenv("CI"))) || err != nil {
		os.Exit(1)
	}
}

func underCI(ci string) bool { return ci != "" && ci != "0" && ci != "false" }

// An event is a line of go test -json; see go doc test2json.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

// A pkg is what a package's tests have said so far. Packages run at the same time and tests too, so everything is kept
// until the package ends.
type pkg struct {
	tests  []string // in order of appearance; "" is the package itself
	output map[string]*strings.Builder
	result map[string]string // pass, skip or fail; nothing while it runs
}

type report struct {
	w              io.Writer
	packages       map[string]*pkg
	passed, failed int
	skipped        []string // what was said of each
}

func (r *report) read(in io.Reader) {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		var e event
		if json.Unmarshal([]byte(line), &e) == nil {
			r.event(e)
		} else {
			fmt.Fprint(r.w, line)
		}
		if err != nil {
			return
		}
	}
}

func (r *report) event(e event) {
	if e.Package == "" { // said by the compiler or by vet
		fmt.Fprint(r.w, e.Output)
		return
	}
	p := r.packages[e.Package]
	if p == nil {
		p = &pkg{output: map[string]*strings.Builder{}, result: map[string]string{}}
		r.packages[e.Package] = p
	}
	if p.output[e.Test] == nil {
		p.output[e.Test] = &strings.Builder{}
		p.tests = append(p.tests, e.Test)
	}
	switch e.Action {
	case "output":
		if !strings.HasPrefix(e.Output, "=== ") { // RUN, PAUSE, CONT, NAME
			p.output[e.Test].WriteString(e.Output)
		}
	case "pass", "skip", "fail":
		if e.Test == "" {
			r.end(p, e.Action == "fail")
			return
		}
		p.result[e.Test] = e.Action
		switch e.Action {
		case "pass":
			r.passed++
		case "fail":
			r.failed++
		case "skip":
			r.skipped = append(r.skipped, e.Package+"\n"+p.output[e.Test].String())
		}
	}
}

// end prints what is worth knowing of a package: one line if it passed, else all of its own output after that of the
// tests that failed or, when the process died, had not ended.
func (r *report) end(p *pkg, failed bool) {
	own := p.output[""].String()
	if !failed {
		for line := range strings.Lines(own) {
			if strings.HasPrefix(line, "ok ") || strings.HasPrefix(line, "? ") || strings.HasPrefix(line, "\t") {
				fmt.Fprint(r.w, line)
			}
		}
		return
	}
	counted := false
	for _, test := range p.tests {
		result := p.result[test]
		if test == "" || result == "pass" || result == "skip" {
			continue
		}
		fmt.Fprint(r.w, p.output[test])
		counted = counted || result == "fail"
	}
	if !counted {
		r.failed++ // it did not compile, or ended outside or in the middle of a test
	}
	fmt.Fprint(r.w, own)
}

// finish prints the closing lines, and reports whether everything is well.
func (r *report) finish(ci bool) bool {
	if len(r.skipped) > 0 {
		fmt.Fprintln(r.w, "\nskipped:")
		for _, s := range r.skipped {
			fmt.Fprint(r.w, s)
		}
	}
	fmt.Fprintf(r.w, "\n%d passed, %d failed, %d skipped\n", r.passed, r.failed, len(r.skipped))
	switch {
	case ci && len(r.skipped) > 0:
		fmt.Fprintln(r.w, "gotest: under CI no test may be skipped")
		return false
	case r.passed+r.failed+len(r.skipped) == 0:
		fmt.Fprintln(r.w, "gotest: no test was run")
		return false
	}
	return r.failed == 0
}
