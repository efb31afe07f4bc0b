// Package router is the front of the simulated Microsoft Graph: everything
// that is the same for all its workloads.
//
// A request is counted ([Server.Requests]), passes the fault switchboard, is
// authenticated, matched against the templates of Microsoft's OpenAPI
// description, held against the limits of a mailbox and the delegated scopes
// that Microsoft lists for the operation, and then answered by the operation's
// workload under one lock. $batch sends its parts the same way, one by one.
//
// [Server.Storage] is the other origin, of pre-authorized upload and download
// URLs, which refuses whoever sends a token there.
package router

import (
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/fault"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/query"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/token"
)

// maxBody is Graph's limit for a JSON request.
const maxBody = 4 << 20

// Options are what a [Server] is made of.
type Options struct {
	Tenant     *dataset.Tenant
	Verify     func(raw string) (token.Claims, error) // errors: token.ErrExpired, token.ErrInvalid
	BaseURL    string                                 // public origin, for nextLink and @odata.context
	StorageURL string                                 // public origin of [Server.Storage]; empty: no uploads
	Now        func() time.Time
	Faults     *fault.Switchboard // nil: none
	Logger     *slog.Logger       // nil: silent

	// MailboxConcurrency is how many requests one app may have under way in
	// one mailbox before it is throttled; Graph allows 4. MailboxRequests is
	// how many in ten minutes; Graph allows 10,000. 0 is no limit.
	MailboxConcurrency int
	MailboxRequests    int

	Workloads []service.Workload
}

// Server is the simulated Graph. It is safe for concurrent use.
type Server struct {
	opts    Options
	routes  []route
	handler http.Handler
	storage []storageHandler
	log     *requestLog

	mu sync.RWMutex // guards the workloads
}

// New returns a server of some workloads.
func New(opts Options) *Server {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{opts: opts, log: newRequestLog()}
	for _, w := range opts.Workloads {
		for _, o := range w.Operations() {
			s.routes = append(s.routes, newRoute(o))
		}
		if storage, ok := w.(service.Storage); ok {
			s.addStorage(storage)
		}
	}
	batch := newRoute(service.Operation{Method: http.MethodPost, Template: "/$batch"})
	batch.unlocked = s.batch
	s.routes = append(s.routes, batch)
	s.handler = s.faulty(http.HandlerFunc(s.serve))
	return s
}

func (s *Server) faulty(h http.Handler) http.Handler {
	if s.opts.Faults == nil {
		return h
	}
	return s.opts.Faults.Middleware(h)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, c := r.Context(), s.newCall(r)
	tracked := &statusWriter{ResponseWriter: w}
	finish := s.log.begin(c, s.opts.Now())
	defer func() {
		finish(tracked)
		s.opts.Logger.LogAttrs(ctx, slog.LevelDebug, "simulated graph",
			slog.String("method", r.Method), slog.String("path", r.URL.EscapedPath()), slog.Int("status", tracked.status))
	}()
	s.handler.ServeHTTP(tracked, r.WithContext(withCall(ctx, c)))
}

// serve answers a request that no fault has claimed.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	c := callOf(r.Context())
	result, err := s.answer(c)
	if err != nil {
		s.writeError(r.Context(), w, c, err)
		return
	}
	s.write(r.Context(), w, c, result)
}

// answer holds the steps that no operation may skip.
func (s *Server) answer(c *call) (*service.Answer, error) {
	if c.tokenErr != nil {
		return nil, s.unauthorized(c.tokenErr)
	}
	if c.me = s.person(c.claims.UserID, false); c.me == nil || c.claims.TenantID != s.opts.Tenant.ID {
		return nil, s.unauthorized(token.ErrInvalid)
	}
	if c.matchErr != nil {
		return nil, c.matchErr
	}
	if c.route.unlocked != nil {
		if c.bodyErr != nil {
			return nil, c.bodyErr
		}
		return c.route.unlocked(c)
	}
	if err := s.throttle(c); err != nil {
		return nil, err
	}
	if err := s.findOwner(c); err != nil {
		return nil, err
	}
	pages := c.route.Pages
	if pages == (query.Pages{}) {
		pages = query.Outlook
	}
	opts, err := query.Parse(c.r.URL.RawQuery, c.route.Options, c.owner.ID+"|"+c.r.URL.EscapedPath(), pages)
	if err != nil {
		return nil, err
	}
	if c.bodyErr != nil {
		return nil, c.bodyErr
	}
	in := &service.Call{
		Request: c.r, ID: c.requestID, Claims: c.claims, Operation: c.route.Operation, Params: c.params, Me: c.me, Owner: c.owner,
		Options: opts, Prefer: c.prefer, Body: c.body, Now: s.opts.Now(), BaseURL: s.opts.BaseURL, Storage: s.opts.StorageURL,
	}
	if c.route.Method == http.MethodGet || c.route.Reads {
		s.mu.RLock()
		defer s.mu.RUnlock()
	} else {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	if err := s.checkAccess(in); err != nil {
		return nil, err
	}
	return c.route.Handle(in)
}

func (s *Server) throttle(c *call) error {
	if limit := s.opts.MailboxConcurrency; limit > 0 && c.inFlight > limit {
		return apierror.Throttled("MailboxConcurrency", "1")
	}
	key := c.mailbox
	if s.opts.MailboxRequests <= 0 || key == "" {
		return nil
	}
	if wait := s.log.window(key, s.opts.MailboxRequests, s.opts.Now()); wait > 0 {
		return apierror.Throttled("MailboxRequests", seconds(wait))
	}
	return nil
}

// Read runs f while no request changes anything, for tests that look into a workload.
func (s *Server) Read(f func()) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f()
}

// Operations lists what the server offers, for tests to hold against
// Microsoft's description.
func (s *Server) Operations() []service.Operation {
	var out []service.Operation
	for _, r := range s.routes {
		out = append(out, *r.Operation)
	}
	return out
}

// Match finds the template of a request; empty where none fits.
func (s *Server) Match(method, escapedPath string) string {
	r, _, err := find(s.routes, method, escapedPath)
	if err != nil {
		return ""
	}
	return r.Template
}

// person finds a member of the tenant by object id or user principal name,
// shared mailboxes included where they may be meant.
func (s *Server) person(name string, shared bool) *dataset.Person {
	people := s.opts.Tenant.People
	if i := slices.IndexFunc(people, func(p dataset.Person) bool { return p.Named(name) }); i >= 0 {
		return &people[i]
	}
	boxes := s.opts.Tenant.Shared
	i := slices.IndexFunc(boxes, func(b dataset.SharedMailbox) bool { return b.Named(name) })
	if i < 0 || !shared {
		return nil
	}
	return &boxes[i].Person
}
