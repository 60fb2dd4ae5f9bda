package main

import (
	"os"
	"regexp"
	"testing"
	"time"
)

// Whoever ends the program lets it finish first: the requests, then the lists that are being fetched, then what was counted.
func TestDeployedPatience(t *testing.T) {
	for file, pattern := range map[string]string{
		"../../deploy/reko.service": `(?m)^TimeoutStopSec=(\S+)$`,
		"../../compose.yaml":        `(?s)\n  reko:.*?\n    stop_grace_period: (\S+)\n`,
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(pattern).FindSubmatch(text)
		if found == nil {
			t.Errorf("%s does not say how long it waits", file)
			continue
		}
		if d, err := time.ParseDuration(string(found[1])); err != nil || d < 3*stopWithin {
			t.Errorf("%s waits for %s, %v, want at least %s", file, d, err, 3*stopWithin)
		}
	}
}
