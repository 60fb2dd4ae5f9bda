//go:build !linux

package db

import "syscall"

// giveUp leaves it to probes to notice that a server is gone.
func giveUp(_, _ string, _ syscall.RawConn) error { return nil }
