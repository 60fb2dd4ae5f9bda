package main

import (
	"fmt"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"reko.moe/internal/wait"
)

// Beside a running server that keeps as many uploaded lists as it may, those that came before a day are deleted on the command line.
func TestRemoveUploadsCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	url := start(t, func(cfg *config) { cfg.Database, cfg.Uploads = "sqlite:"+filepath.Join(dir, "reko.db"), 1 })
	list, err := os.ReadFile(export(t, 20))
	if err != nil {
		t.Fatal(err)
	}
	upload := func() (int, string) {
		t.Helper()
		var body strings.Builder
		form := multipart.NewWriter(&body)
		w, err := form.CreateFormFile("file", "list.xml.gz")
		if err == nil {
			_, err = w.Write(list)
		}
		if err != nil || form.Close() != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/import", strings.NewReader(body.String()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", form.FormDataContentType())
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode, resp.Header.Get("Location")
	}
	remove := func(want string, args ...string) {
		t.Helper()
		out, errs, err := printed(t, dir, []string{"REKO_DB_URL=sqlite:reko.db"}, append([]string{"remove"}, args...)...)
		if fails := strings.HasPrefix(want, "reko:"); !strings.Contains(out+errs, want) || fails != (err != nil) {
			t.Errorf("reko remove %s: %v %s %s, want %s", strings.Join(args, " "), err, out, errs, want)
		}
	}
	status, path := upload()
	if status != http.StatusSeeOther {
		t.Fatal(status)
	}
	if status, _ := upload(); status != http.StatusInsufficientStorage {
		t.Errorf("one more: %d", status)
	}
	day := func(days int) string { return time.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly) }
	remove("0 uploaded lists removed\n", "--uploaded-before", day(-1))
	if status, _ := get(url + path); status != http.StatusOK {
		t.Errorf("%s: %d", path, status)
	}
	remove("1 uploaded lists removed\n", "--uploaded-before", day(1))
	wait.For(t, func() error {
		if status, _ := get(url + path); status != http.StatusNotFound {
			return fmt.Errorf("%s: %d", path, status)
		}
		return nil
	})
	if status, _ := upload(); status != http.StatusSeeOther {
		t.Errorf("once there is room: %d", status)
	}
	remove("reko: either names are needed, or --uploaded-before alone")
	remove("reko: either names are needed, or --uploaded-before alone", "--uploaded-before", day(1), "spike")
	remove("reko: error processing --uploaded-before: \"yesterday\" is no day, such as 2024-05-01", "--uploaded-before", "yesterday")
}
