package mcpserver_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A stream outlives the limits of a request, for as long as its token.
func TestStream(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, d *doors, open func(*testing.T, *doors, string) peer) {
		p := open(t, d, "ada")
		p.say(t, hello)
		expectTexts(t, p.hear(), `"id":0`, `"protocolVersion":"2024-11-05"`)
		p.say(t, ready)
		time.Sleep(55*time.Minute + time.Second) // between two pings: the connection in memory has no buffer
		p.say(t, who(1))
		expectTexts(t, p.hear(), `"id":1`, "for ada")
		d.mu.Lock()
		more := d.tokens["ada"]
		more.Scopes = append(more.Scopes, "Mail.Send")
		d.tokens["ada"] = more
		d.mu.Unlock()
		p.say(t, who(2)) // scopes are those of now
		expectTexts(t, p.hear(), `"id":2`)
		if seen, _ := d.said(); !slices.Equal(seen, []string{"ada whoAmI User.Read,Mail.Read", "ada whoAmI User.Read,Mail.Read,Mail.Send"}) {
			t.Errorf("ran %q", seen)
		}
	})
}

// A client whose stream has ended goes on with a new one and no handshake.
func TestStreamWithoutHandshake(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, d *doors, open func(*testing.T, *doors, string) peer) {
		p := open(t, d, "ada")
		p.say(t, ready) // nothing to answer
		p.say(t, who(1))
		expectTexts(t, p.hear(), `"id":1`, "for ada")
	})
}

// What is wrong with a message is answered where its answer is expected.
func TestStreamFaults(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, d *doors, open func(*testing.T, *doors, string) peer) {
		p := open(t, d, "ada")
		p.say(t, hello)
		p.hear()
		p.say(t, `{"jsonrpc":"2.0","id":"x","method":"subscriptions/listen","params":{}}`)
		expectTexts(t, p.hear(), `"id":"x"`, "-32601")
		p.say(t, `{"jsonrpc":"2.0","id":3,"method":"tools/call"}`)
		expectTexts(t, p.hear(), `"id":3`, "-32602")
		p.say(t, slowOne)
		synctest.Wait()
		p.say(t, slowOne)
		expectTexts(t, p.hear(), `"id":7`, "under way")
		p.say(t, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}`)
		expectTexts(t, p.hear(), `"id":7`)
		synctest.Wait()
		if _, ended := d.said(); ended["ada"] != "cancelled" {
			t.Errorf("the call %s", ended["ada"])
		}
	})
}

// A person cannot pile up work by sending and not waiting.
func TestUnderWayIsBounded(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, d *doors, open func(*testing.T, *doors, string) peer) {
		p := open(t, d, "ada")
		for i := range 32 {
			p.say(t, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"getEmails","arguments":{}}}`, i))
		}
		p.say(t, who(32))
		expectTexts(t, p.hear(), `"id":32`, "-32000", "wait for an answer")
		d.calls <- struct{}{}
		p.hear()
		synctest.Wait()
		p.say(t, who(33))
		expectTexts(t, p.hear(), `"id":33`, "for ada")
	})
}

// Invariant 8: a stream ends with its grant, and what it was doing with it.
func TestRevocationEndsStreams(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, d *doors, open func(*testing.T, *doors, string) peer) {
		p, other := open(t, d, "ada"), open(t, d, "bob")
		p.say(t, slowOne)
		synctest.Wait()
		d.revoke("ada")
		began := time.Now()
		if got := p.hear(); got != "" {
			t.Errorf("it said %s", got)
		}
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("it took %v", took)
		}
		synctest.Wait()
		if _, ended := d.said(); ended["ada"] != "cancelled" {
			t.Errorf("the call %s", ended["ada"])
		}
		other.say(t, who(1)) // lives
		synctest.Wait()
		if seen, _ := d.said(); len(seen) != 2 {
			t.Errorf("ran %q", seen)
		}
	})
}

// Nothing runs after the revocation, before the stream has noticed, either.
func TestNothingRunsAfterRevocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := openDoors(t)
		events, socket := d.events(t, "ada"), d.socket(t, "ada")
		d.revoke("ada")
		if a := d.do(t, http.MethodPost, events.endpoint, "ada", who(1)); a.status != http.StatusUnauthorized {
			t.Errorf("%d %s", a.status, a.body)
		}
		socket.say(t, who(2))
		if got := socket.hear(); got != "" {
			t.Errorf("it said %s", got)
		}
		if seen, _ := d.said(); len(seen) != 0 {
			t.Errorf("ran %q", seen)
		}
	})
}

