package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What docs/security.md names is there: files, folders and tests. Every line of the standard says whether it is so, and those of which it
// says yes or no say more.
func TestSecurityPageIsTrue(t *testing.T) {
	const root = "../.."
	text, err := os.ReadFile(root + "/docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		code, err := os.ReadFile(path)
		for _, m := range function.FindAllSubmatch(code, -1) {
			tests[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllSubmatch(text, -1) {
		switch name := string(m[1]); {
		case regexp.MustCompile(`^(Test|Fuzz)[A-Z]\w*$`).MatchString(name):
			named++
			if !tests[name] {
				t.Errorf("there is no %s", name)
			}
		case regexp.MustCompile(`^(cmd|db|deploy|docs|engine|handlers|scripts|static|views)(/|$)|^[A-Za-z.-]+\.(md|yml|ini|sum|json)$`).MatchString(name):
			named++
			if _, err := os.Stat(filepath.Join(root, name)); err != nil {
				t.Error(err)
			}
		}
	}
	if named < 200 {
		t.Errorf("%d names", named)
	}

	line := regexp.MustCompile(`(?m)^\| (\d+)\.(\d+)\.(\d+) \| [^|]+ \| (.*) \|$`)
	var last []int
	perChapter := map[int]int{}
	for _, m := range line.FindAllStringSubmatch(string(text), -1) {
		var number []int
		for _, digits := range m[1:4] {
			n, err := strconv.Atoi(digits)
			if err != nil {
				t.Fatal(err)
			}
			number = append(number, n)
		}
		if slices.Compare(last, number) >= 0 {
			t.Errorf("%v comes after %v", number, last)
		}
		last = number
		perChapter[number[0]]++
		said, more, _ := strings.Cut(m[4], ": ")
		if said != "yes" && said != "no" && said != "—" || said != "yes" && more == "" {
			t.Errorf("%v: %q", number, m[4])
		}
	}
	// How many lines each chapter has at level 2.
	for i, want := range []int{38, 53, 18, 9, 30, 13, 12, 15, 7, 5, 8, 15, 13, 23} {
		if perChapter[i+1] != want {
			t.Errorf("chapter %d has %d lines, want %d", i+1, perChapter[i+1], want)
		}
	}
}
