package tool

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"m365mcp/audit"
	"m365mcp/dlp"
	"m365mcp/graph"
	"m365mcp/identity"
	"m365mcp/policy"
)

// Auditor records calls. An error of Intent or Refused means that nothing was
// recorded, and the call is refused; the intent of a write is on stable storage
// when Intent returns.
type Auditor interface {
	Intent(ctx context.Context, in audit.Intent) error
	Outcome(ctx context.Context, out audit.Outcome) error
	Denied(ctx context.Context, in audit.Intent, out audit.Outcome) error
}

// Decided is a call that policy has permitted and whose intent is recorded.
// Only a Runner can make one.
type Decided struct {
	id        string
	principal identity.Principal
	tool      string
	readOnly  bool
	app       string
}

// ID is the call's ULID.
func (d Decided) ID() string { return d.id }

// Principal is on whose behalf the call is made.
func (d Decided) Principal() identity.Principal { return d.principal }

// Tool is the tool's name.
func (d Decided) Tool() string { return d.tool }

// ReadOnly reports whether the call was decided as a read.
func (d Decided) ReadOnly() bool { return d.readOnly }

// App is the linked app that the call may send to, or "" for Graph.
func (d Decided) App() string { return d.app }

// Session sends the requests of one decided call, until it is closed.
type Session interface {
	graph.Doer
	Exchanges() []graph.Exchange
	Close()
}

// Options configures a Runner. All fields but DLP are required.
type Options struct {
	Registry *Registry
	Policy   policy.Set
	DLP      dlp.Profile
	Audit    Auditor
	Open     func(Decided) Session // the gateway
	Services Services
	Timeout  time.Duration // of one call
	NewID    func() string
	Now      func() time.Time
	Logger   *slog.Logger
}

// maxTransfer bounds the time of a call whose bytes are streamed.
const maxTransfer = 30 * time.Minute

// Runner runs tools. It is safe for concurrent use.
type Runner struct{ Options }

// NewRunner returns a runner.
func NewRunner(o Options) *Runner { return &Runner{o} }

// Output is a successful call, ready for the protocol.
type Output struct {
	RequestID  string
	Untrusted  bool
	Structured json.RawMessage
	Text       string
}

// Run runs the tool or resource called name for p. Its error is always an *Error.
func (r *Runner) Run(ctx context.Context, p identity.Principal, name string, args json.RawMessage) (*Output, error) {
	return r.run(ctx, p, name, args, r.Registry.find, nil)
}

// RunInternal runs an internal tool of the registry and streams its bytes into
// sink, through the same steps as any call. Its error is always an *Error.
func (r *Runner) RunInternal(ctx context.Context, p identity.Principal, name string, args json.RawMessage, sink Sink) error {
	_, err := r.run(ctx, p, name, args, r.Registry.findInternal, sink)
	return err
}

func (r *Runner) run(ctx context.Context, p identity.Principal, name string, args json.RawMessage, find finder, sink Sink) (*Output, error) {
	c := &running{
		Runner: r, name: name, start: r.Now(),
		call: Call{ID: r.NewID(), Principal: p, Services: r.Services, sink: sink, tools: r.Registry},
	}
	c.call.Now = c.start
	timeout := r.Timeout
	if sink != nil { // a large file on a slow line; whoever takes the bytes watches that they move
		timeout = maxTransfer
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	out, err := c.run(ctx, args, find)
	if err != nil {
		e := explain(err)
		e.RequestID = c.call.ID
		level := slog.LevelInfo
		if e.Code == CodeInternal || e.Code == CodeAuditUnavailable {
			level = slog.LevelError
		}
		r.Logger.Log(ctx, level, "tool_call", "request_id", c.call.ID, "tool", c.name, "code", e.Code, "error", safeCause(e), "duration", r.Now().Sub(c.start))
		return nil, e
	}
	r.Logger.InfoContext(ctx, "tool_call", "request_id", c.call.ID, "tool", c.name, "code", "ok", "duration", r.Now().Sub(c.start))
	return out, nil
}

// finder looks a tool up by name.
type finder func(name string) (*Tool, bool)

// safeCause leaves out arguments and Graph's message, which can hold people's data.
func safeCause(e *Error) string {
	var ge *graph.Error
	switch {
	case errors.As(e.cause, &ge), e.Code == CodeInternal, e.Code == CodeAuditUnavailable, e.Code == CodeCancelled:
		return e.Error()
	}
	return ""
}
