package engine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// OpenShared opens a file of ../shared, relative to the root of the module. Where it is not there the test is skipped, but not
// in CI.
func OpenShared(t testing.TB, elem ...string) *os.File {
	t.Helper()
	name := filepath.Join(append([]string{"..", "..", "shared"}, elem...)...)
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("CI") == "" {
		t.Skipf("%s is not there", filepath.Join(append([]string{"..", "shared"}, elem...)...))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
