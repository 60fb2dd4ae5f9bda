package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"reko.moe/engine/jobs"
)

// Most of what is in memory lies there for as long as the program runs: users, profiles, lists. The garbage collector would by default
// wait for as much garbage as there is of that; here it waits for so much.
const (
	heapRoom  = 10 << 20
	leastGOGC = 10
	heapEvery = 250 * time.Millisecond
)

// boundGarbage sets how much garbage may gather, until ctx is done. GOGC in the environment is respected.
func boundGarbage(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	defer debug.SetGCPercent(100)
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	for was := 100; jobs.Wait(ctx, heapEvery); {
		metrics.Read(live)
		if percent := gcPercent(live[0].Value.Uint64()); percent != was {
			debug.SetGCPercent(percent)
			was = percent
		}
	}
}

// gcPercent is GOGC for so many bytes that are no garbage.
func gcPercent(live uint64) int {
	return int(min(max(100*heapRoom/max(live, 1), leastGOGC), 100))
}

// measuringGOGC is GOGC of a process that measures: its own garbage collector would take from the processors that it shares with the
// server.
const measuringGOGC = 400

// quietGarbage lets more garbage gather until restore is called. GOGC in the environment is respected.
func quietGarbage() (restore func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	was := debug.SetGCPercent(measuringGOGC)
	return func() { debug.SetGCPercent(was) }
}
