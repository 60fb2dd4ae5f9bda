package listfile

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"reko.moe/engine"
)

// What an export may have at most. MyAnimeList's own has three elements in each other, and its longest texts are comments.
const (
	maxDepth = 8       // elements in each other
	maxToken = 1 << 16 // bytes of a tag, a comment or a text
	maxField = 1000    // bytes of a text that is read
)

// What is wrong with an export as a whole.
var (
	errNoExport  = errors.New("this is no list exported by MyAnimeList")
	errNoFile    = errors.New("the file is empty")
	errManga     = errors.New("this is an export of a manga list; an anime list is needed")
	errNoAnime   = errors.New("there is no anime in this export")
	errDTD       = errors.New("this is no list exported by MyAnimeList: it has a <!DOCTYPE> or another declaration, which is not read")
	errCutOff    = errors.New("the file ends too early; it is not whole")
	errAfter     = errors.New("something follows the end of the list")
	errTooDeep   = errors.New("too many elements in each other")
	errTooLong   = fmt.Errorf("a text or a tag is longer than %d bytes", maxToken)
	errOtherText = errors.New("text stands where only elements belong")
)

// encodingError is the encoding that a file says it has, and is not read.
type encodingError string

func (e encodingError) Error() string {
	return fmt.Sprintf("the encoding is %.40q; only UTF-8 is read", string(e))
}

// ReadXML reads the list that MyAnimeList exports as XML. The list's name is the export's user name, empty if nobody can be
// called so. What is wrong with the file is an [Error]; a failure of r comes back as it is.
//
// An export does not say when an entry changed, though the newest entries make the taste. The day that somebody finished an
// anime stands in for it, or else the day that they started; people give the day, if any, when they change the entry. A date
// of which a part is missing, such as 2015-00-00, is unknown.
//
// Exports have in them what people typed. So what XML does not allow there, control characters, bytes that are no UTF-8 and
// an & that begins nothing, are taken for other characters. Declarations are refused, so that no entity is ever expanded.
func ReadXML(r io.Reader) (UserList, error) { return readXML(r, engine.MaxEntries) }

func readXML(r io.Reader, most int) (UserList, error) {
	x := &exportReader{in: newTidyReader(r), most: most, fields: map[string]string{}}
	if mark, _ := x.in.r.Peek(2); string(mark) == "\xff\xfe" || string(mark) == "\xfe\xff" {
		return UserList{}, &Error{1, encodingError("UTF-16")}
	}
	x.xml = xml.NewDecoder(x.in)
	x.xml.CharsetReader = func(name string, _ io.Reader) (io.Reader, error) { return nil, encodingError(name) }
	if err := x.read(); err != nil {
		if x.in.err != nil && !errors.Is(x.in.err, io.EOF) {
			return UserList{}, x.in.err
		}
		var placed *Error
		if !errors.As(err, &placed) {
			line, _ := x.xml.InputPos()
			err = &Error{line, err}
		}
		return UserList{}, err
	}
	l, err := engine.NewList(x.changes)
	if err != nil {
		return UserList{}, &Error{1, err}
	}
	return UserList{x.name, l}, nil
}

// exportReader reads an export of the form <myanimelist> <myinfo> field ... <anime> field ... .
type exportReader struct {
	in      *tidyReader
	xml     *xml.Decoder
	most    int               // entries
	open    []string          // the elements that the place read is in
	ended   bool              // with the outermost element
	text    []byte            // of the field that the place read is in
	line    int               // on which the entry began
	fields  map[string]string // of the entry that the place read is in, if they are wanted
	name    string
	changes []engine.Change
}

// wanted are the fields of an entry that are read.
var wanted = map[string]bool{
	"series_animedb_id": true, "series_title": true, "my_watched_episodes": true, "my_start_date": true, "my_finish_date": true,
	"my_score": true, "my_status": true,
}

// exportStatuses are the statuses as MyAnimeList writes them, in lower case, and the numbers that some tools write.
var exportStatuses = map[string]engine.Status{
	"watching": engine.Watching, "completed": engine.Completed, "on-hold": engine.OnHold, "dropped": engine.Dropped,
	"plan to watch": engine.Planned,
	"1":             engine.Watching, "2": engine.Completed, "3": engine.OnHold, "4": engine.Dropped, "6": engine.Planned,
}

