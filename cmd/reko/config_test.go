package main

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"reko.moe/engine"
	"reko.moe/handlers/limit"
)

// The example says what holds without it, and names every key.
func TestExampleIsComplete(t *testing.T) {
	const example = "../../reko.example.ini"
	got, err := loadConfig(example, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := defaultConfig(); !reflect.DeepEqual(got, want) {
		t.Errorf("the example configures %+v, want the defaults %+v", got, want)
	}
	var cfg config
	given, _ := readINI(example, cfg.settings())
	for _, s := range cfg.settings() {
		if _, ok := given[s.section+"."+s.key]; !ok {
			t.Errorf("the example has no [%s] %s", s.section, s.key)
		}
	}
}

// Who configures nothing is not open to strangers.
func TestDefaultsAreHardened(t *testing.T) {
	cfg := defaultConfig()
	if at, err := netip.ParseAddrPort(cfg.Addr); err != nil || !at.Addr().IsLoopback() {
		t.Errorf("it listens on %s", cfg.Addr)
	}
	if len(cfg.TrustedProxies) > 0 || cfg.LogAddresses == "full" || cfg.LogLevel < slog.LevelInfo || cfg.PrivacyDays > 30 {
		t.Errorf("believed are %v, addresses are logged %q at %s and kept for %d days", cfg.TrustedProxies, cfg.LogAddresses, cfg.LogLevel, cfg.PrivacyDays)
	}
	for name, b := range map[string]limit.Budget{"api": cfg.APILimit, "pages": cfg.PagesLimit, "costly": cfg.CostlyLimit, "uploads": cfg.UploadsLimit, "logins": cfg.LoginsLimit} {
		if b.Quota == 0 {
			t.Errorf("%s have no limit", name)
		}
	}
	if cfg.AdminIdle > 30*time.Minute || cfg.AdminSession > 12*time.Hour { // ASVS 3.3.2
		t.Errorf("a login lasts for %s, without use for %s", cfg.AdminSession, cfg.AdminIdle)
	}
	for _, s := range cfg.settings() { // no secret comes with the program
		if isSecret(s.section, s.key, s.value) {
			t.Errorf("[%s] %s is %q", s.section, s.key, s.value)
		}
	}
}

// A field without a key could not be configured.
func TestEveryFieldHasAKey(t *testing.T) {
	var cfg config
	if got, want := len(cfg.settings()), reflect.TypeFor[config]().NumField(); got != want {
		t.Errorf("there are %d keys for %d fields", got, want)
	}
}

func writeINI(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "reko.ini")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestConfigFromFileAndEnvironment(t *testing.T) {
	file := writeINI(t, `
[http]
addr = 0.0.0.0:80   ; all addresses
trusted_proxies = 10.1.2.3/8, 192.0.2.1 2001:db8::1, ::ffff:172.16.3.4/108, ::ffff:192.0.2.2
[db]
url = postgres://reko:p%40ss;word#1@db/reko?sslmode=disable
[mal]
client_id=abc
rate = 2.5
[lists]
max_age = 7h
[recommend]
exclude = 21, 5,1535
[redis]
url = rediss://reko:p@redis:6380/2
[limits]
pages = 5/90s
logins = off
[log]
level = debug
`)
	// What is empty in the environment is as if it were not there.
	cfg, err := loadConfig(file, []string{"REKO_LISTS_MAX_AGE=90m", "REKO_MAL_CLIENT_ID=", "REKO_DB_URL= ", "REKO_HTTP_TIMEOUT=", "PATH=/bin", "REKO_TEST_POSTGRES=x"})
	if err != nil {
		t.Fatal(err)
	}
	want := defaultConfig()
	want.Addr = "0.0.0.0:80"
	want.Database = "postgres://reko:p%40ss;word#1@db/reko?sslmode=disable"
	for _, p := range []string{"10.0.0.0/8", "192.0.2.1/32", "2001:db8::1/128", "172.16.0.0/12", "192.0.2.2/32"} {
		want.TrustedProxies = append(want.TrustedProxies, netip.MustParsePrefix(p))
	}
	want.Redis = "rediss://reko:p@redis:6380/2"
	want.PagesLimit, want.LoginsLimit = limit.Budget{Quota: 5, Window: 90 * time.Second}, limit.Budget{}
	want.MALClient, want.MALRate = "abc", 2.5
	want.MaxAge = 90 * time.Minute
	want.Exclude = []engine.AnimeID{21, 5, 1535}
	want.LogLevel = slog.LevelDebug
	if !reflect.DeepEqual(cfg, want) {
		t.Errorf("got  %+v\nwant %+v", cfg, want)
	}
}

func TestConfigReportsAllMistakes(t *testing.T) {
	file := writeINI(t, `
stray = 1
[http]
addr = nowhere
trusted_proxies = 10.0.0.0/8, everybody
colour = red
what is this
[mal]
rate = -1
url = ftp://x
burst = 0
timeout = soon
timeout = 1ms
[db]
url = mysql://root:secret@db/x
[redis]
url = postgres://reko:secret@db/x
[limits]
api = many
[recommend]
order = best
exclude = 21, x
[jobs]
enabled = maybe
[demo]
enabled = sometimes
[log]
level = loud
format = xml
[cache]
size = 1
`)
	_, err := loadConfig(file, []string{"REKO_MEMORY_LISTS=lots", "REKO_HTTP_PORT=1"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		": line 2: stray stands before the first [section]",
		`: [http] addr: "nowhere" is not HOST:PORT`,
		": [http] colour: unknown key",
		`: [http] trusted_proxies: "everybody" is no address or network`,
		": [redis] url: is not redis://USER",
		`: [limits] api: "many" is neither off nor REQUESTS/TIME`,
		`: line 7 is neither [section] nor key = value`,
		`: [mal] rate: "-1" is no number`,
		`: [mal] url: "ftp://x" is no http:// or https:// address`,
		`: [mal] burst: "0" is no whole number in 1..1000`,
		": [mal] timeout: is there twice, again in line 13",
		`: [mal] timeout: "soon" is no duration`,
		": [db] url: is neither sqlite:PATH nor postgres://",
		`: [recommend] order: "best" is no order; there are taste and classic`,
		`: [recommend] exclude: "x" is no anime id`,
		`: [jobs] enabled: "maybe" is neither true nor false`,
		`: [demo] enabled: "sometimes" is not one of auto, true, false`,
		`: [log] level: "loud" is not debug, info, warn or error`,
		`: [log] format: "xml" is not one of text, json`,
		": [cache] size: unknown key",
		`environment: REKO_MEMORY_LISTS: "lots" is no whole number`,
		"environment: REKO_HTTP_PORT: unknown key",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("not reported: %s", want)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Error("a password is printed")
	}
	if t.Failed() {
		t.Log(err)
	}
}

func TestConfigFileThatIsNotThere(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := loadConfig("", nil); err != nil {
		t.Errorf("without reko.ini: %v", err)
	}
	if _, err := loadConfig("other.ini", nil); err == nil {
		t.Error("a named file may be missing")
	}
	if err := os.WriteFile("reko.ini", []byte("[http]\naddr = 127.0.0.1:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := loadConfig("", nil)
	if err != nil || cfg.Addr != "127.0.0.1:1" {
		t.Errorf("addr = %q, %v; want that of reko.ini", cfg.Addr, err)
	}
}

// A network of IPv6 with all of IPv4 in it and more would be half of what it says.
func TestProxiesOfBothKindsAreRefused(t *testing.T) {
	_, err := loadConfig(writeINI(t, "[http]\ntrusted_proxies = ::ffff:0:0/95\n"), nil)
	if err == nil || !strings.Contains(err.Error(), `"::ffff:0:0/95" is neither IPv4 nor IPv6`) {
		t.Errorf("loadConfig = %v, want it to refuse the network", err)
	}
}
