package handlers

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
	"reko.moe/engine/listfile"
	"reko.moe/handlers/limit"
	"reko.moe/views"
)

// The limits of an upload. A body that is somewhat larger than a file may be is read all the same, so that the page can say
// what is wrong and keep what was chosen.
const (
	uploadPath     = "/import"
	mostUploaded   = 8 << 20  // bytes of a file as it is sent
	mostUnpacked   = 64 << 20 // bytes of what is in it, if the options do not say
	uploadBody     = 2 * mostUploaded
	uploadTimeout  = 2 * time.Minute // for the body
	uploadPatience = 10 * time.Second
	mostUploads    = 20 // of one browser
	mostReading    = 2  // files at once; each keeps a processor busy
)

// Reasons why a file is not taken.
var (
	errUnpacked = errors.New("unpacked too large")
	errArchive  = errors.New("a ZIP archive")
)

// refused says why an upload was not taken.
type refused struct {
	status int
	text   string
}

func (e refused) Error() string { return e.text }

// failUnread is s.fail, but for a body that was too large to be read, or an upload that was cut off since there was no room.
func (s *server) failUnread(c *fiber.Ctx, err error) error {
	conn := c.Context().Conn()
	cut := false
	if form, ok := conn.(*formConn); ok {
		conn, cut = form.Conn, form.leave()
	}
	defer func() { _ = conn.SetWriteDeadline(time.Now().Add(writeTimeout)) }() // else that of the answer before holds, or none
	var f *fiber.Error
	large := errors.As(err, &f) && f.Code == http.StatusRequestEntityTooLarge
	switch {
	case cut, large && isUpload(c.Method(), c.Path()):
		why := tooLarge
		if cut {
			why = busy
		}
		linger(conn, 64<<20, time.Second, 20*time.Second)
		s.begin(c)
		if err = s.uploadRefused(c, why, false); err == nil {
			return nil
		}
	case large:
		linger(conn, 1<<20, 250*time.Millisecond, 2*time.Second)
	}
	return s.fail(c, err)
}

// linger reads what a client still sends, since most look at no answer before they have sent all, and what comes after a connection was closed
// takes the answer with it. It ends after so many bytes, after a pause, and after a time.
func linger(conn net.Conn, most int, pause, long time.Duration) {
	buf := make([]byte, 32<<10)
	end := time.Now().Add(long)
	for n := 0; n < most && time.Now().Before(end); {
		if conn.SetReadDeadline(time.Now().Add(pause)) != nil {
			return
		}
		read, err := conn.Read(buf)
		if err != nil {
			return
		}
		n += read
	}
}

// uploadPage explains uploads, and lists those of the browser.
func (s *server) uploadPage(c *fiber.Ctx) error {
	return s.writeUploadPage(c, views.UploadView{})
}

func (s *server) writeUploadPage(c *fiber.Ctx, v views.UploadView) error {
	p := s.page(c, "Upload a list", "Recommendations for a private list, or one that is not on MyAnimeList: upload MyAnimeList’s own export.")
	uploads, err := s.Engine.Uploads(c.UserContext(), s.visitor(c).Uploads)
	if err != nil {
		return err
	}
	p.Index = len(uploads) == 0
	v.Uploads, v.Now = uploads, time.Now()
	v.MostMB, v.UnpackedMB = mostUploaded>>20, int(s.Unpacked>>20)
	return write(c, views.UploadPage(p, v))
}

// uploadRefused shows the page again, with what is wrong.
func (s *server) uploadRefused(c *fiber.Ctx, why refused, listed bool) error {
	c.Status(why.status)
	if why.status == http.StatusServiceUnavailable {
		c.Set(fiber.HeaderRetryAfter, againAfter)
	}
	return s.writeUploadPage(c, views.UploadView{Wrong: why.text, Listed: listed})
}

var (
	tooLarge = refused{http.StatusRequestEntityTooLarge, "The file is larger than 8 MB. MyAnimeList’s export is compressed and much smaller: " +
		"send the .xml.gz as it came, without unpacking it."}
	noFile = refused{http.StatusBadRequest, "No file came along. Choose the file that MyAnimeList gave you, then send it."}
	full   = refused{http.StatusInsufficientStorage, "Reko keeps as many uploaded lists as it has room for. If you do not need one of yours any more, delete it; " +
		"else try again another day, or pick a few anime instead."}
	busy = refused{http.StatusServiceUnavailable, "Many lists are being read just now. Send it again in a moment."}
)

// upload takes a list, and leads to its recommendations.
func (s *server) upload(c *fiber.Ctx) error {
	if c.Get(fiber.HeaderContentEncoding) != "" {
		return fiber.NewError(http.StatusUnsupportedMediaType)
	}
	form, err := c.MultipartForm()
	if err != nil {
		return s.uploadRefused(c, noFile, false)
	}
	listed := slices.Contains(form.Value["listed"], "yes")
	u, err := s.takeUpload(c, form.File["file"], listed)
	var why refused
	if errors.As(err, &why) {
		return s.uploadRefused(c, why, listed)
	}
	if err != nil {
		return err
	}
	if err := s.remember(c, func(v *visitor) { v.Uploads = slices.Insert(v.Uploads, 0, u.Name) }); err != nil {
		// Nobody could delete it.
		return errors.Join(err, s.Engine.Unupload(context.WithoutCancel(c.UserContext()), u.Name))
	}
	s.setCookie(c, nameCookie, u.Name)
	return c.Redirect("/u/"+u.Name, http.StatusSeeOther)
}

