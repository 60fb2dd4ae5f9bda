// Package static has the files that browsers load, embedded.
package static

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
)

// Files are the files by their names.
//
//go:embed *.css *.js *.woff2 *.svg *.webmanifest
var Files embed.FS

// Version changes whenever a file does. It is part of their addresses, so that browsers may keep them for a year.
var Version = func() string {
	sum := sha256.New()
	err := fs.WalkDir(Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := Files.ReadFile(name)
		sum.Write([]byte(name))
		sum.Write(data)
		return err
	})
	if err != nil {
		panic(err) // embedded files can be read
	}
	return hex.EncodeToString(sum.Sum(nil)[:5])
}()

// Path is the address of a file.
func Path(name string) string { return "/static/" + Version + "/" + name }
