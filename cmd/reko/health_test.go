package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealthCommand(t *testing.T) {
	well := start(t, nil)
	starting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
		}
	}))
	defer starting.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	nobody := httptest.NewServer(nil)
	nobody.Close()

	addr := strings.TrimPrefix(well, "http://")
	for _, test := range []struct {
		env, args string
		fail      bool
		want      string
	}{
		{"REKO_HTTP_ADDR=" + addr, "health", false, "ok\n"},
		{"REKO_HTTP_ADDR=" + addr, "health --ready", false, "ready\n"},
		{"REKO_HTTP_ADDR=" + strings.Replace(addr, "127.0.0.1", "0.0.0.0", 1), "health", false, "ok\n"},
		{"X=", "health --url " + well + "/", false, "ok\n"},
		{"X=", "health --url " + addr, false, "ok\n"},
		{"X=", "health --url " + starting.URL, false, "\n"},
		{"X=", "health --ready --url " + starting.URL, true, "reko: 503 Service Unavailable: not ready"},
		{"X=", "health --url http://" + silent.Addr().String() + " --timeout 100ms", true, "reko: no answer within 100ms"},
		{"X=", "health --url " + nobody.URL, true, "refused"},
		{"REKO_HTTP_ADDR=nonsense", "health", true, "REKO_HTTP_ADDR"},
		{"REKO_HTTP_ADDR=nonsense", "health --url " + well, false, "ok\n"}, // asks no configuration
	} {
		out, err := program(t, t.TempDir(), []string{test.env}, strings.Fields(test.args)...).CombinedOutput()
		if (err != nil) != test.fail || !strings.Contains(string(out), test.want) {
			t.Errorf("%s reko %s: %v, printed %q, want %q", test.env, test.args, err, out, test.want)
		}
	}
}

func TestLocalURL(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:3000": "http://127.0.0.1:3000", "0.0.0.0:80": "http://127.0.0.1:80", ":80": "http://127.0.0.1:80", "[::]:80": "http://[::1]:80",
		"[::1]:80": "http://[::1]:80", "reko.internal:3000": "http://reko.internal:3000", "10.1.2.3:1": "http://10.1.2.3:1",
	} {
		if got, err := localURL(addr); got != want || err != nil {
			t.Errorf("localURL(%q) = %q, %v, want %q", addr, got, err, want)
		}
	}
}
