package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// orFile lets a value stand in a file of its own, as systemd's credentials and Docker's secrets do: file:PATH. No error quotes what is in
// the file.
func orFile(set func(string) error) func(string) error {
	return func(s string) error {
		path, ok := strings.CutPrefix(s, "file:")
		if !ok {
			return set(s)
		}
		const most = 4 << 10
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		data, err := io.ReadAll(io.LimitReader(f, most+1))
		if err != nil {
			return err
		}
		value := strings.TrimSpace(string(data))
		if len(data) > most || strings.ContainsAny(value, "\r\n\x00") || value == "" {
			return fmt.Errorf("%s does not have one line alone", path)
		}
		return set(value)
	}
}

// isSecret tells whether a value of the configuration file is for nobody else: the settings that can be in files of their own, when
// they are not.
func isSecret(section, key, value string) bool {
	switch section + "." + key {
	case "http.secret", "mal.client_id":
		return value != "" && !strings.HasPrefix(value, "file:")
	case "db.url", "redis.url":
		return strings.Contains(value, "@") && !strings.HasPrefix(value, "file:") && !strings.HasPrefix(value, "sqlite:")
	}
	return false
}

// isHandedOver tells whether a file is one that systemd or Docker gives to this program alone. They see to it that nobody else gets to it, and
// the bits of its mode say nothing of that.
func isHandedOver(name string) bool {
	dir := filepath.Dir(name)
	return dir == "/run/secrets" || dir == filepath.Clean(os.Getenv("CREDENTIALS_DIRECTORY")) && filepath.IsAbs(dir)
}

// warnOfReaders warns if others than its owner can read the configuration file, and it has secrets.
func warnOfReaders(log *slog.Logger, file string) {
	name := iniName(file)
	info, err := os.Stat(name)
	if err != nil || isHandedOver(name) || !info.Mode().IsRegular() || info.Mode().Perm()&0o044 == 0 {
		return
	}
	var cfg config
	given, _ := readINI(file, cfg.settings())
	for _, s := range cfg.settings() {
		if isSecret(s.section, s.key, given[s.section+"."+s.key]) {
			log.Warn("the configuration has a secret and others than its owner can read it: chmod 600, or put the secret into a file of its own",
				"file", name, "mode", info.Mode().Perm().String(), "key", "["+s.section+"] "+s.key)
			return
		}
	}
}

// contact reads how people reach who runs the site: an address of a page or of mail.
func contact(field *string) func(string) error {
	return func(s string) error {
		u, err := url.Parse(s)
		page := err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
		if a, err := mail.ParseAddress(s); s != "" && !page && (err != nil || a.Address != s) {
			return errors.New("is neither an https:// address nor one of mail, such as hello@example.org")
		}
		*field = s
		return nil
	}
}
