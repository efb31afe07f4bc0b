package tool

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"m365mcp/audit"
	"m365mcp/content"
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
}

// ID is the call's ULID.
func (d Decided) ID() string { return d.id }

// Principal is on whose behalf the call is made.
func (d Decided) Principal() identity.Principal { return d.principal }

// Tool is the tool's name.
func (d Decided) Tool() string { return d.tool }

// ReadOnly reports whether the call was decided as a read.
func (d Decided) ReadOnly() bool { return d.readOnly }

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
	Timeout  time.Duration         // of one call
	NewID    func() string
	Now      func() time.Time
	Logger   *slog.Logger
}

// Runner runs tools. It is safe for concurrent use.
type Runner struct{ Options }

// NewRunner returns a runner.
func NewRunner(o Options) *Runner { return &Runner{o} }

// Output is a successful call, ready for the protocol.
type Output struct {
	RequestID  string
	Structured json.RawMessage
	Text       string
}

// Run runs the tool or resource called name for p. Its error is always an *Error.
func (r *Runner) Run(ctx context.Context, p identity.Principal, name string, args json.RawMessage) (*Output, error) {
	c := &running{Runner: r, call: Call{ID: r.NewID(), Principal: p}, name: name, start: r.Now()}
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	out, err := c.run(ctx, args)
	if err != nil {
		e := explain(err)
		e.RequestID = c.call.ID
		level := slog.LevelInfo
		if e.Code == CodeInternal || e.Code == CodeAuditUnavailable {
			level = slog.LevelError
		}
		r.Logger.Log(ctx, level, "tool_call", "request_id", c.call.ID, "tool", name, "code", e.Code, "error", safeCause(e), "duration", r.Now().Sub(c.start))
		return nil, e
	}
	r.Logger.InfoContext(ctx, "tool_call", "request_id", c.call.ID, "tool", name, "code", "ok", "duration", r.Now().Sub(c.start))
	return out, nil
}

// safeCause leaves out arguments and Graph's message, which can hold people's data.
func safeCause(e *Error) string {
	var ge *graph.Error
	switch {
	case errors.As(e.cause, &ge), e.Code == CodeInternal, e.Code == CodeAuditUnavailable, e.Code == CodeCancelled:
		return e.Error()
	}
	return ""
}

// running is one call on its way.
type running struct {
	*Runner
	call   Call
	name   string
	tool   *Tool
	start  time.Time
	intent audit.Intent
	writes []graph.Request // as they were decided, out of the tool's reach
}

func (c *running) run(ctx context.Context, args json.RawMessage) (*Output, error) {
	t, ok := c.Registry.find(c.name)
	if !ok {
		return nil, &Error{Code: CodeUnknownTool, Message: "there is no tool of this name.", Action: "list the tools and call one of them."}
	}
	c.tool = t
	c.intent = audit.Intent{
		ID: c.call.ID, RequestID: c.call.ID, Time: c.start, Tool: t.Name, Effect: audit.EffectWrite, Principal: c.call.Principal,
	}
	if t.ReadOnly {
		c.intent.Effect = audit.EffectRead
	}
	run, err := c.contained(ctx, func() (runFunc, error) { return c.decide(ctx, args) })
	if err != nil {
		return nil, c.refuse(ctx, err)
	}
	if err := c.Audit.Intent(ctx, c.intent); err != nil {
		return nil, auditUnavailable(err)
	}
	if !t.ReadOnly {
		// From here on a client that goes away must not leave a write half done.
		detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Timeout)
		defer cancel()
		ctx = detached
	}
	return c.execute(ctx, run)
}

// contained turns a panic into an error of this call: the SDK's goroutine has
// nobody else to catch it, and one tool's mistake must not end the process.
func (c *running) contained(ctx context.Context, f func() (runFunc, error)) (run runFunc, err error) {
	defer func() {
		if p := recover(); p != nil {
			run, err = nil, c.panicked(ctx, p)
		}
	}()
	return f()
}

// panicked logs where, and not what: the value may hold a person's data.
func (c *running) panicked(ctx context.Context, value any) error {
	c.Logger.ErrorContext(ctx, "tool_panic", "request_id", c.call.ID, "tool", c.name, "stack", string(debug.Stack()))
	return fmt.Errorf("tool %s panicked: %T", c.name, value)
}

