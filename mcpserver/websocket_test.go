package mcpserver_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/coder/websocket"
)

// What does not open a connection, and why.
func TestUpgradeIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := openDoors(t)
		for name, c := range map[string]struct {
			path   string
			header []string
			status int
			says   string
		}{
			"no token":           {"/ws", nil, 401, ""},
			"token in the query": {"/ws?access_token=ada", nil, 400, "Authorization header"},
			"both":               {"/ws?token=ada", []string{"Authorization", "Bearer ada"}, 400, "logs keep addresses"},
			"dead token":         {"/ws", []string{"Authorization", "Bearer mallory"}, 401, ""},
			"foreign page":       {"/ws", []string{"Authorization", "Bearer ada", "Origin", "https://evil.example"}, 403, "Origin"},
			"other protocol":     {"/ws", []string{"Authorization", "Bearer ada", "Sec-WebSocket-Protocol", "graphql, mcp2"}, 400, "subprotocol mcp"},
		} {
			conn, a := d.upgrade(t, c.path, c.header...)
			if conn != nil {
				_ = conn.CloseNow()
			}
			if a.status != c.status || !strings.Contains(a.body, c.says) {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		if a := d.do(t, http.MethodGet, "/ws", "ada", ""); a.status != http.StatusUpgradeRequired {
			t.Errorf("no upgrade: %d %s", a.status, a.body)
		}
		conn, a := d.upgrade(t, "/ws", "Authorization", "Bearer ada", "Origin", origin)
		if conn == nil || conn.Subprotocol() != "mcp" {
			t.Fatalf("allowed page: %+v", a)
		}
		_ = conn.CloseNow()
	})
}

// A message that is too large, or no text, ends the connection with the code for it.
func TestMessagesOfSockets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := openDoors(t)
		for name, c := range map[string]struct {
			kind   websocket.MessageType
			body   string
			status websocket.StatusCode
		}{
			"too large": {websocket.MessageText, who(1) + strings.Repeat(" ", 4096), websocket.StatusMessageTooBig},
			"binary":    {websocket.MessageBinary, who(1), websocket.StatusUnsupportedData},
		} {
			conn, a := d.upgrade(t, "/ws", "Authorization", "Bearer ada")
			if conn == nil {
				t.Fatalf("%+v", a)
			}
			if err := conn.Write(t.Context(), c.kind, []byte(c.body)); err != nil {
				t.Fatal(err)
			}
			if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != c.status {
				t.Errorf("%s: %v", name, err)
			}
			_ = conn.CloseNow()
		}
		if seen, _ := d.said(); len(seen) != 0 {
			t.Errorf("ran %q", seen)
		}
		p := d.socket(t, "ada")
		p.say(t, "{")
		expectTexts(t, p.hear(), `"id":null`, "-32700")
		p.say(t, who(1)) // it goes on
		expectTexts(t, p.hear(), "for ada")
	})
}

// The peer is told why a connection ends.
func TestCloseCodes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end    func(*testing.T, *doors)
		status websocket.StatusCode
	}{
		"revoked": {func(_ *testing.T, d *doors) { d.revoke("ada") }, websocket.StatusPolicyViolation},
		"stopped": {func(t *testing.T, d *doors) { t.Helper(); d.Stop(t.Context()) }, websocket.StatusGoingAway},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := openDoors(t)
				conn, a := d.upgrade(t, "/ws", "Authorization", "Bearer ada")
				if conn == nil {
					t.Fatalf("%+v", a)
				}
				go c.end(t, d)
				if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != c.status {
					t.Errorf("closed with %v", err)
				}
				_ = conn.CloseNow()
			})
		})
	}
}
