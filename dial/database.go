package dial

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"
)

// Database returns the function by which a database's driver opens its connections,
// to these addresses alone (host:port, or the path of a Unix socket).
func Database(addresses ...string) func(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if !slices.Contains(addresses, address) {
			return nil, fmt.Errorf("database: %s: %w", address, ErrHost)
		}
		return dialer.DialContext(ctx, network, address)
	}
}