// takeUpload stores the list of a form's file.
func (s *server) takeUpload(c *fiber.Ctx, files []*multipart.FileHeader, listed bool) (engine.User, error) {
	var nobody engine.User
	ctx := c.UserContext()
	own, err := s.Engine.Uploads(ctx, s.visitor(c).Uploads)
	switch {
	case err != nil:
		return nobody, err
	case len(files) != 1 || files[0].Filename == "":
		return nobody, noFile
	case files[0].Size > mostUploaded:
		return nobody, tooLarge
	case len(own) >= mostUploads:
		return nobody, refused{http.StatusUnprocessableEntity, "This browser has uploaded 20 lists. Delete one of them first."}
	}
	late := time.NewTimer(uploadPatience)
	defer late.Stop()
	select {
	case s.reading <- struct{}{}:
		defer func() { <-s.reading }()
	case <-late.C:
		return nobody, busy
	case <-ctx.Done():
		return nobody, busy
	}
	list, err := readUpload(ctx, files[0], s.Unpacked)
	if err != nil {
		return nobody, s.whyNot(err)
	}
	if err := s.spend(c, limit.Uploads); err != nil {
		return nobody, err
	}
	u, err := s.Engine.Upload(ctx, list, listed)
	switch {
	case errors.Is(err, engine.ErrEmptyList):
		err = refused{http.StatusUnprocessableEntity, "Nothing on this list is watched yet, so there is no taste to go by."}
	case errors.Is(err, engine.ErrFull):
		s.Log.WarnContext(ctx, "upload refused", "err", err)
		err = full
	case errors.Is(err, engine.ErrNoHash):
		err = refused{http.StatusUnprocessableEntity, "Reko does not know the anime watched on this list yet, so there is no taste to go by."}
	}
	return u, err
}

// readUpload reads the list in a file, compressed or not, of which no more than most bytes are read once it is unpacked.
func readUpload(ctx context.Context, file *multipart.FileHeader, most int64) (engine.List, error) {
	f, err := file.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	start := bufio.NewReader(f)
	var r io.Reader = start
	switch magic, _ := start.Peek(4); {
	case strings.HasPrefix(string(magic), "\x1f\x8b"):
		if r, err = gzip.NewReader(start); err != nil {
			return nil, err
		}
	case string(magic) == "PK\x03\x04":
		return nil, errArchive
	}
	l, err := listfile.ReadXML(&boundedReader{ctx, r, most})
	return l.List, err
}

// boundedReader fails when more than left bytes come, or its context is done.
type boundedReader struct {
	ctx  context.Context
	r    io.Reader
	left int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left+1)])
	if b.left -= int64(n); b.left < 0 {
		return 0, errUnpacked
	}
	return n, err
}

// whyNot says what is wrong with a file, to whoever sent it. What is not the file's fault stays as it is.
func (s *server) whyNot(err error) error {
	var mistake *listfile.Error
	var damaged flate.CorruptInputError
	switch {
	case errors.As(err, &mistake):
		return refused{http.StatusUnprocessableEntity, sentence(mistake.Error())}
	case errors.Is(err, errUnpacked):
		return refused{http.StatusRequestEntityTooLarge, fmt.Sprintf("Unpacked, the file is larger than %d MB. No list is that long.", s.Unpacked>>20)}
	case errors.Is(err, context.DeadlineExceeded):
		return busy
	case errors.Is(err, errArchive):
		return refused{http.StatusUnprocessableEntity, "This is a ZIP archive. Unpack it, and send the .xml or .xml.gz that is in it."}
	case errors.As(err, &damaged), errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, io.EOF):
		return refused{http.StatusUnprocessableEntity, "The compressed file is damaged or not whole. Download it again, then send it as it came."}
	}
	return err
}

// sentence makes one of the text of an error.
func sentence(text string) string {
	r, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(r)) + text[size:] + "."
}

// unupload deletes a list that this browser uploaded.
func (s *server) unupload(c *fiber.Ctx) error {
	name := c.FormValue("name")
	if !slices.Contains(s.visitor(c).Uploads, name) {
		return s.uploadRefused(c, refused{http.StatusForbidden, "That list was not uploaded with this browser, so it cannot be deleted here."}, false)
	}
	if err := s.Engine.Unupload(c.UserContext(), name); err != nil && !errors.Is(err, engine.ErrNotFound) {
		return err
	}
	err := s.remember(c, func(v *visitor) {
		v.Uploads = slices.DeleteFunc(v.Uploads, func(other string) bool { return other == name })
	})
	if err != nil {
		return err
	}
	if s.cookie(c, nameCookie) == name {
		s.setCookie(c, nameCookie, "")
	}
	return c.Redirect(uploadPath+"#uploads", http.StatusSeeOther)
}
