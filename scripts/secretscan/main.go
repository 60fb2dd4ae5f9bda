// Command secretscan looks for secrets in what git keeps of the tree, and fails when it finds one. It prints where, and not what.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// kind is a kind of secret. The pattern's last group, if it has one, is the secret itself.
type kind struct {
	name    string
	pattern *regexp.Regexp
}

var kinds = []kind{
	{"private key", regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`)},
	{"key of Reko", regexp.MustCompile(`reko_[A-Za-z0-9_-]{43}\b`)},
	{"client id of MyAnimeList", regexp.MustCompile(`(?i)client.?id["'\s:=]{1,5}([0-9a-f]{32})\b`)},
	{"password in an address", regexp.MustCompile(`\b[a-z][a-z0-9+]*://[^\s:/@"'` + "`" + `]*:([^\s:/@"'` + "`" + `]{3,})@[a-zA-Z0-9.%-]+`)},
	{"key of AWS", regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`)},
	{"token of GitHub", regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})`)},
	{"token of GitLab", regexp.MustCompile(`\bglpat-[A-Za-z0-9_-]{20,}`)},
	{"token of npm", regexp.MustCompile(`\bnpm_[A-Za-z0-9]{36}\b|_authToken\s*=`)},
	{"token of Slack", regexp.MustCompile(`\bxox[abprs]-[A-Za-z0-9-]{10,}`)},
	{"key of Google", regexp.MustCompile(`\bAIza[A-Za-z0-9_-]{35}\b`)},
	{"signed token", regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.`)},
	{"bearer token", regexp.MustCompile(`(?i)bearer\s+([A-Za-z0-9._~+/-]{24,})`)},
	{"password", regexp.MustCompile(`(?i)\b(?:password|passwd|secret|token|api_?key)["']?\s*[:=]+\s*["']([A-Za-z0-9+/_.-]{16,})["']`)},
}

// invented are what stands for secrets in documentation and tests: words that say so, and rows of digits.
var invented = regexp.MustCompile(`(?i)^(?:secret|password|pass|hunter2|p%40ss.*|(?:0123456789abcdef)+)$|canary|\$|%[sqvz]`)

// finding is where a secret is.
type finding struct {
	file string
	line int
	kind string
}

func main() {
	found, err := scan()
	for _, f := range found {
		fmt.Fprintf(os.Stderr, "%s:%d: looks like a %s\n", f.file, f.line, f.kind)
	}
	if err == nil && len(found) > 0 {
		err = fmt.Errorf("%d secrets: take them out, and make new ones, since who has the history has these", len(found))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "secretscan:", err)
		os.Exit(1)
	}
}

// scan looks through all files of the working tree that git keeps, or would.
func scan() ([]finding, error) {
	top, err := exec.Command("git", "rev-parse", "--show-toplevel").Output() //nolint:noctx // it takes no time
	if err != nil {
		return nil, fmt.Errorf("git: %w", err)
	}
	root := strings.TrimSpace(string(top))
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard") //nolint:noctx // the same
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git: %w", err)
	}
	tree, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	var found []finding
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		text, err := tree.ReadFile(name)
		if os.IsNotExist(err) {
			continue // deleted, and not yet committed
		}
		if err != nil {
			return nil, err
		}
		found = append(found, look(name, text)...)
	}
	return found, nil
}

// look finds secrets in a file. One that is no text has none.
func look(name string, text []byte) (found []finding) {
	if bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0 {
		return nil
	}
	line := 0
	for l := range bytes.Lines(text) {
		line++
		for _, k := range kinds {
			isReal := func(m [][]byte) bool { return !invented.Match(m[len(m)-1]) }
			if slices.ContainsFunc(k.pattern.FindAllSubmatch(l, -1), isReal) {
				found = append(found, finding{name, line, k.name})
			}
		}
	}
	return found
}
