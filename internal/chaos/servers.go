package chaos

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"reko.moe/internal/wait"
)

// Server is a server process of the test's own, that can be stopped and started again.
type Server struct {
	URL  string
	Addr string // host:port

	t     testing.TB
	stop  syscall.Signal // to which it ends at once
	args  []string
	as    *syscall.SysProcAttr
	ready func() error
	cmd   *exec.Cmd // nil: stopped
}

// Start starts the server, and returns when it answers.
func (s *Server) Start() {
	s.t.Helper()
	s.cmd = exec.Command(s.args[0], s.args[1:]...) //nolint:noctx // it outlives what starts it
	s.cmd.SysProcAttr = s.as
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	wait.For(s.t, s.ready)
}

// Stop ends the server, whoever is connected, and returns when it is gone.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(s.stop)
	_ = s.cmd.Wait() // not 0 after a signal
	s.cmd = nil
}

// missing skips a test for want of a program, and under CI fails it.
func missing(t testing.TB, what string) {
	t.Helper()
	if ci := cmp.Or(os.Getenv("CI"), "0"); ci != "0" && ci != "false" {
		t.Fatal(what + " is not installed, and under CI nothing is skipped")
	}
	t.Skip(what + " is not installed")
}

// Redis starts a Redis on a free port that ends with the test.
func Redis(t testing.TB) *Server {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		missing(t, "redis-server")
	}
	addr := "127.0.0.1:" + strconv.Itoa(FreePort(t))
	_, port, _ := net.SplitHostPort(addr)
	s := &Server{
		URL: "redis://" + addr + "/0", Addr: addr, t: t, stop: syscall.SIGKILL,
		args: []string{bin, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", t.TempDir()},
		as:   &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
		ready: func() error {
			conn, err := new(net.Dialer).DialContext(context.WithoutCancel(t.Context()), "tcp", addr)
			if err != nil {
				return err
			}
			return conn.Close()
		},
	}
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// Postgres makes a cluster and starts a Postgres on a free port that ends with the test. Unlike the one that other tests share, it
// writes to the disk what it has committed, unless a setting (name=value) says otherwise.
func Postgres(t testing.TB, settings ...string) *Server {
	t.Helper()
	bin := postgresBin()
	if bin == "" {
		missing(t, "PostgreSQL")
	}
	dir, err := os.MkdirTemp("/tmp", "reko-chaos-") //nolint:usetesting // the path of a socket must be short, and another user writes there
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	as, err := notRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "pg")
	initdb := exec.CommandContext(t.Context(), filepath.Join(bin, "initdb"), "--pgdata="+data, "--username=reko", "--auth=trust",
		"--no-locale", "--encoding=UTF8", "--no-sync")
	initdb.SysProcAttr = as
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	addr := "127.0.0.1:" + strconv.Itoa(FreePort(t))
	_, port, _ := net.SplitHostPort(addr)
	s := &Server{
		URL: "postgres://reko@" + addr + "/postgres?sslmode=disable", Addr: addr, t: t, stop: syscall.SIGQUIT, as: as,
		args: []string{filepath.Join(bin, "postgres"), "-D", data, "-c", "listen_addresses=127.0.0.1", "-c", "port=" + port,
			"-c", "unix_socket_directories=" + dir, "-c", "log_min_messages=panic"},
	}
	for _, setting := range settings {
		s.args = append(s.args, "-c", setting)
	}
	s.ready = func() error {
		ctx := context.WithoutCancel(t.Context())
		conn, err := pgx.Connect(ctx, s.URL)
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	}
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// Connections counts who is connected to a Postgres, beside who asks.
func (s *Server) Connections() (n int) {
	s.t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.URL)
	if err == nil {
		defer conn.Close(ctx)
		err = conn.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`).Scan(&n)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// postgresBin is the folder of the newest PostgreSQL's programs, as in scripts/lib.sh; empty: there is none.
func postgresBin() string {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.Sort(dirs)
	if path, err := exec.LookPath("initdb"); err == nil {
		dirs = append([]string{filepath.Dir(path)}, dirs...)
	}
	for _, dir := range slices.Backward(dirs) {
		if _, err := os.Stat(filepath.Join(dir, "postgres")); err == nil {
			return dir
		}
	}
	return ""
}

// notRoot gives dir to a user that PostgreSQL agrees to run as, since it refuses root.
func notRoot(dir string) (*syscall.SysProcAttr, error) {
	as := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Geteuid() != 0 {
		return as, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err := errors.Join(err, err2); err != nil {
			return nil, err
		}
		as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return as, os.Chown(dir, uid, gid)
	}
	return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no other user")
}
