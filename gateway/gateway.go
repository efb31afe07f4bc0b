// Package gateway is the only sender of people's data. A request passes
//
//	admit -> retry -> limit -> credential -> send -> log
//
// (admit says where it may go: Graph, a link that Graph gave, or a storage host),
// and only a [Session] can bring one in: the Runner of package tool gets it for
// a call that was decided, and closes it when the call ends. What a session
// may do (read, or write too) is fixed when it is opened.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go"

	"m365mcp/dial"
	"m365mcp/graph"
	"m365mcp/identity"
	"m365mcp/internal/secret"
)

// recheckAfter is how old the last look at the grant may be before a request
// goes out (a revocation holds within one second).
const recheckAfter = 500 * time.Millisecond

// ErrSignInRequired is what Credentials return when no refresh can help: the
// person has to sign in at Microsoft again.
var ErrSignInRequired = errors.New("sign-in at Microsoft required")

// ErrRevoked is what Credentials return when the grant has no tokens any more.
var ErrRevoked = errors.New("grant revoked")

// ErrSealed is what Credentials return when the stored tokens cannot be opened.
var ErrSealed = errors.New("stored tokens cannot be opened")

// Credentials hands out Microsoft's access token of a principal's grant.
//
// Both methods are safe for concurrent use. Token returns an error that wraps
// ErrSignInRequired when the person has to sign in again, ErrRevoked
// or ErrSealed; any other error is temporary. Reject says that Graph refused token with 401; claims is the
// claims challenge that came with it, or empty.
type Credentials interface {
	Token(ctx context.Context, p identity.Principal) (secret.String, error)
	Reject(ctx context.Context, p identity.Principal, token secret.String, claims string) error
}

// Options configures a Gateway. All fields but the two for storage are required.
type Options struct {
	GraphURL string       // for example https://graph.microsoft.com
	Version  string       // v1.0 or beta
	HTTP     *http.Client // pinned to GraphURL
	// StorageHosts are where Graph may send us with pre-authorized URLs for the
	// bytes of files, as dial.Hosts writes them; see [DefaultStorageHosts]. Storage
	// is pinned to them (dial.StorageClient). Without them such URLs are refused.
	StorageHosts []string
	Storage      *http.Client
	Credentials  Credentials
	Apps         []App // linked ones
	// Recheck reads grant and kill epoch again; an error means that the request must not go out.
	Recheck func(context.Context, identity.Principal) error
	Retry   Retry
	NewID   func() string // ULIDs
	Now     func() time.Time
	Logger  *slog.Logger
}

// Gateway sends requests to Microsoft Graph. It is safe for concurrent use.
type Gateway struct {
	Options
	base    *url.URL // with the version, without a slash at the end
	storage dial.Hosts
	retry   failsafe.Executor[*graph.Response]
	slots   slots
	apps    map[string]App
}

// New returns a gateway for the Graph at o.GraphURL.
func New(o Options) (*Gateway, error) {
	u, err := url.Parse(o.GraphURL)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("graph URL %q is not a base URL", o.GraphURL)
	}
	if !slices.Contains([]string{"v1.0", "beta"}, o.Version) {
		return nil, fmt.Errorf("graph API version %q is neither v1.0 nor beta", o.Version)
	}
	hosts, err := dial.ParseHosts(o.StorageHosts)
	if err != nil {
		return nil, fmt.Errorf("storage hosts: %w", err)
	}
	if len(hosts) > 0 && o.Storage == nil {
		return nil, errors.New("storage hosts without a client for them")
	}
	u.Path = strings.TrimSuffix(u.Path, "/") + "/" + o.Version
	apps, err := appsByName(o.Apps)
	if err != nil {
		return nil, err
	}
	return &Gateway{
		Options: o,
		base:    u,
		storage: hosts,
		retry:   o.Retry.executor(),
		slots:   slots{held: map[string]*slot{}},
		apps:    apps,
	}, nil
}

// Call says for which decided tool call requests are made. These are the five
// metadata fields of every request: user id and mail, tool, request id, client.
type Call struct {
	Principal identity.Principal
	Tool      string
	RequestID string // of the tool call
	ReadOnly  bool   // safe methods only
	App       string // the linked app that it may send to, and to nothing else; "": to Graph alone
}

// metadata names the fields as Cloudflare AI Gateway gets them; it keeps five.
func (c Call) metadata() map[string]string {
	return map[string]string{
		"userId": c.Principal.UserID, "userEmail": c.Principal.Mail, "mcpTool": c.Tool,
		"requestId": c.RequestID, "clientId": c.Principal.ClientID,
	}
}

