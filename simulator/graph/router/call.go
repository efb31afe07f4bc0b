package router

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"net/http"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/wire"
	"m365mcp/simulator/token"
)

// call is one request on its way through the server.
type call struct {
	r         *http.Request
	requestID string
	clientID  string // client-request-id
	batch     string // request-id of the $batch that it is a part of
	mailbox   string // what its limits are counted by; empty: none
	storage   bool   // it came to the storage host
	inFlight  int    // requests under way in the mailbox, this one included

	claims   token.Claims
	tokenErr error
	route    *route
	params   map[string]string // of the route's template
	matchErr error

	me      *dataset.Person // who signed in
	owner   *dataset.Person // whose resource it is
	prefer  wire.Preferences
	body    []byte
	bodyErr error
}

// newCall does what needs no state: it reads the token, the path and the body.
func (s *Server) newCall(r *http.Request) *call {
	c := &call{r: r, requestID: newUUID(), prefer: wire.ParsePrefer(r.Header.Values("Prefer"))}
	if c.clientID = r.Header.Get("client-request-id"); c.clientID == "" {
		c.clientID = c.requestID
	}
	c.batch, _ = r.Context().Value(batchKey{}).(string)
	c.claims, c.tokenErr = s.verify(r)
	c.route, c.params, c.matchErr = find(s.routes, r.Method, r.URL.EscapedPath())
	limit := int64(maxBody)
	if c.route != nil && c.route.MaxBody > 0 {
		limit = c.route.MaxBody
	}
	c.readBody(limit)
	c.mailbox = s.mailboxKey(c)
	return c
}

func (c *call) readBody(limit int64) {
	body, err := io.ReadAll(io.LimitReader(c.r.Body, limit+1))
	switch {
	case err != nil:
		c.bodyErr = errors.Join(err, apierror.BadRequest("BadRequest", "The request body could not be read."))
	case int64(len(body)) > limit:
		c.body, c.bodyErr = body[:limit], &apierror.Error{Status: http.StatusRequestEntityTooLarge, Code: "RequestEntityTooLarge", Message: "The request is larger than Microsoft Graph accepts."}
	default:
		c.body = body
	}
}

// mailboxKey names what Graph's limits count: app and mailbox.
func (s *Server) mailboxKey(c *call) string {
	if c.tokenErr != nil || c.route == nil || !c.route.Mailbox {
		return ""
	}
	owner := c.claims.UserID
	if name, ok := c.params["user-id"]; ok {
		if owner = name; s.person(name, true) != nil {
			owner = s.person(name, true).ID
		}
	}
	return c.claims.ClientID + "/" + owner
}

type (
	callKey  struct{}
	batchKey struct{}
)

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
