package deploy_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// stages parses the Dockerfile as BuildKit does, and has its linter look.
func stages(t *testing.T, text string) (stages []instructions.Stage, warnings []string) {
	t.Helper()
	file, err := parser.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range file.Warnings {
		warnings = append(warnings, w.Short)
	}
	warn := func(rule, description, _, message string, _ []parser.Range) {
		warnings = append(warnings, rule+": "+message+" ("+description+")")
	}
	stages, _, err = instructions.Parse(file.AST, linter.New(&linter.Config{Warn: warn}))
	if err != nil {
		t.Fatal(err)
	}
	return stages, warnings
}

func TestDockerfile(t *testing.T) {
	all, warnings := stages(t, read(t, "../Dockerfile"))
	for _, w := range warnings {
		t.Error(w)
	}
	last := all[len(all)-1]
	if last.BaseName != "scratch" {
		t.Errorf("the image is made from %s, want scratch", last.BaseName)
	}
	var user, certificates, health, entrypoint, program bool
	for _, command := range last.Commands {
		switch c := command.(type) {
		case *instructions.UserCommand:
			id, _, _ := strings.Cut(c.User, ":")
			n, err := strconv.Atoi(id)
			user = err == nil && n > 0
		case *instructions.CopyCommand:
			certificates = certificates || slices.Contains(c.SourcePaths, "/etc/ssl/certs/ca-certificates.crt")
			if slices.Contains(c.SourcePaths, "/out/program/") {
				program = c.Chown == "0:0"
			}
			if c.From != all[0].Name {
				t.Errorf("%v comes from %q, want the stage that builds", c.SourcePaths, c.From)
			}
		case *instructions.EnvCommand:
			for _, v := range c.Env {
				configures(t, []string{v.Key + "=" + v.Value})
			}
		case *instructions.HealthCheckCommand:
			health = true
			if len(c.Health.Test) < 2 || c.Health.Test[0] != "CMD" || c.Health.Test[1] != "/reko" {
				t.Fatalf("the health check is %q; there is no shell", c.Health.Test)
			}
			understands(t, c.Health.Test[2:]...)
		case *instructions.EntrypointCommand:
			entrypoint = !c.PrependShell && slices.Equal(c.CmdLine, []string{"/reko"})
		case *instructions.RunCommand:
			t.Errorf("%v runs where there is nothing to run it", c)
		}
	}
	if !user || !certificates || !health || !entrypoint || !program {
		t.Errorf("a user by number: %t, certificates: %t, health check: %t, entrypoint: %t, a program of root's: %t; want all", user, certificates, health, entrypoint, program)
	}
}

// The linter finds something where there is something.
func TestDockerfileLinter(t *testing.T) {
	_, warnings := stages(t, "FROM scratch as build\nENV a b\nMAINTAINER me\n")
	if len(warnings) < 2 {
		t.Errorf("only %q", warnings)
	}
}

// TestBuildContext builds the program of what .dockerignore leaves, which is all that the Dockerfile has, and no more than that.
func TestBuildContext(t *testing.T) {
	ignored, err := ignorefile.ReadAll(strings.NewReader(read(t, "../.dockerignore")))
	if err != nil {
		t.Fatal(err)
	}
	matcher, err := patternmatcher.New(ignored)
	if err != nil {
		t.Fatal(err)
	}
	tree := t.TempDir()
	var unwanted []string
	err = filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel("..", path)
		if err != nil || entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if entry.IsDir() {
			return nil
		}
		out, err := matcher.MatchesOrParentMatches(name)
		if err != nil || out {
			return err
		}
		switch filepath.Ext(name) {
		case ".ini", ".db", ".zst", ".bak", ".conf", ".gz", ".pem", ".key":
			unwanted = append(unwanted, name)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		to := filepath.Join(tree, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		return os.WriteFile(to, text, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(unwanted) > 0 {
		t.Errorf("in the image's context are %q", unwanted)
	}
	if out, err := goBuild(t.Context(), tree, filepath.Join(t.TempDir(), "reko")); err != nil {
		t.Errorf("what is in the context does not build: %v\n%s", err, out)
	}
}
