package db

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// giveUp lets the system close a connection when what was sent on it is not acknowledged.
func giveUp(_, _ string, conn syscall.RawConn) error {
	var err error
	failed := conn.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unheard.Milliseconds()))
	})
	if failed != nil {
		return failed
	}
	if err == unix.EOPNOTSUPP || err == unix.ENOPROTOOPT { // a local socket has no such time
		return nil
	}
	return err
}
