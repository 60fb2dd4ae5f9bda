package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"reko.moe/handlers/limit"
	"reko.moe/internal/wait"
)

// Instances over one Redis count together, and alone while it is gone; nobody notices but by what is left.
func TestInstancesShareLimits(t *testing.T) {
	redis := miniredis.RunT(t)
	instance := func() string {
		return start(t, func(cfg *config) {
			cfg.Redis, cfg.APILimit = "redis://"+redis.Addr()+"?read_timeout=10s", limit.Budget{Quota: 3, Window: time.Hour}
		})
	}
	one, other := instance(), instance()
	answers := func(url string, want ...int) {
		t.Helper()
		var got []int
		for range want {
			status, _ := get(url + "/api/version")
			got = append(got, status)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s answers %v, want %v", url, got, want)
		}
	}
	answers(one, 200, 200)
	answers(other, 200, 503)
	answers(one, 503)
	redis.Close()
	answers(one, 200, 200, 200, 503)
	answers(other, 200, 200, 200, 503)
	if err := redis.Restart(); err != nil {
		t.Fatal(err)
	}
	redis.FlushAll()
	for _, url := range []string{one, other} { // each finds out by itself, and the first grant tells
		wait.For(t, func() error {
			if status, _ := get(url + "/api/version"); status != 200 {
				return fmt.Errorf("%s does not know yet that Redis is back: %d", url, status)
			}
			return nil
		})
	}
	answers(one, 200)
	answers(other, 503)
	if status, _ := get(one + "/u"); status != 200 {
		t.Errorf("a page: %d", status)
	}
}
