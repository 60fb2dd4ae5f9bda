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
	p := &process{cmd: program(t, t.TempDir(), env), gone: make(chan struct{})}
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
		lines := bufio.NewScanner(log)
		for lines.Scan() {
			if _, rest, ok := strings.Cut(lines.Text(), " url="); ok && strings.Contains(lines.Text(), "msg=serving") {
				listening <- strings.Fields(rest)[0]
			}
		}
		_, _ = io.Copy(io.Discard, log)
		p.err = p.cmd.Wait()
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
