package db_test

import (
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"reko.moe/db"
	"reko.moe/db/dbtest"
)

func TestSQLitePaths(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "here"), 0o750); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(dir, "here"))
	for _, test := range []struct{ path, file string }{ // file is relative to dir
		{"reko.db", "here/reko.db"},
		{"data/reko.db", "here/data/reko.db"},
		{"./data/other.db", "here/data/other.db"},
		{"../beside.db", "beside.db"},
		{"a/b/c/reko.db", "here/a/b/c/reko.db"},
		{"no-suffix", "here/no-suffix"},
		{dir + "/absolute.db", "absolute.db"},
		{"//" + dir + "/double//slashes.db", "double/slashes.db"},
		{dir + "/with space/a b.db", "with space/a b.db"},
		{"what?.db", "here/what?.db"},
		{"what?mode=memory", "here/what?mode=memory"},
		{"number#1.db", "here/number#1.db"},
		{"per%20cent%.db", "here/per%20cent%.db"},
		{"a&b=c+d;e.db", "here/a&b=c+d;e.db"},
		{"co:lon.db", "here/co:lon.db"},
		{"file:x.db", "here/file:x.db"},
		{`quo"te'.db`, `here/quo"te'.db`},
		{"アニメ🚀.db", "here/アニメ🚀.db"},
	} {
		t.Run(test.path, func(t *testing.T) {
			u := dbtest.User(t, "spike", 3)
			s := dbtest.Open(t, "sqlite:"+test.path)
			if _, err := s.SaveUser(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(filepath.Join(dir, test.file)); err != nil || info.Size() == 0 {
				t.Errorf("the file is not there: %v", err)
			}
			if _, err := dbtest.Open(t, "sqlite:"+test.path).User(t.Context(), u.Name); err != nil {
				t.Error(err)
			}
		})
	}
}

// What is in the database is for nobody else on the machine.
func TestSQLiteFileIsPrivate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "reko.db")
	s := dbtest.Open(t, "sqlite:"+file)
	if _, err := s.SaveUser(t.Context(), dbtest.User(t, "spike", 3)); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if info, err := os.Stat(file + suffix); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("reko.db%s: %v, %v", suffix, info.Mode(), err)
		}
	}
}

func TestOpenFails(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("This is no database. ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ url, want string }{
		{"", "neither sqlite: nor postgres://"},
		{"reko.db", "neither sqlite: nor postgres://"},
		{"mysql://localhost/reko", "neither sqlite: nor postgres://"},
		{"sqlite:", "path of a file"},
		{"sqlite::memory:", "path of a file"},
		{"sqlite:" + dir, dir},
		{"sqlite:" + text, text + ": file is not a database"},
		{"sqlite:" + text + "/reko.db", "not a directory"},
		{"postgres://127.0.0.1:1/reko?connect_timeout=5", "refused"},
		{"postgres://127.0.0.1/reko?sslmode=sometimes", "sslmode"},
		{"postgres://127.0.0.1/reko?pool_max_conns=some", "pool_max_conns"},
	} {
		s, err := db.Open(t.Context(), db.Options{URL: test.url})
		if s != nil || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Open(%q) = %v, %v, want an error with %q", test.url, s, err, test.want)
		}
	}
}

func TestReadOnlyFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if f, err := os.CreateTemp(dir, "probe"); err == nil { // by root
		_ = f.Close()
		if dir = "/proc"; runtime.GOOS != "linux" {
			t.Skip("no folder is read-only to this user")
		}
	}
	for path, want := range map[string]string{"reko.db": "no file can be made beside it: open " + dir, "data/reko.db": "mkdir " + dir} {
		_, err := db.Open(t.Context(), db.Options{URL: "sqlite:" + dir + "/" + path})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%s/%s) = %v, want %q", dir, path, err, want)
		}
	}
}

// TestPasswordsStaySecret opens what cannot be opened, with passwords that are not percent-encoded as they should be.
func TestPasswordsStaySecret(t *testing.T) {
	const first, last = "hunter", "twotwo"
	var urls []string
	for _, special := range []string{"", "/", "?", "#", "@", ":", "%", "%zz", " ", "[", "]", "\\", "&", "=", "'", "12/", "1@2/", "\x00", "\n"} {
		for _, password := range []string{first + special + last, special + first + last, "12" + special + last, first + last + special} {
			urls = append(urls,
				"postgres://reko:"+password+"@127.0.0.1:1/reko?connect_timeout=5",
				"postgresql://reko:"+password+"@127.0.0.1:port/reko",
				"postgres://reko:"+password+"@127.0.0.1:1/reko?sslmode=sometimes",
				"postgres://reko:"+password+"@127.0.0.1:1/reko?pool_max_conns=x",
				"postgres://reko:"+password+"@[::1/reko",
			)
		}
	}
	urls = append(urls,
		"postgres://127.0.0.1:1/reko?user=reko&password="+first+last,
		"postgres://127.0.0.1:1/reko?user=reko&sslmode=x&password="+first+last,
		"postgres://reko@127.0.0.1:x/reko?password="+first+last,
	)
	for _, u := range urls {
		s, err := db.Open(t.Context(), db.Options{URL: u})
		if s != nil || err == nil {
			t.Fatalf("Open(%q) succeeds", u)
		}
		if text := err.Error(); strings.Contains(text, first) || strings.Contains(text, last) {
			t.Errorf("Open(%q) tells: %s", u, text)
		}
	}
}

func TestWrongPasswordStaysSecret(t *testing.T) {
	right, err := url.Parse(dbtest.Postgres(t))
	if err != nil {
		t.Fatal("REKO_TEST_POSTGRES is not a URL")
	}
	right.User = url.UserPassword("reko_nobody", "hunter/twotwo")
	if _, err = db.Open(t.Context(), db.Options{URL: right.String()}); err == nil {
		t.Skip("this server asks for no password")
	}
	if text := err.Error(); strings.Contains(text, "hunter") || strings.Contains(text, "twotwo") {
		t.Error("Open tells:", text)
	}
}
