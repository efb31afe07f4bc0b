package postgres_test

import (
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"m365mcp/dial"
	"m365mcp/store/postgres"
)

func TestServersThatWillNotDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		version uint32
		standby string
		want    string
	}{
		"too old":   {130_022, "f", "PostgreSQL 13 is too old; use PostgreSQL 14 or later"},
		"ancient":   {90_624, "f", "PostgreSQL 9 is too old; use PostgreSQL 14 or later"},
		"a standby": {150_000, "t", "name the primary server"},
	} {
		db, err := postgres.Open(t.Context(), "postgres://u:canary@"+serve(t, c.version, c.standby)+"/x?sslmode=disable")
		if err == nil {
			t.Fatal(errors.Join(errors.New(name+" was opened"), db.Close()))
		}
		if _, ok := errors.AsType[*postgres.Error](err); !ok || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// serve answers who asks whether it is a standby, and for its version.
func serve(t *testing.T, version uint32, standby string) (address string) {
	t.Helper()
	l, err := dial.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.SetDeadline(time.Now().Add(5 * time.Second)) // for one that asks for more
			_ = talk(c, version, standby)                      // until the other end has heard enough
			_ = c.Close()
		}
	}()
	return l.Addr().String()
}

func talk(c net.Conn, version uint32, standby string) error {
	b := pgproto3.NewBackend(c, c)
	if _, err := b.ReceiveStartupMessage(); err != nil {
		return err
	}
	b.Send(&pgproto3.AuthenticationOk{})
	b.Send(&pgproto3.BackendKeyData{SecretKey: make([]byte, 4)})
	b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	number := &pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{{Name: []byte("version"), DataTypeOID: 23, DataTypeSize: 4}}}
	for {
		if err := b.Flush(); err != nil {
			return err
		}
		m, err := b.Receive()
		if err != nil {
			return err
		}
		switch m.(type) {
		case *pgproto3.Query:
			b.Send(&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{{Name: []byte("standby"), DataTypeOID: 16}}})
			b.Send(&pgproto3.DataRow{Values: [][]byte{[]byte(standby)}})
			b.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")})
			b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		case *pgproto3.Parse:
			b.Send(&pgproto3.ParseComplete{})
		case *pgproto3.Describe:
			b.Send(&pgproto3.ParameterDescription{})
			b.Send(number)
		case *pgproto3.Bind:
			b.Send(&pgproto3.BindComplete{})
		case *pgproto3.Execute:
			b.Send(&pgproto3.DataRow{Values: [][]byte{binary.BigEndian.AppendUint32(nil, version)}})
			b.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")})
		case *pgproto3.Sync:
			b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		case *pgproto3.Terminate:
			return nil
		}
	}
}