// read reads to the end.
func (x *exportReader) read() error {
	for {
		x.in.left = maxToken
		token, err := x.xml.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return x.failed(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			err = x.start(t.Name.Local)
		case xml.EndElement:
			err = x.end()
		case xml.CharData:
			err = x.chars(t)
		case xml.Directive:
			err = errDTD
		}
		if err != nil {
			return err
		}
	}
	switch {
	case !x.ended && x.in.blank:
		return errNoFile
	case !x.ended:
		return errNoExport
	case len(x.changes) == 0:
		return errNoAnime
	}
	return nil
}

// failed says what the decoder's error means.
func (x *exportReader) failed(err error) error {
	var encoding encodingError
	var syntax *xml.SyntaxError
	switch {
	case errors.As(err, &encoding):
		return encoding
	case len(x.open) == 0 && !x.ended:
		return errNoExport
	case errors.Is(err, errTooLong):
		return errTooLong
	case errors.As(err, &syntax) && syntax.Msg == "unexpected EOF":
		return errCutOff
	case errors.As(err, &syntax):
		return fmt.Errorf("this is not XML as it should be: %.200s", syntax.Msg)
	}
	return fmt.Errorf("this is not XML as it should be: %w", err)
}

func (x *exportReader) start(name string) error {
	switch {
	case x.ended:
		return errAfter
	case len(x.open) == maxDepth:
		return errTooDeep
	case len(x.open) == 0 && name != "myanimelist":
		return fmt.Errorf("%w: it begins with <%.40s>", errNoExport, name)
	case len(x.open) == 1 && name == "manga":
		return errManga
	case len(x.open) == 1 && name == "anime":
		if len(x.changes) == x.most {
			return fmt.Errorf("there are more than %d anime", x.most)
		}
		x.line, _ = x.xml.InputPos()
		clear(x.fields)
	case len(x.open) == 2:
		x.text = x.text[:0]
	}
	x.open = append(x.open, name)
	return nil
}

// chars takes text, which matters in fields that are wanted only.
func (x *exportReader) chars(text []byte) error {
	switch len(x.open) {
	case 3:
		field := x.open[2]
		if !wanted[field] && x.open[1] != "myinfo" {
			return nil
		}
		if len(x.text)+len(text) > maxField {
			return fmt.Errorf("<%.40s> is longer than %d bytes", field, maxField)
		}
		x.text = append(x.text, text...)
	case 0:
		switch blank := strings.Trim(string(text), "\ufeff \t\r\n") == ""; {
		case !blank && x.ended:
			return errAfter
		case !blank:
			return errNoExport
		}
	case 1, 2:
		if strings.TrimSpace(string(text)) != "" {
			return errOtherText
		}
	}
	return nil
}

func (x *exportReader) end() error {
	last := len(x.open) - 1
	name := x.open[last]
	x.open = x.open[:last]
	switch last {
	case 0:
		x.ended = true
	case 1:
		if name == "anime" {
			return x.entry()
		}
	case 2:
		text := strings.TrimSpace(string(x.text))
		switch in := x.open[1]; {
		case in == "anime" && wanted[name]:
			x.fields[name] = text
		case in == "myinfo" && name == "user_export_type" && text == "2":
			return errManga
		case in == "myinfo" && name == "user_name":
			x.name = ""
			if canonical, ok := engine.CanonicalName(text); ok {
				x.name = canonical
			}
		}
	}
	return nil
}

// entry takes the entry that ended.
func (x *exportReader) entry() error {
	c, err := x.change()
	if err != nil {
		if title := x.fields["series_title"]; title != "" {
			err = fmt.Errorf("%.80s: %w", title, err)
		}
		return &Error{x.line, err}
	}
	x.changes = append(x.changes, c)
	return nil
}

func (x *exportReader) change() (engine.Change, error) {
	var c engine.Change
	var err error
	if c.Anime, err = animeID(x.fields["series_animedb_id"]); err != nil {
		return c, err
	}
	status := x.fields["my_status"]
	var ok bool
	if c.Status, ok = exportStatuses[strings.ToLower(status)]; !ok {
		return c, fmt.Errorf("status %.40q is not Watching, Completed, On-Hold, Dropped or Plan to Watch", status)
	}
	score, err := number(x.fields["my_score"], "score", engine.MaxScore)
	if err != nil {
		return c, err
	}
	episodes, err := number(x.fields["my_watched_episodes"], "number of episodes", 1<<31-1)
	if err != nil {
		return c, err
	}
	c.Score, c.Episodes = uint8(score), uint16(min(episodes, 1<<16-1))
	for _, date := range []string{x.fields["my_finish_date"], x.fields["my_start_date"]} {
		if at, err := time.Parse(time.DateOnly, date); err == nil {
			c.At = at
			break
		}
	}
	return c, nil
}