// Session sends the requests of one call. It implements graph.Doer.
type Session struct {
	gw   *Gateway
	call Call

	mu        sync.Mutex
	closed    bool
	checked   time.Time
	exchanges []graph.Exchange
}

// Open binds a session to a decided call.
func (g *Gateway) Open(call Call) *Session {
	return &Session{gw: g, call: call, checked: call.Principal.CheckedAt}
}

// Close ends the session: a Doer that leaked out of a tool sends nothing more.
func (s *Session) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// Exchanges returns what was sent so far, in order of completion.
func (s *Session) Exchanges() []graph.Exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.exchanges)
}

// Do implements graph.Doer.
func (s *Session) Do(ctx context.Context, r graph.Request) (*graph.Response, error) {
	rec := s.record(r)
	if r.Sub != nil {
		return s.batch(ctx, r, rec)
	}
	resp, err := s.do(ctx, r, rec)
	s.finish(ctx, rec, resp, err)
	return resp, err
}

func (s *Session) record(r graph.Request) *record {
	return &record{Exchange: graph.Exchange{ID: s.gw.NewID(), Method: r.Method, Path: r.Route() + r.Path.Template()}, start: s.gw.Now()}
}

// finish remembers and logs what became of a request.
func (s *Session) finish(ctx context.Context, rec *record, resp *graph.Response, err error) {
	s.mu.Lock()
	if rec.Attempts > 0 {
		s.exchanges = append(s.exchanges, rec.Exchange)
	}
	s.mu.Unlock()
	s.log(ctx, rec, resp, err)
}

func (s *Session) do(ctx context.Context, r graph.Request, rec *record) (*graph.Response, error) {
	if err := s.admit(r); err != nil {
		return nil, &graph.Error{Kind: graph.KindRefused, Exchange: rec.Exchange, Err: err}
	}
	if r.App != "" {
		return s.toApp(ctx, r, rec)
	}
	if !r.Safe() { // never repeated by us, whatever happens to it
		return s.attempt(ctx, r, rec)
	}
	return s.repeat(ctx, func() (*graph.Response, error) {
		resp, err := s.attempt(ctx, r, rec)
		if err != nil && rec.streamed { // part of it is out already
			err = &finalError{err}
		}
		return resp, err
	})
}

// attempt waits for a place, checks the grant, adds the credential and sends
// once; a 401 costs one more try with a new token, which is safe for writes too:
// Graph did nothing.
func (s *Session) attempt(ctx context.Context, r graph.Request, rec *record) (*graph.Response, error) {
	release, err := s.gw.slots.acquire(ctx, slotKey(s.call.Principal, r))
	if err != nil {
		return nil, err
	}
	defer release()
	for last := false; ; last = true {
		if r.Storage == "" {
			rec.token, err = s.gw.Credentials.Token(ctx, s.call.Principal)
			if err != nil {
				return nil, &graph.Error{Kind: withoutToken(err), Exchange: rec.Exchange, Err: err}
			}
		}
		// After the token, which may have waited for Entra: nothing comes between this and send.
		if err := s.recheck(ctx); err != nil {
			return nil, &graph.Error{Kind: graph.KindRevoked, Exchange: rec.Exchange, Err: err}
		}
		resp, claims, err := s.gw.send(ctx, r, rec)
		var ge *graph.Error
		if !errors.As(err, &ge) || ge.Kind != graph.KindGraph || ge.Status != http.StatusUnauthorized || rec.atStorage {
			return resp, err
		}
		if rejected := s.gw.Credentials.Reject(ctx, s.call.Principal, rec.token, claims); rejected != nil {
			return nil, errors.Join(ge, rejected)
		}
		if last || claims != "" {
			ge.Kind = graph.KindSignIn
			return nil, ge
		}
	}
}

// withoutToken says why there is no token to send.
func withoutToken(err error) graph.Kind {
	switch {
	case errors.Is(err, ErrSignInRequired):
		return graph.KindSignIn
	case errors.Is(err, ErrRevoked):
		return graph.KindRevoked
	case errors.Is(err, ErrSealed):
		return graph.KindSealed
	}
	return graph.KindNetwork
}

// recheck looks at the grant again if the last look is too old (invariant 8).
func (s *Session) recheck(ctx context.Context) error {
	now := s.gw.Now()
	s.mu.Lock()
	fresh := now.Sub(s.checked) < recheckAfter
	s.mu.Unlock()
	if fresh {
		return nil
	}
	if err := s.gw.Recheck(ctx, s.call.Principal); err != nil {
		return fmt.Errorf("grant: %w", err)
	}
	s.mu.Lock()
	s.checked = now
	s.mu.Unlock()
	return nil
}
