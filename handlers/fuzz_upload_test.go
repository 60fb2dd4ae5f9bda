package handlers_test

import (
	"bytes"
	"net/http"
	"reflect"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"

	"reko.moe/engine/listfile"
)

// mostAllocated is how much memory an upload may take in passing, however large it says that it is.
const mostAllocated = 16 << 20

// allocated is how many bytes were allocated since the program began.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// The ways in which [FuzzUpload] sends its data.
const (
	asFile   = iota // as it is
	asPacked        // compressed by gzip
	asForm          // as the form, with a file in it or not
	asWays
)

// Whatever is uploaded: it becomes the list that is in it, or a page says what is wrong with it, and no memory is spent on what it only
// claims to be.
func FuzzUpload(f *testing.F) {
	const most = 32 << 10
	bomb := packed(f, strings.Repeat(" ", 1<<20))
	for _, text := range []string{
		exported, packed(f, exported), packed(f, exported)[:100], bomb, "PK\x03\x04", "\x1f\x8b\x08\x00", "", "<myanimelist><anime><series_animedb_id>1</series_animedb_id><my_status>2</my_status></anime></myanimelist>",
		strings.ReplaceAll(exported, "Completed", "Plan to Watch"), strings.ReplaceAll(exported, ">1<", ">9<"), "\ufeff" + exported, "\xff\xfe<\x00", packed(f, exported) + packed(f, exported), exported + strings.Repeat(" ", most),
	} {
		f.Add(uint8(asFile), []byte(text))
		f.Add(uint8(asPacked), []byte(text))
	}
	const head = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.xml\"\r\n\r\n"
	for _, form := range []string{
		head + exported + "\r\n--x--\r\n", head + "\r\n--x\r\n" + head + "\r\n--x--\r\n", "--x--\r\n", head, "--x\r\nContent-Disposition: form-data; name=\"listed\"\r\n\r\nyes\r\n" + head + exported + "\r\n--x--\r\n",
		strings.Replace(head, "a.xml", `../../etc/passwd"; x="`, 1) + exported + "\r\n--x--\r\n", strings.Replace(head, "\r\n\r\n", "\r\nContent-Transfer-Encoding: base64\r\nContent-Encoding: gzip\r\n\r\n", 1) + "\r\n--x--\r\n",
	} {
		f.Add(uint8(asForm), []byte(form))
	}
	a := startWired(f, func(s *setup) { s.handlers.Unpacked = most })
	cookie := "session=" + sessionOf(f, a.ask(f, http.MethodPost, "/save", "id=1", "Content-Type", plainForm))
	f.Fuzz(func(t *testing.T, way uint8, data []byte) {
		way %= asWays
		if len(data) > 256<<10 {
			return
		}
		file := string(data)
		if way == asPacked {
			file = packed(t, file)
		}
		body := file
		if way != asForm {
			body = "--reko-boundary-of-a-form\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.xml.gz\"\r\n\r\n" + file + "\r\n--reko-boundary-of-a-form--\r\n"
		}
		boundary := "multipart/form-data; boundary=" + map[bool]string{true: "x", false: "reko-boundary-of-a-form"}[way == asForm]
		before := allocated()
		got := a.ask(t, http.MethodPost, "/import", body, "Content-Type", boundary, "Cookie", cookie)
		if n := allocated() - before; n > mostAllocated {
			t.Errorf("%d bytes take %d of memory", len(body), n)
		}
		switch got.status {
		case http.StatusSeeOther:
			name := strings.TrimPrefix(got.header.Get("Location"), "/u/")
			a.holds(t, name, way, data)
			gone := a.ask(t, http.MethodPost, "/import/delete", "name="+name, "Content-Type", plainForm, "Cookie", cookie)
			if a.uploaded(t) != 0 || gone.status != http.StatusSeeOther {
				t.Fatalf("%s cannot be deleted: %d %s", name, gone.status, gone.body)
			}
		case http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge, http.StatusBadRequest:
			if !strings.Contains(got.body, "The list was not taken.") && way != asForm {
				t.Errorf("%d %s", got.status, got.body)
			}
			if way != asForm && got.status == http.StatusBadRequest {
				t.Errorf("a file is none: %s", got.body)
			}
		default:
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

// holds checks that the list under a name is what was sent.
func (a *wired) holds(t *testing.T, name string, way uint8, data []byte) {
	t.Helper()
	u, err := a.store.User(t.Context(), name)
	if err != nil {
		t.Fatalf("%q is accepted as %q: %v", data, name, err)
	}
	list, err := u.List.Unpack(nil)
	if err != nil || len(list) == 0 {
		t.Fatalf("%q is stored as %v, %v", data, list, err)
	}
	if way == asForm || slices.Equal(data[:min(len(data), 2)], []byte("\x1f\x8b")) {
		return // what is in it takes as much to find out as the program does
	}
	if want, err := listfile.ReadXML(bytes.NewReader(data)); err != nil || !reflect.DeepEqual(list, want.List) {
		t.Errorf("%q is stored as %v, want %v, %v", data, list, want.List, err)
	}
}
