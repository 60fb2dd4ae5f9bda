package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReport reads what the real go test says of small packages, since that is the format that counts.
func TestReport(t *testing.T) {
	tests := []struct {
		name     string
		code     string // of a test file
		ci, ok   bool
		want     []string
		dontWant []string
	}{
		{
			name:     "a passing package is one line",
			code:     `func TestA(t *testing.T) { t.Log("quiet"); println("noise") }`,
			ci:       true,
			ok:       true,
			want:     []string{"ok  \tsample", "\n1 passed, 0 failed, 0 skipped\n"},
			dontWant: []string{"quiet", "=== RUN", "PASS"},
		}, {
			name:     "a failure is shown whole, its neighbours are not",
			code:     `func TestA(t *testing.T) { t.Log("quiet") }; func TestB(t *testing.T) { t.Log("why"); t.Run("sub", func(t *testing.T) { t.Error("because") }) }`,
			want:     []string{"why", "because", "--- FAIL: TestB", "--- FAIL: TestB/sub", "FAIL\tsample", "\n1 passed, 2 failed, 0 skipped\n"},
			dontWant: []string{"quiet"},
		}, {
			name: "a skip passes elsewhere",
			code: `func TestA(t *testing.T) { t.Skip("no server") }; func TestB(t *testing.T) {}`,
			ok:   true,
			want: []string{"ok  \tsample", "no server", "--- SKIP: TestA", "\n1 passed, 0 failed, 1 skipped\n"},
		}, {
			name: "a skip fails under CI",
			code: `func TestA(t *testing.T) { t.Run("sub", func(t *testing.T) { t.Skip("no server") }) }`,
			ci:   true,
			want: []string{"--- SKIP: TestA/sub", "no test may be skipped"},
		}, {
			name: "a panic is shown",
			code: `func TestA(t *testing.T) { panic("help") }`,
			want: []string{"panic: help", "FAIL\tsample", " 1 failed,"},
		}, {
			name: "an early exit is a failure",
			code: `func TestA(t *testing.T) { println("leaving"); os.Exit(3) }`,
			want: []string{"leaving", "FAIL\tsample", " 1 failed,"},
		}, {
			name: "what does not compile is a failure",
			code: `func TestA(t *testing.T) { undefined() }`,
			want: []string{"undefined: undefined", "FAIL\tsample [build failed]", " 1 failed,"},
		}, {
			name: "no test is no success",
			code: `var _ testing.T`,
			want: []string{"0 passed, 0 failed, 0 skipped", "no test was run"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, filepath.Join(dir, "go.mod"), "module sample\n")
			write(t, filepath.Join(dir, "sample_test.go"),
				"package sample\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nvar _ = os.Exit\n\n"+test.code+"\n")
			cmd := exec.CommandContext(t.Context(), "go", "test", "-json", "./...")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "GOWORK=off")
			out, _ := cmd.Output() // its status is the caller's business

			var got strings.Builder
			r := report{w: &got, packages: map[string]*pkg{}}
			r.read(strings.NewReader(string(out)))
			if ok := r.finish(test.ci); ok != test.ok {
				t.Errorf("finish(%v) = %v, want %v", test.ci, ok, test.ok)
			}
			for _, want := range test.want {
				if !strings.Contains(got.String(), want) {
					t.Errorf("no %q", want)
				}
			}
			for _, dontWant := range test.dontWant {
				if strings.Contains(got.String(), dontWant) {
					t.Errorf("%q is there", dontWant)
				}
			}
			if t.Failed() {
				t.Logf("printed:\n%s", got.String())
			}
		})
	}
}

func TestUnderCI(t *testing.T) {
	for value, want := range map[string]bool{"": false, "0": false, "false": false, "true": true, "1": true} {
		if got := underCI(value); got != want {
			t.Errorf("underCI(%q) = %v, want %v", value, got, want)
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
