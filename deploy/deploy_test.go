package deploy_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// reko is the program, built of the tree around this folder.
var reko string

func TestMain(m *testing.M) { os.Exit(built(m)) }

func built(m *testing.M) int {
	dir, err := os.MkdirTemp("", "reko-deploy-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	reko = filepath.Join(dir, "reko")
	if out, err := goBuild(context.Background(), "..", reko); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// goBuild builds the program from a tree, as make build and the Dockerfile do.
func goBuild(ctx context.Context, tree, output string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", output, "./cmd/reko")
	cmd.Dir = tree
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return cmd.CombinedOutput()
}

// understands gives the program a command line with a flag at its end that there is none of. It stops at the first thing it does not know,
// which has to be that one. To ask for --help would not do: that is answered whatever stands before it.
func understands(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), reko, append(slices.Clone(args), "--no-such-flag")...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "unknown argument --no-such-flag") {
		t.Errorf("reko %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// configures has the program read a configuration, which fails where it has a mistake. Nothing listens where it then asks.
func configures(t *testing.T, env []string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), reko, append(args, "health", "--timeout", "2s")...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), append(env, "REKO_HTTP_ADDR=127.0.0.1:1")...)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "connection refused") {
		t.Errorf("with %v %v: %v\n%s", env, args, err, out)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
