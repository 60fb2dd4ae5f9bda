package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// healthCmd lets a container without any other program say how it is.
type healthCmd struct {
	URL     string        `arg:"--url" help:"Where the server is; that of the configuration if not said." placeholder:"URL"`
	Ready   bool          `arg:"--ready" help:"Ask whether it can answer questions, database included, and not only whether it lives."`
	Timeout time.Duration `arg:"--timeout" help:"How long to wait for an answer." default:"3s"`
}

// Run asks once.
func (cmd healthCmd) Run(ctx context.Context, c *cli) error {
	base := cmd.URL
	if base == "" {
		cfg, err := c.load()
		if err != nil {
			return err
		}
		if base, err = localURL(cfg.Addr); err != nil {
			return err
		}
	} else if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	path := "/healthz"
	if cmd.Ready {
		path = "/readyz"
	}
	ctx, cancel := context.WithTimeout(ctx, cmd.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(base, "/")+path, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", cmd.Timeout)
	}
	if err != nil {
		return err
	}
	defer res.Body.Close()
	said, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", res.Status, strings.TrimSpace(string(said)))
	}
	fmt.Println(strings.TrimSpace(string(said)))
	return nil
}

// localURL is where a server that listens on addr is found from the same machine.
func localURL(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return "http://" + net.JoinHostPort(host, port), nil
}
