package app

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// oneConn is a listener with one connection, in memory.
type oneConn struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l oneConn) Close() error   { close(l.done); return nil }
func (l oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// A peer that sends a byte now and then, or stops to read, is cut; each within the
// time that this may take. Streams are TestPeerThatStops of mcpserver.
func TestSlowPeers(t *testing.T) {
	t.Parallel()
	const callTimeout = 20 * time.Second
	for _, c := range []struct {
		name, request string
		drip          string // sent every second until that fails
		reads         bool
		within        time.Duration
	}{
		{"header", "GET / HTTP/1.1\r\nHost: x\r\n", "X-A: b\r\n", true, readHeaderTimeout},
		{"body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", "{", true, readTimeout},
		{"no request", "", "", true, idleTimeout},
		{"answer", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "", false, readTimeout + 2*callTimeout + writeSlack},
		{"long header", "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", maxHeaderBytes), strings.Repeat("x", 4096), true, readHeaderTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if _, err := io.Copy(io.Discard, r.Body); err == nil {
						_, _ = io.WriteString(w, strings.Repeat("answer ", 100_000))
					}
				})
				l := oneConn{make(chan net.Conn), make(chan struct{})}
				server := httpServer(handler, nil, callTimeout, slog.New(slog.DiscardHandler))
				go func() { _ = server.Serve(l) }()
				ours, theirs := net.Pipe()
				l.conns <- theirs
				began := time.Now()
				cut := make(chan struct{})
				if c.reads {
					go func() {
						defer close(cut)
						_, _ = io.Copy(io.Discard, bufio.NewReader(ours))
					}()
				}
				_, err := io.WriteString(ours, c.request)
				for err == nil && c.drip != "" {
					time.Sleep(time.Second)
					_, err = io.WriteString(ours, c.drip)
				}
				if c.reads {
					<-cut
				} else {
					time.Sleep(c.within + time.Second)
					if n, err := io.Copy(io.Discard, ours); n > 64<<10 || err != nil {
						t.Errorf("%d bytes came late, %v", n, err)
					}
				}
				if took := time.Since(began); took > c.within+2*time.Second {
					t.Errorf("it was cut after %v", took)
				}
				_ = ours.Close()
				if err := server.Shutdown(context.WithoutCancel(t.Context())); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Second)
			})
		})
	}
}
