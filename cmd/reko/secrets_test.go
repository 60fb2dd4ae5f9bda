package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"reko.moe/engine/mal/maltest"
	"reko.moe/handlers"
	"reko.moe/internal/locked"
)

// canary is a secret that nothing may print.
const canary = "CANARYcanary0123456789abcdefghijKLMNOP"

// sings checks that a text has no canary, however it is written.
func sings(t *testing.T, where, text string) {
	t.Helper()
	for _, form := range []string{canary, strings.ToLower(canary), url.QueryEscape(canary), base64.StdEncoding.EncodeToString([]byte(canary)), canary[:12], canary[20:]} {
		if strings.Contains(text, form) {
			t.Errorf("%s prints a secret: %.1000s", where, text)
		}
	}
}

// Whatever fails at the start, no secret is printed. Each of these fails.
func TestSecretsAreNotPrintedAtTheStart(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	two := write("two", canary+"\n"+canary+"\n")
	long := write("long", strings.Repeat(canary, 200))
	for name, env := range map[string][]string{
		"no database":                {"REKO_DB_URL=postgres://reko:" + canary + "@127.0.0.1:1/reko?connect_timeout=2"},
		"no such port":               {"REKO_DB_URL=postgres://reko:" + canary + "@127.0.0.1:port/reko"},
		"a password not encoded":     {"REKO_DB_URL=postgres://reko:a@b/" + canary + "@127.0.0.1:1/reko"},
		"a broken escape":            {"REKO_DB_URL=postgres://reko:%zz" + canary + "@127.0.0.1:1/reko"},
		"a hash within":              {"REKO_DB_URL=postgres://reko:x#" + canary + "@127.0.0.1:1/reko"},
		"an option that is none":     {"REKO_DB_URL=postgres://reko:" + canary + "@127.0.0.1:1/reko?sslmode=perhaps"},
		"a password as an option":    {"REKO_DB_URL=postgres://127.0.0.1:port/reko?password=" + canary},
		"no kind of database":        {"REKO_DB_URL=mysql://reko:" + canary + "@127.0.0.1/reko"},
		"a Redis without a port":     {"REKO_REDIS_URL=redis://reko:" + canary + "@127.0.0.1:port/0"},
		"no kind of Redis":           {"REKO_REDIS_URL=http://reko:" + canary + "@127.0.0.1/0"},
		"a short secret":             {"REKO_HTTP_SECRET=" + canary[:20]},
		"a MyAnimeList with a name":  {"REKO_MAL_URL=ftp://reko:" + canary + "@127.0.0.1/"},
		"a variable that is none":    {"REKO_MAL_SECRET=" + canary},
		"a file of two lines":        {"REKO_HTTP_SECRET=file:" + two},
		"a long file":                {"REKO_MAL_CLIENT_ID=file:" + long},
		"a database in a file":       {"REKO_DB_URL=file:" + write("db", "postgres://reko:"+canary+"@127.0.0.1:1/reko?connect_timeout=2\n")},
		"what is none in a file":     {"REKO_REDIS_URL=file:" + write("redis", "http://"+canary)},
		"a file that is not there":   {"REKO_HTTP_SECRET=file:" + filepath.Join(dir, "nowhere")},
		"a line that is none":        {"CONFIG=" + write("a.ini", "[mal]\nclient_id "+canary+"\n")},
		"a line that goes on":        {"CONFIG=" + write("b.ini", "[mal]\nclient_id =\n  "+canary+"\n")},
		"a key twice":                {"CONFIG=" + write("c.ini", "[mal]\nclient_id = "+canary+"\nclient_id = "+canary+"\n")},
		"a key in the wrong section": {"CONFIG=" + write("d.ini", "[db]\nclient_id = "+canary+"\n")},
		"a value before a section":   {"CONFIG=" + write("e.ini", "client_id = "+canary+"\n")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := []string{"check"}
			if file, ok := strings.CutPrefix(env[0], "CONFIG="); ok {
				args, env = append(args, "--config", file), nil
			}
			out, errs, err := printed(t, t.TempDir(), append(env, "REKO_LOG_LEVEL=debug"), args...)
			if err == nil {
				t.Error("it does not fail")
			}
			sings(t, name, out+errs)
		})
	}
}

// While it runs, secrets of the configuration and those that are sent are neither logged nor answered, whatever fails.
func TestSecretsAreNotPrintedLater(t *testing.T) {
	fake := maltest.Start(t, maltest.Lists{})
	fake.ClientID = canary
	down := func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		w.WriteHeader(http.StatusBadGateway)
		fmt.Fprint(w, r.Header) // as careless pages of errors do
	}
	var log locked.Buffer
	cfg := defaultConfig()
	cfg.Database, cfg.Jobs, cfg.Demo = "sqlite:"+t.TempDir()+"/reko.db", false, "true"
	cfg.MALURL, cfg.MALClient, cfg.MALRate, cfg.MALBurst, cfg.MALTimeout = fake.BaseURL, canary, 1e6, 1000, time.Second
	cfg.Redis, cfg.Secret = "redis://reko:"+canary+"@127.0.0.1:1/0", canary
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, cfg, ln, slog.New(handlers.LogHandler(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	}()
	address := "http://" + ln.Addr().String()
	await(t, address)
	answers := func(method, path string, header ...string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, address+path, strings.NewReader("{"))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var body bytes.Buffer
		if _, err := body.ReadFrom(res.Body); err != nil {
			t.Fatal(err)
		}
		sings(t, method+" "+path, fmt.Sprint(res.Header)+body.String())
	}
	for i, change := range []func(){func() {}, func() { fake.Fail("", 1000, down) }} {
		change()
		for _, path := range []string{"/api/nobody%d/similar", "/u/stranger%d", "/api/stats/nobody%d", "/metrics?%d", "/admin?%d", "/api/nobody%d/compare/other"} {
			answers("GET", fmt.Sprintf(path, i), "Authorization", "Bearer "+canary, "Cookie", "admin="+canary+"; session="+canary, "X-Token", canary)
		}
		answers("POST", "/api/recommendations", "Authorization", "Basic "+canary)
		answers("POST", "/admin/login", "Cookie", "admin="+canary)
	}
	cancel()
	if err := <-done; err != nil {
		sings(t, "the end", err.Error())
	}
	if text := log.String(); !strings.Contains(text, "msg=request") || !strings.Contains(text, "request failed") {
		t.Errorf("the log is not what it should be: %.500s", text)
	}
	sings(t, "the log", log.String())
}

func TestSecretsFromFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	for text, want := range map[string]string{canary: canary, canary + "\n": canary, "  " + canary + "\r\n": canary} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := loadConfig(os.DevNull, []string{"REKO_HTTP_SECRET=file:" + file, "REKO_MAL_CLIENT_ID=file:" + file})
		if err != nil || cfg.Secret != want || cfg.MALClient != want {
			t.Errorf("%q is read as %q and %q, %v", text, cfg.Secret, cfg.MALClient, err)
		}
	}
	if err := os.WriteFile(file, []byte("redis://redis/1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := loadConfig(writeINI(t, "[redis]\nurl = file:"+file+"\n"), nil)
	if err != nil || cfg.Redis != "redis://redis/1" {
		t.Errorf("Redis is %q, %v", cfg.Redis, err)
	}
}

func TestReadersOfTheConfigurationAreWarnedOf(t *testing.T) {
	for _, test := range []struct {
		text  string
		mode  os.FileMode
		warns bool
	}{
		{"[mal]\nclient_id = " + canary, 0o600, false},
		{"[mal]\nclient_id = " + canary, 0o400, false},
		{"[mal]\nclient_id = " + canary, 0o644, true},
		{"[mal]\nclient_id = " + canary, 0o640, true},
		{"[mal]\nclient_id = " + canary, 0o604, true},
		{"[http]\nsecret = " + canary, 0o644, true},
		{"[db]\nurl = postgres://reko:" + canary + "@db/reko", 0o644, true},
		{"[db]\nurl = postgres://db/reko", 0o644, false},
		{"[db]\nurl = sqlite:a@b.db", 0o644, false},
		{"[redis]\nurl = redis://:" + canary + "@redis/0", 0o644, true},
		{"[redis]\nurl = redis://redis/0", 0o644, false},
		{"[mal]\nclient_id = file:/run/secrets/mal", 0o644, false},
		{"[mal]\nclient_id =", 0o644, false},
		{"[http]\naddr = 127.0.0.1:1", 0o666, false},
	} {
		file := writeINI(t, test.text+"\n")
		if err := os.Chmod(file, test.mode); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		warnOfReaders(slog.New(slog.NewTextHandler(&log, nil)), file)
		if warns := log.Len() > 0; warns != test.warns || warns && (!strings.Contains(log.String(), file) || !strings.Contains(log.String(), "level=WARN")) {
			t.Errorf("%s of %q: %s", test.mode, test.text, log.String())
		}
		sings(t, "the warning", log.String())
	}
	warnOfReaders(slog.New(slog.DiscardHandler), "nowhere.ini")
}

// systemd and Docker say by other means who may read what they hand over.
func TestWhatIsHandedOverIsNotWarnedOf(t *testing.T) {
	for _, test := range []struct {
		credentials, file string
		want              bool
	}{
		{"/run/credentials/reko.service", "/run/credentials/reko.service/reko.ini", true}, {"/run/credentials/reko.service", "/run/credentials/other.service/reko.ini", false},
		{"", "reko.ini", false}, {".", "reko.ini", false}, {"", "/run/secrets/reko.ini", true}, {"", "/run/secrets/../reko.ini", false}, {"", "/etc/reko/reko.ini", false},
	} {
		t.Setenv("CREDENTIALS_DIRECTORY", test.credentials)
		if got := isHandedOver(test.file); got != test.want {
			t.Errorf("with credentials in %q, %s: %t", test.credentials, test.file, got)
		}
	}
	file := writeINI(t, "[mal]\nclient_id = "+canary+"\n")
	if err := os.Chmod(file, 0o440); err != nil { // as systemd's are, whose ACL lets the program alone read it
		t.Fatal(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", filepath.Dir(file))
	var log bytes.Buffer
	if warnOfReaders(slog.New(slog.NewTextHandler(&log, nil)), file); log.Len() > 0 {
		t.Errorf("%s", log.String())
	}
}

func TestContacts(t *testing.T) {
	for s, ok := range map[string]bool{
		"": true, "hello@example.org": true, "https://example.org/contact?a=b": true, "http://localhost/x": true,
		"javascript:alert(1)": false, "mailto:hello@example.org": false, "Hello <hello@example.org>": false, "hello": false, "https://": false, "a@b, c@d": false,
	} {
		var got string
		if err := contact(&got)(s); (err == nil) != ok || ok && got != s {
			t.Errorf("%q is taken as %q, %v", s, got, err)
		}
	}
}
