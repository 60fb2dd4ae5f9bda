package handlers_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
)

// Whatever is done, keys, passwords and ids of sessions are neither in the log, nor in an address, nor in the store.
func TestSecretsStaySecret(t *testing.T) {
	a, _, b := startLoggedIn(t, nil)
	var headers strings.Builder
	keep := func(got answer) answer { fmt.Fprintln(&headers, got.header); return got }
	secrets := []string{adminPassword, "wrong password", "typed as a name", "password of faye", "another of faye", b.cookie(t, "admin")}

	page := keep(b.does(t, "/admin/keys", "name", "a program"))
	key := regexp.MustCompile(`reko_[A-Za-z0-9_-]{43}`).FindString(page.body)
	secrets = append(secrets, strings.TrimPrefix(key, "reko_"))
	for _, token := range []string{key, key[:len(key)-1] + "x", "reko_nonsense-that-is-none"} {
		keep(a.ask(t, http.MethodGet, "/api/stats/spike", "Authorization", "Bearer "+token))
	}
	keep(b.does(t, "/admin/keys/1/revoke"))
	keep(b.does(t, "/admin/admins", "admin", "faye", "password", "password of faye", "again", "password of faye", "own", adminPassword))
	keep(b.does(t, "/admin/admins/faye/password", "password", "another of faye", "again", "another of faye", "own", adminPassword))
	keep(b.does(t, "/admin/admins/faye/password", "password", "another of faye", "again", "wrong password"))
	keep(b.form(t, "/admin/admins", "admin", "ed", "password", "password of faye"))
	for _, path := range adminPages {
		keep(b.get(t, path))
	}
	stranger := newBrowser(t, strings.TrimPrefix(b.url, "http://"))
	for range 7 {
		keep(stranger.logIn(t, "faye", "wrong password"))
	}
	keep(stranger.logIn(t, "typed as a name", "wrong password"))
	token := stranger.token(t, "/admin/login")
	a.sqlExec(t, `DROP TABLE admin_sessions`) // failures quote nothing either
	for _, got := range []answer{
		b.get(t, "/admin"), stranger.form(t, "/admin/login", "token", token, "admin", adminName, "password", adminPassword),
		b.form(t, "/admin/admins", "admin", "ed", "password", "password of faye", "token", "x"),
	} {
		if keep(got); got.status != http.StatusInternalServerError {
			t.Errorf("without a store: %d", got.status)
		}
	}

	seen := map[string]string{"the log": a.log.text(), "headers": headers.String()}
	files, err := filepath.Glob(a.path + "*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		seen["the store "+filepath.Base(file)] = string(data)
	}
	if !strings.Contains(seen["the log"], "/admin/keys/1/revoke") || !strings.Contains(seen["headers"], fiber.HeaderCacheControl) {
		t.Error("the log and the headers are not what they should be")
	}
	for where, text := range seen {
		for _, secret := range secrets {
			if secret == "" || strings.Contains(text, secret) {
				t.Errorf("%s has %q", where, secret)
			}
		}
	}
}
