//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"reko.moe/internal/wait"
)

// terminal opens a terminal: what is written to one end is read at the other.
func terminal(t *testing.T) (near, far *os.File) {
	t.Helper()
	near, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		lacking(t, "terminals: "+err.Error())
	}
	t.Cleanup(func() { near.Close() })
	if err := unix.IoctlSetPointerInt(int(near.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(near.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	far, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return near, far
}

// On a terminal a password is asked for twice, and not shown.
func TestPasswordOnTerminal(t *testing.T) {
	for _, test := range []struct {
		first, second string
		fail          bool
		want          string
	}{
		{"see you space cowboy", "see you space cowboy", false, "spike can log in under /admin"},
		{"see you space cowboy", "see you space cowgirl", true, "these are two different passwords"},
	} {
		near, far := terminal(t)
		cmd := program(t, t.TempDir(), []string{"REKO_DB_URL=sqlite:reko.db"}, "admin", "set-password", "spike")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = far, far, far
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		far.Close()
		var mu sync.Mutex
		var shown bytes.Buffer // guarded by mu
		read := make(chan struct{})
		go func() {
			defer close(read)
			buf := make([]byte, 1024)
			for {
				n, err := near.Read(buf) // fails once the program has ended
				mu.Lock()
				shown.Write(buf[:n])
				mu.Unlock()
				if err != nil {
					return
				}
			}
		}()
		answer := func(prompt, password string) {
			t.Helper()
			wait.For(t, func() error {
				mu.Lock()
				defer mu.Unlock()
				if !strings.HasSuffix(shown.String(), prompt) {
					return fmt.Errorf("shown is %q, not yet %q", shown.String(), prompt)
				}
				settings, err := unix.IoctlGetTermios(int(near.Fd()), unix.TCGETS)
				if err == nil && settings.Lflag&unix.ECHO != 0 {
					err = errors.New("the terminal still shows what is typed")
				}
				return err
			})
			if _, err := near.WriteString(password + "\n"); err != nil {
				t.Fatal(err)
			}
		}
		answer("Password of spike: ", test.first)
		answer("Once more: ", test.second)
		err := cmd.Wait()
		<-read
		if text := shown.String(); (err != nil) != test.fail || !strings.Contains(text, test.want) || strings.Contains(text, "see you") {
			t.Errorf("%v, shown %q, want %q", err, text, test.want)
		}
	}
}
