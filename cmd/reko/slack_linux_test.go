package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test's own binary tells, when it is asked to, what it has come to. That is before [TestMain] and all tests.
func init() {
	if os.Getenv("REKO_TEST_SLACK") == "" {
		return
	}
	unhurried()
	_, again := os.LookupEnv(startedAgain)
	fmt.Println(os.Args[1:], again, slackOfThread())
	other := make(chan time.Duration)
	go func() {
		runtime.LockOSThread() // while the main goroutine has the main thread, as it has in init
		other <- slackOfThread()
	}()
	fmt.Println(<-other)
	os.Exit(0)
}

func slackOfThread() time.Duration {
	slack, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		panic(err)
	}
	return time.Duration(slack)
}

// All threads of the program have the slack, which those that are started with more keep, and it is started again once, as it was started.
func TestSlack(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	usual := slackOfThread()
	defer func() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(usual), 0, 0, 0) }()
	for _, test := range []struct{ given, want time.Duration }{
		{usual, max(usual, timerSlack)},
		{1, timerSlack},
		{timerSlack, timerSlack},
		{7 * time.Millisecond, 7 * time.Millisecond},
	} {
		if err := unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(test.given), 0, 0, 0); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), os.Args[0], "one", "two words")
		cmd.Env = append(os.Environ(), "REKO_TEST_SLACK=1")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		want := []string{"[one two words] false " + test.want.String(), test.want.String(), ""}
		if got := strings.Split(string(out), "\n"); err != nil || !slices.Equal(got, want) {
			t.Errorf("started with %v: %q, %v; want %q", test.given, got, err, want)
		}
	}
}
