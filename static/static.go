// Package static has the files that browsers load, embedded.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io"
	"path"
	"sync"

	"github.com/andybalholm/brotli"
)

// Files are the files by their names.
//
//go:embed *.css *.js *.woff2 *.svg *.webmanifest
var Files embed.FS

// File is a file that browsers load. It is immutable, hence safe for concurrent use.
type File struct {
	Type string // media type
	Hash string // changes whenever the file does; part of its address, so that browsers may keep it for a year
	Data []byte

	brotli, gzip func() []byte // nil where the file is compressed already
}

// types are the media types of files, by the ends of their names. Those that are text can be compressed.
var types = map[string]struct {
	name string
	text bool
}{
	".css":         {"text/css; charset=utf-8", true},
	".js":          {"text/javascript; charset=utf-8", true},
	".svg":         {"image/svg+xml", true},
	".webmanifest": {"application/manifest+json", true},
	".woff2":       {"font/woff2", false},
}

// files are the files by their names. What stylesheets refer to goes first: they have its address, and so its hash.
var files = func() map[string]*File {
	entries, err := Files.ReadDir(".")
	if err != nil {
		panic(err) // embedded files can be read
	}
	files := make(map[string]*File, len(entries))
	add := func(name string) {
		data, err := Files.ReadFile(name)
		if err != nil {
			panic(err)
		}
		if path.Ext(name) == ".css" {
			for other, f := range files {
				data = bytes.ReplaceAll(data, []byte("url("+other+")"), []byte("url(../"+f.Hash+"/"+other+")"))
			}
		}
		files[name] = newFile(name, data)
	}
	for _, sheets := range []bool{false, true} {
		for _, e := range entries {
			if sheet := path.Ext(e.Name()) == ".css"; sheet == sheets {
				add(e.Name())
			}
		}
	}
	return files
}()

func newFile(name string, data []byte) *File {
	sum := sha256.Sum256(data)
	kind := types[path.Ext(name)]
	f := &File{Type: kind.name, Hash: hex.EncodeToString(sum[:8]), Data: data}
	if kind.text {
		f.brotli = packed(data, func(w io.Writer) io.WriteCloser { return brotli.NewWriterLevel(w, brotli.BestCompression) })
		f.gzip = packed(data, func(w io.Writer) io.WriteCloser {
			z, _ := gzip.NewWriterLevel(w, gzip.BestCompression) // fails for other levels
			return z
		})
	}
	return f
}

// packed compresses data when it is first asked for, as well as it can be done: that takes a twentieth of a second, once.
func packed(data []byte, to func(io.Writer) io.WriteCloser) func() []byte {
	return sync.OnceValue(func() []byte {
		var b bytes.Buffer
		w := to(&b)
		_, err := w.Write(data)
		if err := w.Close(); err != nil {
			panic(err) // a buffer takes all
		}
		if err != nil {
			panic(err)
		}
		return bytes.Clone(b.Bytes())
	})
}

// Find returns the file of that name.
func Find(name string) (f *File, ok bool) {
	f, ok = files[name]
	return f, ok
}

// Packs tells whether the file can be had compressed.
func (f *File) Packs() bool { return f.brotli != nil }

// Brotli returns the file compressed, if it [File.Packs]. Read-only.
func (f *File) Brotli() []byte { return f.brotli() }

// Gzip returns the file compressed, if it [File.Packs]. Read-only.
func (f *File) Gzip() []byte { return f.gzip() }

// Path is the address of a file that there is.
func Path(name string) string { return "/static/" + files[name].Hash + "/" + name }
