package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// Whatever a configuration file says: a line that is nothing is found with its number, no mistake quotes a secret, and what is valid means
// the same in the environment.
func FuzzConfig(f *testing.F) {
	for _, text := range []string{
		"[http]\naddr = 1:2\n", "[a\n=\n[]\n b\n[DEFAULT]\nx=1\n[]=", "[limits]\napi = 5/1s ; five\npages=off\n[log]\nlevel = debug\naddresses=none\n",
		"[http]\npublic_url = https://reko.test/\ntrusted_proxies = 10.0.0.0/8, ::ffff:192.0.2.0/120,::1\ncontact = a@b.test\ndrain = 0s\n[recommend]\nexclude = 21 22,23\norder = classic\n",
		"[mal]\nrate = 0x1p-3\nburst = 1_000\nclient_id = %(rate)s\n[mal]\nrate=2\n", "# x\r\n; y\r\n[memory]\r\nlists = 1\r\n", "[trace]\nendpoint = http://[::1]:4318\nsample = .5\n[redis]\nurl = redis://:p@h/1\n",
		"[http]\naddr : 1:2\n\tgoes on\n", "[http\x00]\naddr = \xff\n", "\ufeff[http]\n", "[http] x\naddr=:0\n", "[mal]\nprobe_user =\n", "[demo]\nenabled=true\n[jobs]\nenabled=no\ntrain=1h30m\n[privacy]\ndays=0\n[admin]\nidle=2h\n[lists]\nmax_age=1m\n",
	} {
		f.Add(text)
	}
	file := filepath.Join(f.TempDir(), "reko.ini")
	load := func(t *testing.T, text string, environ ...string) (config, error) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return loadConfig(file, environ)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "file:") {
			return // would read it
		}
		_, err := load(t, text+"\nnonsense\n"+text)
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("line %d is neither", strings.Count(text, "\n")+2)) {
			t.Errorf("loadConfig = %v", err)
		}
		_, err = load(t, text+"\n[db]\nurl = mysql://reko:hunter2@h/reko\n[redis]\nurl = rediss//:hunter2@h\n[mal]\nurl = ftp://reko:hunter2@h\nhunter2\n")
		if err == nil || strings.Contains(err.Error(), "hunter2") && !strings.Contains(text, "hunter2") {
			t.Errorf("loadConfig = %v", err)
		}
		cfg, err := load(t, text)
		if err != nil {
			return
		}
		given, mistakes := readINI(file, cfg.settings())
		if len(mistakes) > 0 {
			t.Fatalf("loaded in spite of %v", mistakes)
		}
		var environ []string
		for _, s := range cfg.settings() {
			if value, ok := given[s.section+"."+s.key]; ok {
				if value == "" && s.value != "" {
					return // an empty variable is none
				}
				environ = append(environ, envName(s)+"="+value)
			}
		}
		if same, err := loadConfig(os.DevNull, environ); err != nil || !reflect.DeepEqual(same, cfg) {
			t.Errorf("%q means %+v\nand %+v, %v", environ, same, cfg, err)
		}
	})
}
