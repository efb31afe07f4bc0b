// Package service is what the workloads of the simulated Graph (mail, calendar,
// Teams, files, ...) share: the operations that they offer, the call that an
// operation serves, and its answer. Package router routes to them:
//
//	token -> route -> throttling -> scopes -> query options -> Handle, under one lock
//
// A [Workload] is a package with a New(...) and a method Operations() []Operation.
// Its Handle functions run one at a time, reads (GET) beside each other.
//
// A workload is tried alone, over real HTTP and without the others, by
//
//	rig := servicetest.Start(t, servicetest.Options{Tenant: tenant, Now: now, Workloads: []service.Workload{drive.New(tenant)}})
//	got := rig.Do(t, personID+" Files.Read", "GET", "/me/drive", "") // the token is the person's id and the scopes
//
// Templates are written as Microsoft writes them. Of several that fit a path,
// literals go before parameters:
//
//	/me/messages/{message-id}               OData's key syntax messages('id') fits too
//	/drives/{drive-id}/root/search(q='{q}') a function, its arguments in Params; delta() fits delta as well
//	/places/graph.room                      a cast, also as microsoft.graph.room
//	/drives/{drive-id}/root:/{path}:/children and /sites/{host}:/{path}:
//	                                        path addressing; Params["path"] holds slashes, the last ":" may lack
package service

import (
	"net/http"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/query"
	"m365mcp/simulator/graph/wire"
	"m365mcp/simulator/token"
)

// Workload is a part of the simulated Graph.
type Workload interface{ Operations() []Operation }

// Storage is implemented by a workload that gives out pre-authorized URLs for
// uploads and downloads. They lie on another origin ([Call.Storage] plus the
// prefix) and take no token. The handlers run under the server's lock, with
// the body read.
type Storage interface {
	StorageHandlers() map[string]http.Handler // by path prefix: "/drive/uploads/"
}

// Operation is an operation of Microsoft's OpenAPI description.
type Operation struct {
	Method   string
	Template string      // as Microsoft writes it, "/teams/{team-id}/channels"
	Mailbox  bool        // a resource of Exchange, limited and refused by Exchange
	Scopes   []string    // any one suffices
	Shared   []string    // those that reach a mailbox that is shared with the caller; nil: only one's own
	Options  []string    // system query options it takes
	Reads    bool        // a POST that changes nothing (getSchedule, search/query)
	MaxBody  int64       // of the request; 0: the 4 MB that Graph takes
	Pages    query.Pages // of a list; none: Exchange's, 10 and at most 1000
	Handle   func(*Call) (*Answer, error)

	// Access decides whether a mailbox of somebody else is shared with the
	// caller, who holds one of the Shared scopes. nil: only a shared mailbox
	// (dataset) with the caller among its readers is.
	Access func(*Call) error
}

// Personal returns the operations with their templates below /me and below /users/{user-id}.
func Personal(operations ...Operation) []Operation {
	var out []Operation
	for _, prefix := range []string{"/me", "/users/{user-id}"} {
		for _, o := range operations {
			o.Template = prefix + o.Template
			out = append(out, o)
		}
	}
	return out
}

// Call is one request on its way through the server, past all general checks.
type Call struct {
	Request   *http.Request
	ID        string // request-id
	Claims    token.Claims
	Operation *Operation
	Params    map[string]string // of the template, by name without braces, unescaped
	Me        *dataset.Person   // who signed in
	Owner     *dataset.Person   // of /users/{user-id}; else Me
	Options   query.Options
	Prefer    wire.Preferences
	Body      []byte
	Now       time.Time
	BaseURL   string // public origin of Graph, for nextLink and @odata.context
	Storage   string // public origin of upload and download URLs, which take no token
}

// Answer is a success: a JSON value, raw bytes, or nothing.
type Answer struct {
	Status      int
	Value       map[string]any
	Raw         []byte
	ContentType string            // of Raw
	Header      map[string]string // Location, ETag, ...
	Preferences bool              // whether the Prefer headers had a say
}

// Page is the part of a list of n items that was asked for. Of a search Exchange
// does not say how many it found.
func (c *Call) Page(context string, n int, item func(i int) any) *Answer {
	from, to, next := c.Options.Page(n)
	items := make([]any, 0, to-from)
	for i := from; i < to; i++ {
		items = append(items, item(i))
	}
	value := map[string]any{"@odata.context": context, "value": items}
	if next > 0 {
		value["@odata.nextLink"] = c.BaseURL + c.Request.URL.EscapedPath() + "?" + c.Options.Next(next)
	}
	if c.Options.Count() && !c.Options.Has("$search") {
		value["@odata.count"] = n
	}
	return &Answer{Status: http.StatusOK, Value: value}
}

// OwnerContext is the @odata.context of a resource of the owner.
func (c *Call) OwnerContext(path string) string {
	return c.Context("users('" + c.Owner.ID + "')" + path)
}

// Context is the @odata.context of a resource below the service root.
func (c *Call) Context(path string) string {
	context := c.BaseURL + "/v1.0/$metadata#" + path
	if names := c.Options.List("$select"); names != nil {
		context += "(" + strings.Join(names, ",") + ")"
	}
	return context
}
