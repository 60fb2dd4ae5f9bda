package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The life of admins on the command line. Neither the store nor any output has a password afterwards.
func TestAdminCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var printed bytes.Buffer
	run := func(stdin string, args ...string) (string, error) {
		cmd := program(t, dir, []string{"REKO_DB_URL=sqlite:reko.db", "REKO_LOG_LEVEL=debug"}, append([]string{"admin"}, args...)...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		printed.Write(out)
		return string(out), err
	}
	for _, test := range []struct {
		stdin, args string
		fail        bool
		want        string // a pattern of what is printed
	}{
		{"", "", false, `^.*NAME +MADE +PASSWORD SET +LAST LOGIN\n$`},
		{"see you space cowboy\n", "set-password Spike", false, `spike can log in under /admin\n$`},
		{"see you space cowboy\r\n", "set-password spike", false, `spike can log in`},
		{"a password without an end", "set-password faye", false, `faye can log in`},
		{"too short\n", "set-password faye", true, `reko: a password has at least 12 characters and at most 256 bytes\n$`},
		{"\n", "set-password faye", true, `at least 12 characters`},
		{"", "set-password faye", true, `at least 12 characters`},
		{"see you space cowboy\n", "set-password x", true, `reko: "x" is no name for an admin`},
		{"", "", false, `faye +\S+ \S+ +\S+ \S+ +never\nspike +\S+ \S+ +\S+ \S+ +never\n$`},
		{"", "remove ed", true, `reko: there is no admin "ed"`},
		{"", "remove FAYE", false, `^faye is no admin any more\n$`},
		{"", "remove spike", true, `the last admin stays: make another one first`},
		{"", "list", false, `^NAME.*\nspike.*\n$`},
	} {
		out, err := run(test.stdin, strings.Fields(test.args)...)
		if (err != nil) != test.fail || !regexp.MustCompile(`(?s)`+test.want).MatchString(out) {
			t.Errorf("reko admin %s: %v, printed:\n%s\nwant: %s", test.args, err, out, test.want)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	seen := map[string]string{"the output": printed.String()}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		seen[filepath.Base(file)] = string(data)
	}
	for where, text := range seen {
		for _, password := range []string{"see you space cowboy", "a password without an end", "too short"} {
			if strings.Contains(text, password) {
				t.Errorf("%s has a password", where)
			}
		}
	}
	if !strings.Contains(fmt.Sprint(seen), "$argon2id$v=19$m=65536,t=2,p=2$") {
		t.Error("the store has no hash")
	}
}
