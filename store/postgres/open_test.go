package postgres_test

import (
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"

	"m365mcp/dial"
	"m365mcp/internal/testenv"
	"m365mcp/store/postgres"
)

// change returns the address with something else in it.
func change(t *testing.T, address string, fn func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	fn(u)
	return u.String()
}

func TestOpenSaysWhatToDo(t *testing.T) {
	t.Parallel()
	address := testenv.PostgresSchema(t)
	l, err := dial.Listen(t.Context(), "127.0.0.1:0") // and nobody there
	if err != nil {
		t.Fatal(err)
	}
	nowhere := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ address, want string }{
		"no server":         {change(t, address, func(u *url.URL) { u.Host = nowhere; u.User = url.UserPassword("m365", "canary") }), "is the server running"},
		"no database":       {change(t, address, func(u *url.URL) { u.Path = "/m365_mcp_absent" }), "createdb m365_mcp_absent"},
		"no user":           {change(t, address, func(u *url.URL) { u.User = url.UserPassword("m365_mcp_nobody", "canary") }), "check user name and password"},
		"no address":        {"postgres://u:canary@db.example:port/x", "the address has the form"},
		"no schema":         {change(t, address, func(u *url.URL) { u.RawQuery = "sslmode=disable&search_path=m365_mcp_absent" }), "let the user use and create tables"},
		"no TLS over there": {change(t, address, func(u *url.URL) { u.RawQuery = "sslmode=verify-full" }), "is the server running"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := postgres.Open(t.Context(), c.address)
			if err == nil {
				t.Fatal(errors.Join(errors.New("opened"), db.Close()))
			}
			if _, ok := errors.AsType[*postgres.Error](err); !ok || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Open: %v, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the password is shown: %v", err)
			}
		})
	}
}

// Replicas start at once, on an empty database and on one that is there.
func TestReplicasOpenAtOnce(t *testing.T) {
	t.Parallel()
	address := testenv.PostgresSchema(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			db, err := postgres.Open(t.Context(), address)
			if err == nil {
				err = db.Close()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestReadOnlyChangesNothing(t *testing.T) {
	t.Parallel()
	address := testenv.PostgresSchema(t)
	openAt(t, address)
	db, err := postgres.OpenReadOnly(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := db.Audit().Head(t.Context()); err != nil {
		t.Error(err)
	}
	if n, err := db.Pending(t.Context()); err != nil || n != 0 {
		t.Errorf("Pending = %d, %v", n, err)
	}
	if err := db.Presence().Beat(t.Context(), "a"); err == nil {
		t.Error("a read-only database was written")
	}
}
