// Package graph is a simulated Microsoft Graph v1.0: profile, mailbox settings,
// mail folders, messages, attachments, drafts, replies and sendMail of one tenant, in memory.
//
// A request is counted ([Server.Requests]), passes the fault switchboard, is
// authenticated, matched against the templates of Microsoft's OpenAPI
// description, held against the delegated scopes that Microsoft lists for the
// operation, and then answered under one lock. Shapes, errors and headers
// follow Microsoft's metadata and documentation and not any particular client:
// the package imports nothing of the product it is a witness for.
//
//	exchange  mailboxes, messages and the transport between them
//	wire      Graph's JSON of them, both ways
//	query     OData's system query options; odata is its filters, kql its search
//	apierror  what is refused, in Graph's words
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
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/query"
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

	mu   sync.RWMutex // guards mail
	mail *exchange.Store
}

// New returns a server with a copy of the tenant's mailboxes, so that several
// servers may share one data set.
func New(opts Options) *Server {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{opts: opts, routes: routeTable(), log: newRequestLog(), mail: exchange.NewStore(opts.Tenant, opts.Now)}
	s.handler = http.HandlerFunc(s.serve)
	if opts.Faults != nil {
		s.handler = opts.Faults.Middleware(s.handler)
	}
	return s
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
	result, err := s.answer(w, c)
	if err != nil {
		s.writeError(r.Context(), w, c, err)
		return
	}
	s.write(r.Context(), w, c, result)
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
		return nil, &apierror.Error{
			Status: http.StatusTooManyRequests, Code: "ApplicationThrottled",
			Message: "Application is over its MailboxConcurrency limit.", Header: map[string]string{"Retry-After": "1"},
		}
	}
	if err := s.authorize(c); err != nil {
		return nil, err
	}
	opts, err := query.Parse(c.r.URL.RawQuery, c.route.options, c.owner.ID+"|"+c.r.URL.EscapedPath())
	if err != nil {
		return nil, err
	}
	c.opts = opts
	if c.route.method != http.MethodGet {
		body, err := io.ReadAll(http.MaxBytesReader(w, c.r.Body, maxBody))
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			return nil, &apierror.Error{Status: http.StatusRequestEntityTooLarge, Code: "RequestEntityTooLarge", Message: "The request is larger than the 4 MB that Microsoft Graph accepts."}
		} else if err != nil {
			return nil, apierror.BadRequest("BadRequest", "The request body could not be read.")
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
