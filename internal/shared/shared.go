// Package shared opens the real data that lies beside a checkout, in ../shared, for tests. It is no part of the project: where
// it is not there, tests that ask for it are skipped, but not in CI, where that would go unnoticed.
package shared

import (
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Open opens a file: Open(t, "data", "anime.csv.gz"). It is closed when the test ends.
func Open(t testing.TB, elem ...string) *os.File {
	t.Helper()
	name := filepath.Join(append([]string{"..", "shared"}, elem...)...)
	f, err := os.Open(filepath.Join(root(t), name))
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("CI") == "" {
		t.Skipf("%s is not there", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// Gunzip opens a compressed file and reads what is in it.
func Gunzip(t testing.TB, elem ...string) io.Reader {
	t.Helper()
	r, err := gzip.NewReader(Open(t, elem...))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Read returns what is in a file.
func Read(t testing.TB, elem ...string) []byte {
	t.Helper()
	data, err := io.ReadAll(Open(t, elem...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// root is the folder of the module, in one of whose packages the test runs.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no module above the test")
		}
		dir = filepath.Dir(dir)
	}
}
