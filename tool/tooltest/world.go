package tooltest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"m365mcp/dial"
	"m365mcp/gateway"
	"m365mcp/identity"
	"m365mcp/internal/graphdata"
	"m365mcp/internal/secret"
	simgraph "m365mcp/simulator/graph"
	"m365mcp/simulator/token"
)

// Request is a request that arrived at the simulated Graph or at its storage host.
type Request struct {
	Method   string
	Path     string // as sent, still escaped
	Query    string
	Template string // Microsoft's; empty where nothing is described
	Header   http.Header
	Body     []byte
	Status   int
	Storage  bool // it went to the storage host
}

func (r Request) String() string {
	s := r.Method + " " + r.Path
	if r.Query != "" {
		s += "?" + r.Query
	}
	if len(r.Body) > 0 {
		s += fmt.Sprintf(" %.300s", r.Body)
	}
	return s
}

// world is the simulated Graph behind a listener of the harness, and the gateway.
type world struct {
	sim     *simgraph.Server
	gateway *gateway.Gateway
	servers []*httptest.Server
	clients []*http.Client
	data    *graphdata.Data
	fails   map[string]int // "METHOD template" -> status
	gone    string         // "METHOD template" that this Graph does not have

	mu   sync.Mutex
	seen []*Request
	ids  int
}

func newWorld(o Options, data *graphdata.Data) (*world, error) {
	w := &world{data: data, fails: o.Fails}
	now := func() time.Time { return o.Now }
	api, storage := httptest.NewUnstartedServer(nil), httptest.NewUnstartedServer(nil)
	w.servers = []*httptest.Server{api, storage}
	origin, bytesAt := "http://"+api.Listener.Addr().String(), "http://"+storage.Listener.Addr().String()
	w.sim = simgraph.New(simgraph.Options{
		Tenant: o.Tenant, Verify: verifier(o.Tenant.ID, o.Now), BaseURL: origin, StorageURL: bytesAt, Now: now,
	})
	api.Config.Handler = w.watch(w.sim, false)
	storage.Config.Handler = w.watch(w.sim.Storage(), true)
	api.Start()
	storage.Start()
	client, err := dial.Client("graph", origin)
	if err != nil {
		return nil, err
	}
	hosts := []string{"127.0.0.1"}
	files, err := dial.StorageClient("storage", hosts, true)
	if err != nil {
		return nil, err
	}
	w.clients = []*http.Client{client, files}
	w.gateway, err = gateway.New(gateway.Options{
		GraphURL: origin, Version: "v1.0", HTTP: client, StorageHosts: hosts, Storage: files,
		Credentials: credentials{}, Recheck: func(context.Context, identity.Principal) error { return nil },
		Retry: gateway.Retry{MaxAttempts: 2, Backoff: time.Millisecond, MaxWait: time.Millisecond},
		NewID: w.newID, Now: now, Logger: slog.New(slog.DiscardHandler),
	})
	return w, err
}

func (w *world) close() {
	for _, c := range w.clients {
		c.CloseIdleConnections()
	}
	for _, s := range w.servers {
		s.Close()
	}
}

// newID counts in the form of a ULID.
func (w *world) newID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids++
	return fmt.Sprintf("01JDA5Q2Z0%016d", w.ids)
}

// credentials mint a token of the person and the scopes of the call; verifier reads it.
type credentials struct{}

// Token implements gateway.Credentials.
func (credentials) Token(_ context.Context, p identity.Principal) (secret.String, error) {
	return secret.New(p.UserID + " " + strings.Join(p.Scopes, " ")), nil
}

// Reject implements gateway.Credentials.
func (credentials) Reject(context.Context, identity.Principal, secret.String, string) error {
	return fmt.Errorf("the simulated Graph refused the token: %w", gateway.ErrSignInRequired)
}

func verifier(tenantID string, now time.Time) func(string) (token.Claims, error) {
	return func(raw string) (token.Claims, error) {
		person, scopes, ok := strings.Cut(raw, " ")
		if !ok {
			return token.Claims{}, token.ErrInvalid
		}
		return token.Claims{TenantID: tenantID, UserID: person, ClientID: "tooltest", Scopes: strings.Fields(scopes), Expires: now.Add(time.Hour)}, nil
	}
}

func (w *world) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = nil
}

func (w *world) requests() []Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]Request, len(w.seen))
	for i, r := range w.seen {
		out[i] = *r
	}
	return out
}

// watch notes requests, and answers in Graph's place what is to fail.
func (w *world) watch(next http.Handler, storage bool) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		w.mu.Lock()
		gone := w.gone
		w.mu.Unlock()
		noted := Request{
			Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Header: r.Header.Clone(), Body: body, Storage: storage,
		}
		if !storage {
			found, _ := w.data.Find(r.Method, noted.Path)
			noted.Template = found.Template
			body = w.without(gone, noted, body)
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		tracked := &statusWriter{ResponseWriter: rw, status: http.StatusOK}
		// Noted before it is answered, or a quick caller would look too early.
		note := &noted
		note.Status = http.StatusOK
		w.mu.Lock()
		w.seen = append(w.seen, note)
		w.mu.Unlock()
		tracked.told = func(status int) {
			w.mu.Lock()
			defer w.mu.Unlock()
			note.Status = status
		}
		if status := w.failure(r.Method+" "+noted.Template, gone); status != 0 {
			refuse(tracked, status)
		} else {
			next.ServeHTTP(tracked, r)
		}
	})
}

// lose takes an operation away from Graph; "" gives it back.
func (w *world) lose(operation string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = operation
}

func (w *world) failure(operation, gone string) int {
	if operation == gone {
		return http.StatusNotFound
	}
	return w.fails[operation]
}

// without makes the missing operation miss in a batch too: its part is sent to a
// segment that Graph does not have.
func (w *world) without(gone string, r Request, body []byte) []byte {
	if gone == "" || r.Template != "/$batch" {
		return body
	}
	var batch struct {
		Requests []map[string]any `json:"requests"`
	}
	if json.Unmarshal(body, &batch) != nil {
		return body
	}
	for _, sub := range batch.Requests {
		method, _ := sub["method"].(string)
		address, _ := sub["url"].(string)
		path, query, _ := strings.Cut(address, "?")
		if found, _ := w.data.Find(method, path); method+" "+found.Template == gone {
			sub["url"] = path + "/missing?" + query
		}
	}
	changed, err := json.Marshal(batch)
	if err != nil {
		return body
	}
	return changed
}

// refuse answers an error as Graph writes it.
func refuse(w http.ResponseWriter, status int) {
	code := map[int]string{
		http.StatusForbidden: "accessDenied", http.StatusNotFound: "itemNotFound", http.StatusConflict: "nameAlreadyExists",
		http.StatusLocked: "resourceLocked", http.StatusTooManyRequests: "TooManyRequests", http.StatusPreconditionFailed: "resourceModified",
	}[status]
	if code == "" {
		code = "generalException"
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":{"code":%q,"message":"The test lets this request fail.","innerError":{"date":"2026-11-19T10:00:00","request-id":"r","client-request-id":"c"}}}`, code)
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
	told   func(status int) // before the answer goes out
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	if w.told != nil {
		w.told(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
