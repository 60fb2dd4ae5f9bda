package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version and commit are set by the linker; without it, they are those of the module or of the repository that it was built in.
var version, commit string

type versionCmd struct{}

// Run prints the version, and what it was built from and with.
func (versionCmd) Run() error {
	_, err := fmt.Printf("%s\ncommit %s\n%s %s/%s\n", versionText(), cmp.Or(commit, builtFrom(), "unknown"),
		runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// builtFrom returns the commit that the Go tool noted, empty if it noted none.
func builtFrom() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return ""
}

func versionText() string {
	if version != "" {
		return version
	}
	if revision := builtFrom(); revision != "" {
		return "devel-" + revision[:min(12, len(revision))]
	}
	info, ok := debug.ReadBuildInfo()
	switch {
	case !ok:
		return "unknown"
	case info.Main.Version == "" || info.Main.Version == "(devel)":
		return "devel"
	}
	return info.Main.Version
}
