package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// process is the server as a process of its own.
type process struct {
	url  string
	cmd  *exec.Cmd
	gone chan struct{} // closed when it has ended
	err  error         // of its end
}

// startProcess runs the server as a process until the test ends, and returns once it has its users in memory.
func startProcess(t *testing.T, env []string) *process {
	t.Helper()
	p := &process{cmd: detected(program(t, t.TempDir(), env)), gone: make(chan struct{})} // a server does much at once
	p.cmd.Env = append(p.cmd.Env, "GORACE=halt_on_error=1 "+os.Getenv("GORACE"))
	log, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	listening := make(chan string, 1)
	go func() {
		defer close(p.gone)
		var race strings.Builder
		lines := bufio.NewScanner(log)
		for lines.Scan() {
			if race.Len() > 0 || strings.Contains(lines.Text(), "DATA RACE") {
				race.WriteString(lines.Text() + "\n")
			}
			if _, rest, ok := strings.Cut(lines.Text(), " url="); ok && strings.Contains(lines.Text(), "msg=serving") {
				listening <- strings.Fields(rest)[0]
			}
		}
		_, _ = io.Copy(io.Discard, log)
		p.err = p.cmd.Wait()
		if race.Len() > 0 {
			t.Error(race.String())
		}
	}()
	t.Cleanup(func() { _ = p.end(os.Kill) })
	select {
	case p.url = <-listening:
	case <-p.gone:
		t.Fatal("the server ended at its start")
	}
	return p
}

// end sends a signal, waits for the end, and returns how that was.
func (p *process) end(signal os.Signal) error {
	_ = p.cmd.Process.Signal(signal) // it may have ended
	<-p.gone
	return p.err
}
