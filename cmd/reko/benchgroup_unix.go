//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// apart keeps the terminal's interrupt from a process: who started it stops it.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
