package mcpserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"m365mcp/identity"
	"m365mcp/mcpserver"
	"m365mcp/tool"
	"m365mcp/tool/mail"
	"m365mcp/tool/platform"
)

// runner answers every call the same way, and remembers it.
type runner struct {
	err error

	mu   sync.Mutex
	seen []string
}

func (r *runner) Run(_ context.Context, p identity.Principal, name string, args json.RawMessage) (*tool.Output, error) {
	r.mu.Lock()
	r.seen = append(r.seen, p.UPN+" "+name+" "+string(args))
	r.mu.Unlock()
	if r.err != nil {
		return nil, r.err
	}
	return &tool.Output{RequestID: "01REQUEST", Text: "in words", Structured: json.RawMessage(`{"in":"data"}`)}, nil
}

const origin = "https://assistant.example"

// endpoint is the handler with the real tools on a real server.
type endpoint struct {
	*httptest.Server
	runner *runner
	log    *bytes.Buffer // read it after Close

	who      identity.Principal // where it is not Ada
	declines bool               // StepUp does
	asked    chan string        // the scopes that it was told
}

func newEndpoint(t *testing.T) *endpoint {
	t.Helper()
	return newEndpointOf(t, "getEmails,sendEmail,whoAmI", "User.Read", "Mail.ReadWrite", "Mail.Send")
}

// newEndpointOf is newEndpoint with another choice of tools, and scopes of the token.
func newEndpointOf(t *testing.T, choice string, scopes ...string) *endpoint {
	t.Helper()
	selection, err := tool.Select(choice, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	registry, err := tool.NewRegistry(tool.Set{
		Tools: append(mail.Tools(), platform.Tools()...), Resources: platform.Resources(), Prompts: platform.Prompts(),
	}, selection)
	if err != nil {
		t.Fatal(err)
	}
	e := &endpoint{Server: httptest.NewUnstartedServer(nil), runner: &runner{}, log: &bytes.Buffer{}, asked: make(chan string, 9)}
	e.Config.Handler = mcpserver.New(mcpserver.Options{
		Registry: registry, Runner: e.runner, Version: "1.2.3", PublicURL: "http://" + e.Listener.Addr().String(),
		StepUp: func(w http.ResponseWriter, _ *http.Request, _ identity.Principal, missing []string) bool {
			e.asked <- strings.Join(missing, " ")
			if !e.declines {
				w.WriteHeader(http.StatusForbidden)
			}
			return !e.declines
		},
		AllowedOrigins: []string{origin}, MaxRequestBytes: 4096, Logger: slog.New(slog.NewTextHandler(e.log, nil)),
		RequireBearer: func(next func(http.ResponseWriter, *http.Request, identity.Principal)) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if e.who.Service != "" {
					next(w, r, e.who)
					return
				}
				next(w, r, identity.Principal{TenantID: "t", UserID: "u", UPN: "ada@tideline.example", Expires: time.Now().Add(time.Hour), Scopes: scopes})
			})
		},
	})
	e.Start()
	t.Cleanup(e.Close)
	return e
}

type answer struct {
	status int
	header http.Header
	body   string
}

// send posts a body as clients of 2025-11-25 do; header overrides, and "" removes.
func (e *endpoint) send(t *testing.T, body string, header ...string) answer {
	t.Helper()
	return e.request(t, http.MethodPost, body, header...)
}

func (e *endpoint) request(t *testing.T, method, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, e.URL+"/mcp", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	all := append([]string{
		"Authorization", "Bearer x", "Content-Type", "application/json",
		"Accept", "application/json, text/event-stream", "Mcp-Protocol-Version", "2025-11-25",
	}, header...)
	for i := 0; i < len(all); i += 2 {
		req.Header.Set(all[i], all[i+1])
		if all[i+1] == "" {
			req.Header.Del(all[i])
		}
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	resp, err := e.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// modern makes a request of 2026-07-28: every one carries version and capabilities.
func (e *endpoint) modern(t *testing.T, method, params string, header ...string) answer {
	t.Helper()
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
	if params != "" {
		params = "," + params
	}
	body := `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{` + meta + params + `}}`
	return e.send(t, body, append([]string{"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", method}, header...)...)
}

// rpc is a JSON-RPC answer.
type rpc struct {
	ID     any             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// parse reads the answer, which may be the one event of a stream.
func parse(t *testing.T, a answer) rpc {
	t.Helper()
	text := a.body
	if strings.HasPrefix(a.header.Get("Content-Type"), "text/event-stream") {
		_, data, ok := strings.Cut(text, "data: ")
		if !ok {
			t.Fatalf("no event in %q", text)
		}
		text, _, _ = strings.Cut(data, "\n")
	}
	var out rpc
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v in %d %q", err, a.status, a.body)
	}
	return out
}
