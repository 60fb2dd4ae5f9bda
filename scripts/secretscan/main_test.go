package main

import (
	"os"
	"strings"
	"testing"
)

// The samples are put together here, so that this file has none.
var samples = map[string]string{
	"private key":               "-----BEGIN RSA " + "PRIVATE KEY-----",
	"key of Reko":               "reko_" + strings.Repeat("aB3_-", 8) + "xyz",
	"client id of MyAnimeList":  "client_id" + " = " + "9f2e5d696a4d341a" + "eabaad61292e1264",
	"password in an address":    "postgres" + "://reko:" + "Tr0ub4dor&3" + "@db.example.org/reko",
	"key of AWS":                "AKIA" + "IOSFODNN7EXAMPLE",
	"token of GitHub":           "ghp_" + strings.Repeat("a1B2", 9),
	"token of GitLab":           "glpat-" + strings.Repeat("x", 20),
	"token of npm":              "npm_" + strings.Repeat("a1B2", 9),
	"token of Slack":            "xoxb-" + "123456789012",
	"key of Google":             "AIza" + strings.Repeat("a1B2_", 7),
	"signed token":              "eyJ" + "hbGciOiJIUzI1NiJ9" + ".eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0" + ".abc",
	"bearer token":              "Authorization: Bearer " + strings.Repeat("a1B2", 8),
	"password":                  `password` + ` = "` + "correct-horse-battery" + `"`,
	"private key, as in a file": "-----BEGIN " + "PRIVATE KEY-----",
}

func TestSecretsAreFound(t *testing.T) {
	kindsFound := map[string]bool{}
	for name, text := range samples {
		want, _, _ := strings.Cut(name, ",")
		found := look("x.go", []byte("first\n  x := `"+text+"` // and more\nlast\n"))
		ok := false
		for _, f := range found {
			ok = ok || f.kind == want && f.line == 2 && f.file == "x.go"
			kindsFound[f.kind] = true
		}
		if !ok {
			t.Errorf("%s: found %+v", name, found)
		}
	}
	if len(kindsFound) != len(kinds) {
		t.Errorf("of %d kinds the samples have %d", len(kinds), len(kindsFound))
	}
}

func TestWhatIsNoSecret(t *testing.T) {
	for _, text := range []string{
		"postgres://USER:PASSWORD@HOST/DATABASE", "redis://localhost:6379", "http://127.0.0.1:3000/u/@x", "postgres://reko:secret@localhost/reko", "`postgres://%s:%s@h/db`",
		"client_id = 0123456789abcdef0123456789abcdef", "Authorization: Bearer KEY", `"sha512-` + strings.Repeat("a1B2", 20) + `"`, "reko_nonsense", "password := ask()",
		"\x00binary " + samples["private key"],
	} {
		if found := look("x", []byte(text)); len(found) != 0 {
			t.Errorf("%q: found %+v", text, found)
		}
	}
}

// What nobody has added yet is looked through as well, and the output has no secret.
func TestTreeHasNoSecret(t *testing.T) {
	file := "testdata-secret.txt"
	if err := os.WriteFile(file, []byte(samples["key of AWS"]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(file) })
	found, err := scan()
	if err != nil || len(found) != 1 || found[0].file != "scripts/secretscan/testdata-secret.txt" || found[0].line != 1 {
		t.Errorf("found %+v, %v; want the new file alone", found, err)
	}
}
