package main

import (
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// timerSlack is how much later than asked for the system may wake a thread that sleeps. The Go runtime has one that, while anything happens,
// sleeps for 20 µs at a time to look for goroutines that have run for 10 ms and for system calls that block. With what is usual, 50 µs, that
// takes a tenth of what the program takes and interrupts, on two processors, whoever is answering: see docs/performance.md. Timers of Go are
// exact to a millisecond anyway.
const timerSlack = time.Millisecond

// startedAgain is in the environment of a program that started itself again, until it looks.
const startedAgain = "STARTED_AGAIN_FOR_TIMER_SLACK"

// unhurried gives all threads of the program that timer slack. A thread has it from the one that made it, and the one it is for is made
// before main begins; but it outlasts the execution of another program, and so the program executes itself. Where that cannot be done
// nothing is changed, and where more was given to it already, that is left.
func unhurried() {
	_, again := os.LookupEnv(startedAgain)
	if _ = os.Unsetenv(startedAgain); again {
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	slack, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil || slack >= int(timerSlack) {
		return
	}
	self, err := os.Executable()
	if err != nil || unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack), 0, 0, 0) != nil {
		return
	}
	if err := syscall.Exec(self, os.Args, append(os.Environ(), startedAgain+"=1")); err != nil { //nolint:gosec // it is this program
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(slack), 0, 0, 0)
	}
}
