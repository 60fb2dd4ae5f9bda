// Command binary checks what is delivered: that the program named is static, under so many megabytes, and says the version and the
// commit that it is of.
//
//	go run ./scripts/binary bin/reko 40
package main

import (
	"context"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: binary FILE MEGABYTES")
		os.Exit(2)
	}
	if err := check(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "binary:", err)
		os.Exit(1)
	}
}

func check(name, megabytes string) error {
	most, err := strconv.ParseInt(megabytes, 10, 64)
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if info.Size() >= most*1e6 {
		return fmt.Errorf("%s has %d bytes, and has to stay under %d MB", name, info.Size(), most)
	}
	if err := static(name); err != nil {
		return err
	}
	ctx := context.Background()
	commit, err := exec.CommandContext(ctx, "git", "rev-parse", "HEAD").Output()
	if err != nil {
		return fmt.Errorf("git rev-parse: %w", err)
	}
	said, err := exec.CommandContext(ctx, name, "version").Output()
	if err != nil {
		return fmt.Errorf("%s version: %w", name, err)
	}
	lines := strings.Split(string(said), "\n")
	if want := "commit " + strings.TrimSpace(string(commit)); len(lines) < 2 || lines[0] == "" || lines[1] != want {
		return fmt.Errorf("%s version says %q, want a version and then %q", name, said, want)
	}
	fmt.Printf("%s: %.1f MB, static, %s\n", name, float64(info.Size())/1e6, lines[0])
	return nil
}

// static refuses a program that wants a loader or libraries to be there. Programs of other systems are taken as they are.
func static(name string) error {
	f, err := elf.Open(name)
	if err != nil {
		return nil // not Linux
	}
	defer f.Close()
	libraries, err := f.ImportedLibraries()
	if err != nil {
		return err
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is not static: it has a loader", name)
		}
	}
	if len(libraries) > 0 {
		return fmt.Errorf("%s is not static: it needs %v", name, libraries)
	}
	return nil
}
