package mcpserver_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"m365mcp/identity"
	"m365mcp/mcpserver"
	"m365mcp/tool"
	"m365mcp/tool/mail"
	"m365mcp/tool/platform"
)

// These tests run in virtual time, on connections in memory.

const host = "http://mcp.example"

// pipes is a listener in memory.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// doors is a server with all doors open, for a few people.
type doors struct {
	*mcpserver.Server
	pipes  *pipes
	client *http.Client

	mu     sync.Mutex
	tokens map[string]identity.Principal
	down   bool              // the store cannot be asked
	seen   []string          // calls: person and tool
	calls  chan struct{}     // a call that is to wait does so until it gets one
	ended  map[string]string // how waiting calls ended, by person
}

func openDoors(t *testing.T, change ...func(*mcpserver.Options)) *doors {
	t.Helper()
	d := &doors{
		pipes: &pipes{conns: make(chan net.Conn), done: make(chan struct{})}, tokens: map[string]identity.Principal{},
		calls: make(chan struct{}), ended: map[string]string{},
	}
	for token, p := range map[string]identity.Principal{
		"ada":   {TenantID: "t", UserID: "1", UPN: "ada", GrantID: "a1"},
		"ada's": {TenantID: "t", UserID: "1", UPN: "ada", GrantID: "a2"},
		"bob":   {TenantID: "t", UserID: "2", UPN: "bob", GrantID: "b1"},
	} {
		p.Expires, p.Scopes = time.Now().Add(time.Hour), []string{"User.Read", "Mail.Read"}
		d.tokens[token] = p
	}
	selection, err := tool.Select("getEmails,whoAmI", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	registry, err := tool.NewRegistry(tool.Set{Tools: append(mail.Tools(), platform.Tools()...), Resources: platform.Resources(), Prompts: platform.Prompts()}, selection)
	if err != nil {
		t.Fatal(err)
	}
	o := mcpserver.Options{
		Registry: registry, Runner: d, Version: "1", PublicURL: host, AllowedOrigins: []string{origin}, MaxRequestBytes: 4096,
		SSE: true, WebSocket: true, Streams: 3, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
		RequireBearer: func(next func(http.ResponseWriter, *http.Request, identity.Principal)) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				p, err := d.verify(r)
				if err != nil {
					w.Header().Set("WWW-Authenticate", "Bearer")
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				next(w, r, p)
			})
		},
		Reverify: d.verify,
	}
	for _, c := range change {
		c(&o)
	}
	d.Server = mcpserver.New(o)
	mux := http.NewServeMux()
	d.Register(mux)
	server := &http.Server{
		Handler: mux, ReadTimeout: time.Minute, WriteTimeout: 3 * time.Minute, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	go func() { _ = server.Serve(d.pipes) }()
	transport := &http.Transport{DialContext: d.pipes.dial}
	d.client = &http.Client{Transport: transport}
	t.Cleanup(func() {
		cut, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		cancel()
		d.Stop(cut)
		_ = server.Close()
		transport.CloseIdleConnections()
		time.Sleep(time.Second) // the server closes after a moment what it has not read to its end
	})
	return d
}

func (d *doors) verify(r *http.Request) (identity.Principal, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down {
		return identity.Principal{}, errors.New("connection refused")
	}
	p, ok := d.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if !ok || !time.Now().Before(p.Expires) {
		return identity.Principal{}, fmt.Errorf("%w: unknown", mcpserver.ErrEnded)
	}
	return p, nil
}

func (d *doors) revoke(token string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.tokens, token)
}

// Run implements mcpserver.Runner: whoAmI answers, getEmails waits.
func (d *doors) Run(ctx context.Context, p identity.Principal, name string, _ json.RawMessage) (*tool.Output, error) {
	d.mu.Lock()
	d.seen = append(d.seen, p.UPN+" "+name+" "+strings.Join(p.Scopes, ","))
	d.mu.Unlock()
	if name == "getEmails" {
		how := "finished"
		select {
		case <-d.calls:
		case <-ctx.Done():
			how = "cancelled"
		}
		d.mu.Lock()
		d.ended[p.UPN] = how
		d.mu.Unlock()
	}
	return &tool.Output{RequestID: "01", Text: "for " + p.UPN, Structured: json.RawMessage(`{}`)}, nil
}

func (d *doors) said() (seen []string, ended map[string]string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seen, d.ended
}

