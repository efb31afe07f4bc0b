package tool

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/identity"
	"m365mcp/timezone"
)

// Call is what a tool gets to know about the call it serves.
type Call struct {
	ID        string // ULID; the request id everywhere
	Principal identity.Principal
	Now       time.Time
	Graph     graph.Doer // in Plan it reads; in Do it reads, and sends the planned writes, each once
	Plan      Plan       // in Do
	Services

	sink  Sink
	bytes graph.Doer // in Do: sends the chunks of planned uploads
	tools *Registry
}

// Services are what tools use beside Graph. Each is safe for concurrent use.
type Services struct {
	Handles   Handles
	Zones     *Zones
	Uploads   Uploads
	Tickets   Tickets
	Documents Documents
	Access    Access
}

// Access lets people add permissions to their connections.
type Access interface {
	// MayAsk reports whether people may be asked for the scope.
	MayAsk(scope string) bool
	// Link returns a page on which the person of p may add the scopes to the connection.
	Link(ctx context.Context, p identity.Principal, scopes []string) (Link, error)
}

// Handles are short ids for Graph's long ones; see package handle. What Resolve
// refuses it refuses with a *handle.Error.
type Handles interface {
	Shorten(ctx context.Context, p identity.Principal, kind handle.Kind, ids []string) ([]string, error)
	Resolve(ctx context.Context, p identity.Principal, kind handle.Kind, handleOrID string) (string, error)
}

// Documents reads the text of a file. An error that wraps ErrUnreadable says in
// words for the caller why there is none.
type Documents interface {
	Text(ctx context.Context, p identity.Principal, name, contentType string, content []byte) (Document, error)
}

// Document is the text of a file.
type Document struct {
	Text  string
	Notes []string // what was left out, such as rows beyond a limit
}

// ErrUnreadable means that no text can be had from a file: its kind is not
// known, it is damaged, encrypted or too large.
var ErrUnreadable = errors.New("no text can be read from this file")

// Has reports whether the connection carries the scope, itself or in a wider one.
func (c Call) Has(scope string) bool { return granted(c.Principal, scope) }

// Short returns short ids for Graph's, in their order.
func (c Call) Short(ctx context.Context, kind handle.Kind, ids []string) ([]string, error) {
	short, err := c.Handles.Shorten(ctx, c.Principal, kind, ids)
	if err != nil {
		return nil, fmt.Errorf("short ids: %w", err)
	}
	return short, nil
}

// Resolve returns the Graph id that a model means by the argument field: a short
// id or Graph's own. Its error says what is wrong with the argument.
func (c Call) Resolve(ctx context.Context, field string, kind handle.Kind, given string) (string, error) {
	id, err := c.Handles.Resolve(ctx, c.Principal, kind, given)
	if he, ok := errors.AsType[*handle.Error](err); ok {
		return "", Invalid(field, he.Error())
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", field, err)
	}
	return id, nil
}

// ResolveAll is Resolve for several ids.
func (c Call) ResolveAll(ctx context.Context, field string, kind handle.Kind, given []string) ([]string, error) {
	ids := make([]string, len(given))
	for i, g := range given {
		id, err := c.Resolve(ctx, field, kind, g)
		if err != nil {
			return nil, err
		}
		ids[i] = id
	}
	return ids, nil
}

// Cursor returns a short cursor for the next page of path, or "" at the end.
func (c Call) Cursor(ctx context.Context, path graph.Path, nextLink string) (string, error) {
	if nextLink == "" {
		return "", nil
	}
	short, err := c.Short(ctx, handle.KindCursor, []string{path.String() + "\n" + nextLink})
	if err != nil {
		return "", err
	}
	return short[0], nil
}

// Next returns the nextLink behind a cursor that this tool gave out for path, or
// "" for no cursor. The gateway also holds the link against the path's ids.
func (c Call) Next(ctx context.Context, path graph.Path, cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	id, err := c.Resolve(ctx, "cursor", handle.KindCursor, cursor)
	if err != nil {
		return "", err
	}
	of, link, _ := strings.Cut(id, "\n")
	if of != path.String() {
		return "", Invalid("cursor", "is not a cursor of this list; leave it out to begin at the start")
	}
	return link, nil
}

// Zone returns the zone of that name, or the mailbox's own for "".
func (c Call) Zone(ctx context.Context, requested string) (timezone.Zone, error) {
	if requested == "" {
		return c.Zones.of(ctx, c)
	}
	zone, err := timezone.Find(requested)
	if err != nil {
		return timezone.Zone{}, Invalid("timeZone", err.Error())
	}
	return zone, nil
}

// Tools returns every tool that can be run, listed or not.
func (c Call) Tools() []*Tool { return c.tools.Reachable() }

// Denied reports whether an administrator's lists take the tool of this name away: what
// it gives no other tool gives either.
func (c Call) Denied(name string) bool { return c.tools != nil && c.tools.denied[name] }

// Listed reports whether the tool is on the list that clients get.
func (c Call) Listed(t *Tool) bool { return c.tools.listed[t.Name] }