// decide takes a call from its arguments to a permission.
func (c *running) decide(ctx context.Context, args json.RawMessage) (runFunc, error) {
	plan, run, err := c.tool.prepare(ctx, c.call, args)
	if err != nil {
		return nil, err
	}
	c.call.Plan, c.writes = plan, frozen(plan.Writes)
	c.intent.Target, c.intent.Recipients, c.intent.PlanDigest = plan.Target, plan.Recipients, plan.digest(c.name)
	for _, scope := range c.tool.Scopes {
		if !c.call.Principal.HasScope(scope) {
			c.intent.Decision, c.intent.Rule = policy.Forbid.String(), "scope"
			return nil, insufficientScope(scope)
		}
	}
	c.intent.Findings = c.DLP.Scan(plan.Content...)
	d := c.Policy.Decide(policy.Request{
		Principal: c.call.Principal,
		Action:    policy.Action{Tool: c.tool.Name, Write: !c.tool.ReadOnly},
		Resource:  policy.Resource{Target: plan.Target, Recipients: plan.Recipients},
		Context:   policy.Context{Findings: c.intent.Findings},
	})
	c.intent.Decision, c.intent.Rule = d.Effect.String(), d.Rule
	switch d.Effect {
	case policy.Permit:
		return run, nil
	case policy.RequireApproval:
		return nil, &Error{
			Code: CodeApprovalRequired, Message: "policy rule " + d.Rule + " wants a person's approval, and this server has nobody to ask. Nothing was done.",
			Action: "ask the administrator.",
		}
	case policy.Forbid:
	}
	return nil, &Error{
		Code: CodePolicyDenied, Message: "policy rule " + d.Rule + " forbids this: " + d.Reason + ". Nothing was done.",
		Action: "do not try again in another way; ask the person or the administrator.",
	}
}

// refuse records a call that was not permitted, intent and outcome in one.
func (c *running) refuse(ctx context.Context, cause error) error {
	e := explain(cause)
	if c.intent.Decision == "" {
		c.intent.Decision, c.intent.Rule = policy.Forbid.String(), e.Code
	}
	if err := c.Audit.Denied(ctx, c.intent, c.outcome(audit.StatusDenied, e.Code, nil)); err != nil {
		return auditUnavailable(errors.Join(err, cause))
	}
	return e
}

// execute does what was decided and records how it ended, whatever happens.
func (c *running) execute(ctx context.Context, run runFunc) (*Output, error) {
	session := c.Open(Decided{c.call.ID, c.call.Principal, c.tool.Name, c.tool.ReadOnly})
	defer session.Close()
	c.call.Graph = &planned{next: session, left: c.writes}

	out, items, err := c.do(ctx, run)
	status, code := audit.StatusOK, ""
	if err != nil {
		e := explain(err)
		status, code = audit.StatusError, e.Code
		if code == CodeOutcomeUnknown {
			status = audit.StatusUnknown
		}
	}
	o := c.outcome(status, code, session.Exchanges())
	o.Items = items
	// The call has happened: its outcome is recorded even when the client has gone.
	if aerr := c.Audit.Outcome(context.WithoutCancel(ctx), o); aerr != nil {
		c.Logger.ErrorContext(ctx, "audit_outcome", "request_id", c.call.ID, "error", aerr)
		if c.tool.ReadOnly { // no evidence, no data
			return nil, auditUnavailable(errors.Join(aerr, err))
		}
	}
	return out, err
}

// do runs the tool and shapes its result; a panic of a tool is an error of its call.
func (c *running) do(ctx context.Context, run runFunc) (out *Output, items int, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, items, err = nil, 0, c.panicked(ctx, p)
			if !c.tool.ReadOnly {
				err = &graph.Error{Kind: graph.KindUnknown, Err: err}
			}
		}
	}()
	res, err := run(ctx, c.call)
	if err != nil {
		return nil, 0, err
	}
	structured, err := json.Marshal(res.Structured)
	if err != nil {
		return nil, 0, fmt.Errorf("result of %s: %w", c.name, err)
	}
	if found := c.DLP.Scan(res.Text, string(structured)); len(found) > 0 && c.tool.ReadOnly {
		return nil, 0, &Error{
			Code: CodePolicyDenied, Message: fmt.Sprintf("the result holds data that must not leave (%v).", found),
			Action: "do not try again in another way; ask the administrator.",
		}
	}
	text := res.Text
	if res.Untrusted {
		text = content.Fence(nonce(), text)
	}
	if res.Note != "" {
		text += "\n" + res.Note
	}
	return &Output{RequestID: c.call.ID, Structured: structured, Text: text}, res.Items, nil
}

func (c *running) outcome(status audit.Status, code string, sent []graph.Exchange) audit.Outcome {
	now := c.Now()
	o := audit.Outcome{ID: c.call.ID, Time: now, Status: status, Code: code, Duration: now.Sub(c.start)}
	for _, x := range sent {
		o.GraphRequests = append(o.GraphRequests, audit.GraphRequest(x))
	}
	return o
}

func auditUnavailable(cause error) *Error {
	return &Error{
		Code: CodeAuditUnavailable, Message: "the audit log cannot be written, so the call is refused.",
		Action: "ask the administrator; nothing will run until the log can be written.", cause: cause,
	}
}

func insufficientScope(scope string) *Error {
	return &Error{
		Code: CodeInsufficientScope, Message: "the connection was not granted the permission " + scope + ". Nothing was done.",
		Action: "ask the person to reconnect this server and to grant " + scope + " on the consent page.",
	}
}

// nonce marks a fence: 48 random bits, unknown to whoever wrote the text.
func nonce() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}
