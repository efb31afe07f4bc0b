// Package graph is the simulated Microsoft Graph v1.0 of one tenant, in memory:
// all workloads behind one router. Shapes, errors and headers follow
// Microsoft's metadata and documentation and not any particular client: the
// simulator imports nothing of the product it is a witness for.
//
//	router     what no operation may skip: token, throttling, scopes, options, $batch; records
//	service    what router and workloads share
//	mail       folders, messages, attachments, sending; exchange holds the mailboxes
//	directory  users, people, contacts, mailbox settings
//	calendars  calendars, events, series, invitations, free and busy times
//	teams      teams, channels, chats, presence, online meetings
//	tasks      To Do, Planner
//	drive      OneDrive, SharePoint
//	search     /search/query over all of them
//	wire       Graph's JSON of mail and people, both ways
//	query      OData's system query options; odata is its filters, kql its search
//	apierror   what is refused, in Graph's words
package graph

import (
	"log/slog"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/fault"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/router"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/token"
)

// Options are what a [Server] is made of.
type Options struct {
	Tenant     *dataset.Tenant
	Verify     func(raw string) (token.Claims, error) // errors: token.ErrExpired, token.ErrInvalid
	BaseURL    string                                 // public origin, for nextLink and @odata.context
	StorageURL string                                 // public origin of Server.Storage(); empty: no uploads
	Now        func() time.Time
	Faults     *fault.Switchboard // nil: none
	Logger     *slog.Logger       // nil: silent

	MailboxConcurrency int // requests of an app under way in one mailbox, Graph: 4; 0 is no limit
	MailboxRequests    int // requests of an app to one mailbox in ten minutes, Graph: 10,000; 0 is no limit
	PostsPerSecond     int // messages of an app to one channel or chat; 0 is Graph's 4, negative no limit
}

// Record is a request that arrived, for tests to look at.
type Record = router.Record

// Server is the simulated Graph, and by its Storage method the host of upload
// and download URLs. It is safe for concurrent use.
type Server struct {
	*router.Server

	store     *exchange.Store
	workloads []service.Workload
}

// Outbound lists the messages that left the tenant, in their order.
func (s *Server) Outbound() []exchange.Outgoing {
	var out []exchange.Outgoing
	s.Read(func() { out = s.store.Outbound() })
	return out
}

// ExpireDeltas makes every delta link that was given out answer 410.
func (s *Server) ExpireDeltas() {
	for _, w := range s.workloads {
		if forgetful, ok := w.(interface{ ExpireDeltas() }); ok {
			forgetful.ExpireDeltas()
		}
	}
}

// New returns a server with a copy of the tenant's content, so that several
// servers may share one data set.
func New(opts Options) *Server {
	store := exchange.NewStore(opts.Tenant, opts.Now)
	s := &Server{store: store, workloads: workloads(opts, store)}
	s.Server = router.New(router.Options{
		Tenant: opts.Tenant, Verify: opts.Verify, BaseURL: opts.BaseURL, StorageURL: opts.StorageURL, Now: opts.Now,
		Faults: opts.Faults, Logger: opts.Logger, MailboxConcurrency: opts.MailboxConcurrency, MailboxRequests: opts.MailboxRequests,
		Workloads: s.workloads,
	})
	return s
}
