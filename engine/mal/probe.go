package mal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"reko.moe/engine"
)

// probeAge is how long the answer to a probe is believed.
const probeAge = time.Minute

// whyForbidden returns what a 403 for a list means: [engine.ErrPrivate] if the public list can be read, else that the
// service refuses everybody. Lists that were read before are no proof, since a block begins between two answers.
func (c *Client) whyForbidden(ctx context.Context) error {
	if c.probeUser == "" {
		return fmt.Errorf("forbidden, and no public list is known to tell private from blocked: %w", engine.ErrUpstream)
	}
	if err := c.probe(ctx); err != nil {
		return err
	}
	return engine.ErrPrivate
}

// probe asks for the public list unless that was done lately. Whoever comes while somebody probes waits for the result.
func (c *Client) probe(ctx context.Context) error {
	select {
	case c.probing <- struct{}{}:
		defer func() { <-c.probing }()
	case <-ctx.Done():
		return ended(ctx, "waiting for a probe")
	}
	if !c.probedAt.IsZero() && c.now().Sub(c.probedAt) < probeAge {
		return c.probed
	}
	body := borrowBody()
	defer returnBody(body)
	err := c.get(ctx, body, listQuery("list_status{updated_at}", 1, 0), "users", c.probeUser, "animelist")
	switch {
	case errors.Is(err, errForbidden), errors.Is(err, engine.ErrNotFound):
		err = fmt.Errorf("forbidden, and the list of %q, which should be public, cannot be read either: the address is "+
			"blocked, or [mal] client_id is refused, or the list is not public any more: %w", c.probeUser, engine.ErrUpstream)
	case err != nil:
		return fmt.Errorf("probing the list of %q: %w", c.probeUser, err) // which tells nothing, so it is not kept
	}
	c.probedAt, c.probed = c.now(), err
	return err
}
