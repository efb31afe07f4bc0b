package dial_test

import (
	"errors"
	"net"
	"testing"

	"m365mcp/dial"
)

func TestDatabaseIsPinned(t *testing.T) {
	t.Parallel()
	l, err := dial.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	here, _, _ := net.SplitHostPort(l.Addr().String())
	open := dial.Database(l.Addr().String())
	c, err := open(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if _, err := open(t.Context(), "tcp", net.JoinHostPort(here, "1")); !errors.Is(err, dial.ErrHost) {
		t.Errorf("another port: %v, want ErrHost", err)
	}
}
