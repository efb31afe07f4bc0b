package graph

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/query"
	"m365mcp/simulator/graph/wire"
	"m365mcp/simulator/token"
)

// call is one request on its way through the server.
type call struct {
	r         *http.Request
	requestID string
	clientID  string // client-request-id
	inFlight  int    // requests under way in the mailbox, this one included

	claims   token.Claims
	tokenErr error
	route    *route
	params   map[string]string // of the route's template
	matchErr error

	me     *dataset.Person   // who signed in
	owner  *dataset.Person   // whose resource it is
	box    *exchange.Mailbox // of the owner, for routes of a mailbox
	opts   query.Options
	prefer wire.Preferences
	body   []byte
}

// newCall does what needs no state: it reads the token and the path.
func (s *Server) newCall(r *http.Request) *call {
	c := &call{r: r, requestID: newUUID(), prefer: wire.ParsePrefer(r.Header.Values("Prefer"))}
	if c.clientID = r.Header.Get("client-request-id"); c.clientID == "" {
		c.clientID = c.requestID
	}
	c.claims, c.tokenErr = s.verify(r)
	c.route, c.params, c.matchErr = matchRoute(s.routes, r.Method, r.URL.EscapedPath())
	return c
}

// mailboxKey names what Graph's concurrency limit counts: app and mailbox.
func (c *call) mailboxKey() string {
	if c.tokenErr != nil || c.route == nil || !c.route.mailbox {
		return ""
	}
	return c.claims.ClientID + "/" + c.claims.UserID
}

type callKey struct{}

func withCall(ctx context.Context, c *call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// callOf returns the call that ServeHTTP put into the context.
func callOf(ctx context.Context) *call {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return &call{}
	}
	return c
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	x := hex.EncodeToString(b[:])
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}
