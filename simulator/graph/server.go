// Package graph is a simulated Microsoft Graph v1.0: profile, mailbox settings,
// mail folders, messages, attachments, drafts, replies and sendMail of one tenant, in memory.
//
// A request is counted ([Server.Requests]), passes the fault switchboard, is
// authenticated, matched against the templates of Microsoft's OpenAPI
// description, held against the delegated scopes that Microsoft lists for the
// operation, and then answered under one lock. Shapes, errors and headers
// follow Microsoft's metadata and documentation and not any particular client:
// the package imports nothing of the product it is a witness for.
package graph

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/fault"
	"m365mcp/simulator/token"
)

// maxBody is Graph's limit for a JSON request.
const maxBody = 4 << 20

// Options are what a [Server] is made of.
type Options struct {
	Tenant  *dataset.Tenant
	Verify  func(raw string) (token.Claims, error) // errors: token.ErrExpired, token.ErrInvalid
	BaseURL string                                 // public origin, for nextLink and @odata.context
	Now     func() time.Time
	Faults  *fault.Switchboard // nil: none
	Logger  *slog.Logger       // nil: silent

	// MailboxConcurrency is how many requests one app may have under way in
	// one mailbox before it is throttled; Graph allows 4. 0 is no limit.
	MailboxConcurrency int
}

// Server is the simulated Graph. It is safe for concurrent use.
type Server struct {
	opts    Options
	routes  []route
	handler http.Handler
	log     *requestLog

	mu        sync.RWMutex
	mailboxes map[string]*mailbox // by person
	serial    int                 // of messages created here
}

// New returns a server with a copy of the tenant's mailboxes, so that several
// servers may share one data set.
func New(opts Options) *Server {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{opts: opts, routes: routeTable(), log: newRequestLog(), mailboxes: map[string]*mailbox{}}
	for i := range opts.Tenant.People {
		person := &opts.Tenant.People[i]
		if content := opts.Tenant.Mailbox[person.ID]; content != nil {
			s.mailboxes[person.ID] = newMailbox(person, content)
		}
	}
	s.handler = http.HandlerFunc(s.serve)
	if opts.Faults != nil {
		s.handler = opts.Faults.Middleware(s.handler)
	}
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := s.newCall(r)
	tracked := &statusWriter{ResponseWriter: w}
	finish := s.log.begin(c, s.opts.Now())
	defer func() {
		finish(tracked)
		s.opts.Logger.LogAttrs(r.Context(), slog.LevelDebug, "simulated graph",
			slog.String("method", r.Method), slog.String("path", r.URL.EscapedPath()), slog.Int("status", tracked.status))
	}()
	s.handler.ServeHTTP(tracked, r.WithContext(withCall(r.Context(), c)))
}

// serve answers a request that no fault has claimed.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	c := callOf(r.Context())
	result, err := s.answer(w, c)
	if err != nil {
		s.writeError(w, c, err)
		return
	}
	s.write(w, c, result)
}

// answer holds the steps that no operation may skip.
func (s *Server) answer(w http.ResponseWriter, c *call) (*answer, error) {
	if c.tokenErr != nil {
		return nil, s.unauthorized(c.tokenErr)
	}
	me := s.person(c.claims.UserID)
	if me == nil || c.claims.TenantID != s.opts.Tenant.ID {
		return nil, s.unauthorized(token.ErrInvalid)
	}
	c.me = me
	if c.matchErr != nil {
		return nil, c.matchErr
	}
	if limit := s.opts.MailboxConcurrency; limit > 0 && c.inFlight > limit {
		return nil, &apiError{
			status: http.StatusTooManyRequests, code: "ApplicationThrottled",
			message: "Application is over its MailboxConcurrency limit.", header: map[string]string{"Retry-After": "1"},
		}
	}
	if err := s.authorize(c); err != nil {
		return nil, err
	}
	if err := c.parseQuery(); err != nil {
		return nil, err
	}
	if c.route.method != http.MethodGet {
		body, err := io.ReadAll(http.MaxBytesReader(w, c.r.Body, maxBody))
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			return nil, &apiError{status: http.StatusRequestEntityTooLarge, code: "RequestEntityTooLarge", message: "The request is larger than the 4 MB that Microsoft Graph accepts."}
		} else if err != nil {
			return nil, badRequest("BadRequest", "The request body could not be read.")
		}
		c.body = body
		s.mu.Lock()
		defer s.mu.Unlock()
		return c.route.handle(s, c)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return c.route.handle(s, c)
}
