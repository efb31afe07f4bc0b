package postgres_test

import (
	"context"
	"crypto/rand"
	"net/url"
	"sync"
	"testing"
	"time"

	"m365mcp/authserver"
	"m365mcp/internal/testenv"
	"m365mcp/store/relational"
	"m365mcp/store/storetest"
)

// named is the address of a new schema, whose connections are known by their name.
func named(t *testing.T) (address, name string) {
	t.Helper()
	name = "m365-mcp-" + rand.Text()
	return change(t, testenv.PostgresSchema(t), func(u *url.URL) {
		q := u.Query()
		q.Set("application_name", name)
		u.RawQuery = q.Encode()
	}), name
}

func TestDurabilityOfWrites(t *testing.T) {
	t.Parallel()
	address := testenv.PostgresSchema(t)
	for _, ask := range []string{"", "on", "off"} { // the contracts decide, not the address
		db := openAt(t, change(t, address, func(u *url.URL) {
			if ask != "" {
				u.RawQuery += "&synchronous_commit=" + ask
			}
		}))
		for d, want := range map[relational.Durability]string{relational.Synced: "on", relational.Buffered: "off"} {
			var got string
			err := db.Write(t.Context(), d, func(tx relational.Tx) error {
				return tx.QueryRow(t.Context(), "SHOW synchronous_commit").Scan(&got)
			})
			if err != nil || got != want {
				t.Errorf("asked for %q, synced %v: %q, %v", ask, d, got, err)
			}
		}
	}
}

// What strangers wait for must not keep calls from reading their tokens.
func TestReadsDoNotWaitForWrites(t *testing.T) {
	t.Parallel()
	address, name := named(t)
	db := openAt(t, address)
	storetest.Grants(t, db.OAuth(), "g")
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	defer writers.Wait()
	defer stop()
	locked, observer := make(chan struct{}), open(t)
	writers.Go(func() { // a replica that stopped in the middle of a sign-in
		_ = db.Write(ctx, relational.Synced, func(tx relational.Tx) error {
			err := tx.Lock(ctx, "oauth_signins")
			close(locked)
			<-ctx.Done()
			return err
		})
	})
	<-locked
	for range 50 {
		writers.Go(func() {
			_ = db.OAuth().InsertSignIn(ctx, authserver.SignIn{Ticket: rand.Text()}, 1000, time.Now())
		})
	}
	for last, waiting := -1, 0; waiting == 0 || waiting != last; { // until no more of them find a connection
		last = waiting
		err := observer.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity, pg_sleep(0.1)
			WHERE application_name = ? AND wait_event = 'advisory'`, name).Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
	}
	read, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if _, err := db.OAuth().Grant(read, "g"); err != nil {
		t.Errorf("Grant beside waiting writers: %v", err)
	}
}

// A server that restarts or fails over ends all connections.
func TestLostConnectionsAreReplaced(t *testing.T) {
	t.Parallel()
	address, name := named(t)
	db, observer := openAt(t, address), open(t)
	storetest.Grants(t, db.OAuth(), "g")
	uses := []func() error{
		func() error { _, err := db.OAuth().Grant(t.Context(), "g"); return err },
		func() error { _, err := db.OAuth().RevokeGrant(t.Context(), "g", "test", time.Now()); return err },
		func() error { return db.OAuth().DeleteExpired(t.Context(), time.Now(), time.Now()) },
	}
	for _, use := range uses {
		if err := use(); err != nil {
			t.Fatal(err)
		}
	}
	var ended int
	if err := observer.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
		WHERE application_name = ?`, name).Scan(&ended); err != nil || ended < len(uses) {
		t.Fatalf("ended %d connections, %v", ended, err)
	}
	for _, use := range uses {
		err := use()
		for range ended { // each of those that were just in use may fail once
			if err == nil {
				break
			}
			err = use()
		}
		if err != nil {
			t.Errorf("after %d connections were lost: %v", ended, err)
		}
	}
}

// A reading connection cannot write, whatever statement comes to it.
func TestReadersOnlyRead(t *testing.T) {
	t.Parallel()
	db := open(t)
	var n int
	if err := db.QueryRow(t.Context(), "UPDATE oauth_epoch SET epoch = epoch + 1 RETURNING epoch").Scan(&n); err == nil {
		t.Errorf("a read has written: %d", n)
	}
}