// A call that is under way when the token expires is answered: it was allowed.
func TestExpiryEndsStreams(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, d *doors, open func(*testing.T, *doors, string) peer) {
		p := open(t, d, "ada")
		time.Sleep(time.Hour - time.Second)
		p.say(t, slowOne)
		time.Sleep(30 * time.Second)
		d.calls <- struct{}{}
		expectTexts(t, p.hear(), `"id":7`, "for ada")
		if got := p.hear(); got != "" {
			t.Errorf("it said %s", got)
		}
	})
}

// A store that does not answer ends no stream; calls are refused meanwhile.
func TestStreamOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := openDoors(t)
		p := d.socket(t, "ada")
		d.mu.Lock()
		d.down = true
		d.mu.Unlock()
		time.Sleep(time.Minute + time.Second)
		p.say(t, ready) // nobody waits for an answer
		p.say(t, who(1))
		expectTexts(t, p.hear(), `"id":1`, "-32603", "try again")
		d.mu.Lock()
		d.down = false
		d.mu.Unlock()
		p.say(t, who(2))
		expectTexts(t, p.hear(), `"id":2`, "for ada")
		if seen, _ := d.said(); len(seen) != 1 {
			t.Errorf("ran %q", seen)
		}
	})
}

// One person's assistants do not use up the server.
func TestStreamsOfOnePerson(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := openDoors(t)
		first := d.events(t, "ada")
		d.socket(t, "ada")
		d.events(t, "ada's") // another client of hers counts
		a := d.do(t, http.MethodGet, "/sse", "ada", "")
		if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
			t.Errorf("%d %v", a.status, a.header)
		}
		expectTexts(t, a.body, "too many streams")
		if _, a := d.upgrade(t, "/ws", "Authorization", "Bearer ada"); a.status != http.StatusTooManyRequests {
			t.Errorf("%d %s", a.status, a.body)
		}
		d.events(t, "bob")
		time.Sleep(2*time.Minute + time.Second) // longer than a request may take: leaving is noticed at once all the same
		first.leave()
		synctest.Wait()
		d.events(t, "ada")
	})
}

// A person who is gone, or does not read, holds a stream for seconds only.
func TestPeerThatStops(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]string{
		"sse": "GET /sse HTTP/1.1\r\nHost: mcp.example\r\nAuthorization: Bearer ada\r\nAccept: text/event-stream\r\n\r\n",
		"ws": "GET /ws HTTP/1.1\r\nHost: mcp.example\r\nAuthorization: Bearer ada\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: mcp\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := openDoors(t)
				for range 3 {
					conn, err := d.pipes.dial(t.Context(), "", "")
					if err != nil {
						t.Fatal(err)
					}
					defer func() { _ = conn.Close() }()
					if _, err := conn.Write([]byte(request)); err != nil {
						t.Fatal(err)
					}
					if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil { //nolint:bodyclose // it is not read further
						t.Fatal(err)
					}
				}
				if a := d.do(t, http.MethodGet, "/sse", "ada", ""); a.status != http.StatusTooManyRequests {
					t.Fatalf("%d %s", a.status, a.body)
				}
				time.Sleep(40 * time.Second)
				d.events(t, "ada")
			})
		})
	}
}

// Stop waits for calls, and lets nobody in; then it cuts.
func TestStopEndsStreams(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, d *doors, open func(*testing.T, *doors, string) peer) {
		busy, idle := open(t, d, "ada"), open(t, d, "bob")
		busy.say(t, slowOne)
		synctest.Wait()
		stopped := make(chan struct{})
		go func() { d.Stop(t.Context()); close(stopped) }()
		if got := idle.hear(); got != "" {
			t.Errorf("it said %s", got)
		}
		if a := d.do(t, http.MethodGet, "/sse", "bob", ""); a.status != http.StatusServiceUnavailable {
			t.Errorf("%d %s", a.status, a.body)
		}
		busy.say(t, who(1))
		expectTexts(t, busy.hear(), `"id":1`, "the stream is ending")
		d.calls <- struct{}{}
		expectTexts(t, busy.hear(), `"id":7`, "for ada")
		if got := busy.hear(); got != "" {
			t.Errorf("it said %s", got)
		}
		<-stopped
	})
}

// Stop with no time left cancels what runs.
func TestStopCuts(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, d *doors, open func(*testing.T, *doors, string) peer) {
		p := open(t, d, "ada")
		p.say(t, slowOne)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		d.Stop(ctx)
		if _, ended := d.said(); ended["ada"] != "cancelled" {
			t.Errorf("the call %q", ended["ada"])
		}
	})
}
