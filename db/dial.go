package db

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// How a server of which nothing is heard any more is noticed. What a visitor waits for is bounded more narrowly, see look; these are
// for what has more time: jobs, imports, saves.
const (
	connectTimeout = 3 * time.Second
	unheard        = 10 * time.Second // of what was sent, or of a probe
)

// watchful lets the connections of a pool notice a server that is gone without a word, and lets the server notice that we are:
// it must not keep the locks of a transaction that nobody will end.
func watchful(cfg *pgxpool.Config, dsn string) {
	if !strings.Contains(dsn, "connect_timeout") {
		cfg.ConnConfig.ConnectTimeout = connectTimeout
	}
	dialer := &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: unheard, Interval: unheard / 5, Count: 5},
		Control:         giveUp,
	}
	cfg.ConnConfig.DialFunc = dialer.DialContext
	cfg.PingTimeout = patience
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `SELECT set_config('idle_in_transaction_session_timeout', '60s', false),
			set_config('tcp_user_timeout', '10s', false), set_config('tcp_keepalives_idle', '10', false)`)
		return err
	}
}
