// Command licences writes docs/licences.md: under which licences that stands which is in the program. It asks nobody: the modules are in the module
// cache, and what browsers load is in package-lock.json. A licence that it does not know, or that asks more of us than to be named, is a
// failure.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

//go:generate go run .

// file is what is written, from this folder.
const file = "../../docs/licences.md"

// shipped are the packages of npm of which a file is in the program; the others only build it.
var shipped = []string{"@fontsource/bricolage-grotesque", "htmx.org"}

// taken are the licences that ask for no more than to be named, and of the others the reason why they are taken all the same.
var taken = map[string]string{
	"0BSD": "", "Apache-2.0": "", "BSD-2-Clause": "", "BSD-3-Clause": "", "ISC": "", "MIT": "",
	"OFL-1.1": "a font, embedded as it came",
}

func main() {
	text, err := list()
	if err == nil {
		err = os.WriteFile(file, text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

// list makes the page.
func list() ([]byte, error) {
	rows, err := modules()
	if err != nil {
		return nil, err
	}
	packages, err := npm()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("# Licences\n\nWhat is in the program besides our own code, and under which licence. Made by `go generate ./scripts/licences`.\n\n" +
		"| module or package | licence |\n| --- | --- |\n")
	var errs []error
	for _, row := range append(rows, packages...) {
		reason, ok := taken[row[1]]
		if !ok {
			errs = append(errs, fmt.Errorf("%s has the licence %q, about which nothing is decided", row[0], row[1]))
		}
		if reason != "" {
			reason = ": " + reason
		}
		fmt.Fprintf(&b, "| %s | %s%s |\n", row[0], row[1], reason)
	}
	return b.Bytes(), errors.Join(errs...)
}

// modules are those that the program is built from, on any machine as on the servers, and their licences.
func modules() (rows [][2]string, err error) {
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}", "reko.moe/cmd/reko") //nolint:noctx // it takes a second
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOPROXY=off")
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		path, dir, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || seen[path] {
			continue
		}
		seen[path] = true
		licence, err := licenceIn(dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		rows = append(rows, [2]string{path, licence})
	}
	slices.SortFunc(rows, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return append([][2]string{{"the Go standard library", "BSD-3-Clause"}}, rows...), nil
}

// licenceIn reads which licence a folder has.
func licenceIn(dir string) (string, error) {
	for _, pattern := range []string{"LICENSE*", "LICENCE*", "License*", "license*", "COPYING*"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return "", err
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return "", err
			}
			if l := licenceOf(string(text)); l != "" {
				return l, nil
			}
		}
	}
	return "", errors.New("no file with a known licence")
}

// licenceOf tells a licence by its own words.
func licenceOf(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	has := func(words string) bool { return strings.Contains(text, words) }
	switch {
	case has("GNU GENERAL PUBLIC LICENSE"), has("GNU AFFERO"), has("GNU LESSER"), has("Mozilla Public License"):
		return "copyleft"
	case has("Apache License") && has("Version 2.0"):
		return "Apache-2.0"
	case has("Permission is hereby granted, free of charge, to any person obtaining a copy"):
		return "MIT"
	case has("Permission to use, copy, modify, and/or distribute this software"), has("Permission to use, copy, modify, and distribute this software"):
		if !has("copyright notice and this permission notice appear") {
			return "0BSD"
		}
		return "ISC"
	case has("Redistribution and use in source and binary forms") && has("may be used to endorse"):
		return "BSD-3-Clause"
	case has("Redistribution and use in source and binary forms"):
		return "BSD-2-Clause"
	}
	return ""
}

// npm are the packages that are shipped, and their licences.
func npm() (rows [][2]string, err error) {
	text, err := os.ReadFile("../../package-lock.json")
	if err != nil {
		return nil, err
	}
	var lock struct {
		Packages map[string]struct{ License string }
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		return nil, err
	}
	for _, name := range shipped {
		p, ok := lock.Packages["node_modules/"+name]
		if !ok {
			return nil, fmt.Errorf("%s is not in package-lock.json", name)
		}
		rows = append(rows, [2]string{name, p.License})
	}
	return rows, nil
}