// do sends a request and reads the answer to its end.
func (d *doors) do(t *testing.T, method, path, token, body string, header ...string) answer {
	t.Helper()
	resp := d.start(t, method, path, token, body, header...)
	text, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

func (d *doors) start(t *testing.T, method, path, token, body string, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, host+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := d.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// peer is a client on a stream.
type peer interface {
	// say sends a message, and fails the test if it is not taken.
	say(t *testing.T, body string)
	// hear returns the next message, and "" when the stream has ended.
	hear() string
}

// both runs a test on both kinds of streams.
func both(t *testing.T, test func(t *testing.T, d *doors, open func(*testing.T, *doors, string) peer)) {
	t.Helper()
	for name, open := range map[string]func(*testing.T, *doors, string) peer{
		"sse": func(t *testing.T, d *doors, token string) peer { t.Helper(); return d.events(t, token) },
		"ws":  func(t *testing.T, d *doors, token string) peer { t.Helper(); return d.socket(t, token) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { test(t, openDoors(t), open) })
		})
	}
}

// eventPeer is a client of 2024-11-05.
type eventPeer struct {
	d        *doors
	token    string
	endpoint string
	body     io.ReadCloser
	lines    *bufio.Scanner
	heard    chan string
}

func (d *doors) events(t *testing.T, token string, header ...string) *eventPeer {
	t.Helper()
	resp := d.start(t, http.MethodGet, "/sse", token, "", header...) //nolint:bodyclose // leave does
	p := &eventPeer{d: d, token: token, body: resp.Body, lines: bufio.NewScanner(resp.Body)}
	t.Cleanup(p.leave)
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || kind != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	name, data := p.event()
	if name != "endpoint" {
		t.Fatalf("the first event is %q: %s", name, data)
	}
	p.endpoint = data
	p.heard = collect(func() (string, bool) {
		name, data := p.event()
		return data, name == "message"
	})
	return p
}

// collect takes messages as they come, until there are no more.
func collect(next func() (string, bool)) chan string {
	heard := make(chan string, 100)
	go func() {
		defer close(heard)
		for {
			message, ok := next()
			if !ok {
				return
			}
			heard <- message
		}
	}()
	return heard
}

// event returns the next event, and empty texts when the stream has ended.
func (p *eventPeer) event() (name, data string) {
	for p.lines.Scan() {
		line := p.lines.Text()
		if line == "" && name != "" {
			return name, data
		}
		if after, ok := strings.CutPrefix(line, "event: "); ok {
			name = after
		}
		if after, ok := strings.CutPrefix(line, "data: "); ok {
			data += after
		}
	}
	return "", ""
}

func (p *eventPeer) say(t *testing.T, body string) {
	t.Helper()
	if a := p.d.do(t, http.MethodPost, p.endpoint, p.token, body); a.status != http.StatusAccepted {
		t.Fatalf("%d %s", a.status, a.body)
	}
}

func (p *eventPeer) hear() string { return <-p.heard }

// leave cuts the connection.
func (p *eventPeer) leave() { _ = p.body.Close() }

// socketPeer is a client of WebSocket.
type socketPeer struct {
	conn  *websocket.Conn
	heard chan string
}

func (d *doors) socket(t *testing.T, token string) *socketPeer {
	t.Helper()
	conn, refused := d.upgrade(t, "/ws", "Authorization", "Bearer "+token)
	if conn == nil {
		t.Fatalf("%+v", refused)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &socketPeer{conn, collect(func() (string, bool) {
		_, text, err := conn.Read(context.WithoutCancel(t.Context()))
		return string(text), err == nil
	})}
}

// upgrade returns a connection, or nil and the answer that refused it.
func (d *doors) upgrade(t *testing.T, path string, header ...string) (*websocket.Conn, answer) {
	t.Helper()
	o := &websocket.DialOptions{HTTPClient: d.client, HTTPHeader: http.Header{}, Subprotocols: []string{"mcp"}}
	for i := 0; i+1 < len(header); i += 2 {
		o.HTTPHeader.Set(header[i], header[i+1])
	}
	if o.HTTPHeader.Get("Sec-WebSocket-Protocol") != "" {
		o.Subprotocols = nil
	}
	conn, resp, err := websocket.Dial(t.Context(), host+path, o)
	if err == nil {
		return conn, answer{}
	}
	if resp == nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return nil, answer{resp.StatusCode, resp.Header, string(text)}
}

func (p *socketPeer) say(t *testing.T, body string) {
	t.Helper()
	if err := p.conn.Write(t.Context(), websocket.MessageText, []byte(body)); err != nil {
		t.Fatal(err)
	}
}

func (p *socketPeer) hear() string { return <-p.heard }

const (
	hello   = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`
	ready   = `{"jsonrpc":"2.0","method":"notifications/initialized"}`
	slowOne = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"getEmails","arguments":{}}}`
)

func who(id int) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"whoAmI","arguments":{}}}`, id)
}

func expectTexts(t *testing.T, got string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("%q is not in %q", w, got)
		}
	}
}
