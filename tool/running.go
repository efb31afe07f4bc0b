package tool

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"m365mcp/audit"
	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/policy"
)

// running is one call on its way.
type running struct {
	*Runner
	call   Call
	name   string
	tool   *Tool
	start  time.Time
	intent audit.Intent
	writes []graph.Request // as they were decided, out of the tool's reach
	guards []Guard
	files  []Source         // to close at the end
	asked  []graph.Exchange // what the plan read
	sent   *atomic.Bool     // a planned write has been accepted
}

func (c *running) run(ctx context.Context, args json.RawMessage, find finder) (*Output, error) {
	t, ok := find(c.name)
	if !ok {
		return nil, &Error{Code: CodeUnknownTool, Message: "there is no tool of this name.", Action: "list the tools and call one of them."}
	}
	c.become(t)
	if !Offered(c.call.Principal, t) {
		return nil, c.refuse(ctx, notForServices(c.call.Principal.Service, t))
	}
	if t.dispatch != nil {
		other, inner, err := t.dispatch.target(t, args, c.Registry)
		if err != nil {
			return nil, c.refuse(ctx, err)
		}
		c.become(other)
		if !Offered(c.call.Principal, other) {
			return nil, c.refuse(ctx, notForServices(c.call.Principal.Service, other))
		}
		t, args = other, inner
	}
	defer c.closeFiles(ctx)
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

// become makes the call one of t. A tool that runs others is left behind for the
// one it runs, whose name, rights and evidence the call then has.
func (c *running) become(t *Tool) {
	c.tool, c.name = t, t.Name
	c.intent = audit.Intent{
		ID: c.call.ID, RequestID: c.call.ID, Time: c.start, Tool: t.Name, Effect: audit.EffectWrite, Principal: c.call.Principal,
	}
	if t.ReadOnly {
		c.intent.Effect = audit.EffectRead
	}
}

func (c *running) closeFiles(ctx context.Context) {
	for _, f := range c.files {
		if err := f.Close(); err != nil {
			c.Logger.WarnContext(ctx, "close file", "request_id", c.call.ID, "error", err)
		}
	}
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
	if lacks := missing(c.tool.Spec, Plan{}, c.call.Principal); lacks != nil {
		return nil, c.lacking(lacks)
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout) // however long the bytes may take afterwards
	defer cancel()
	reads := &reading{open: func() Session {
		return c.Open(Decided{c.call.ID, c.call.Principal, c.tool.Name, true, c.tool.App})
	}}
	defer func() { c.asked = reads.close() }()
	plan, run, err := c.plan(ctx, reads, args)
	if err != nil {
		return nil, err
	}
	if lacks := missing(c.tool.Spec, plan, c.call.Principal); lacks != nil {
		return nil, c.lacking(lacks)
	}
	unscannable, err := c.scan(ctx, plan)
	if err != nil {
		return nil, err
	}
	d := c.Policy.Decide(policy.Request{
		Principal: c.call.Principal,
		Action:    policy.Action{Tool: c.tool.Name, Write: !c.tool.ReadOnly},
		Resource:  policy.Resource{Target: plan.Target, Recipients: plan.Recipients},
		Context:   policy.Context{Findings: c.intent.Findings, Unscannable: unscannable},
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

func (c *running) lacking(scopes []string) error {
	c.intent.Decision, c.intent.Rule = policy.Forbid.String(), "scope"
	return insufficientScope(scopes, c.call.Access)
}

// plan lets the tool say what it would do. What it has to look up for that it
// reads through a session that can only read, opened when it first asks; so does
// DLP what the plan names and has not read.
func (c *running) plan(ctx context.Context, reads *reading, args json.RawMessage) (Plan, runFunc, error) {
	call := c.call
	call.Graph = reads
	plan, run, err := c.tool.prepare(ctx, call, args)
	c.files = plan.Files
	if err != nil {
		return Plan{}, nil, err
	}
	c.call.Plan, c.writes, c.guards = plan, frozen(plan.Writes), slices.Clone(plan.Guards)
	c.intent.Target, c.intent.Recipients, c.intent.PlanDigest = plan.Target, plan.Recipients, plan.digest(c.name)
	return plan, run, nil
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
	session := c.Open(Decided{c.call.ID, c.call.Principal, c.tool.Name, c.tool.ReadOnly, c.tool.App})
	defer session.Close()
	c.sent = &atomic.Bool{}
	c.call.Graph, c.call.bytes = &planned{next: session, left: c.writes, sent: c.sent}, &bytesOnly{next: session, readOnly: c.tool.ReadOnly}

	out, items, err := c.do(ctx, run, session)
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
func (c *running) do(ctx context.Context, run runFunc, session graph.Doer) (out *Output, items int, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, items, err = nil, 0, c.panicked(ctx, p)
			if !c.tool.ReadOnly {
				err = &graph.Error{App: c.tool.App, Kind: graph.KindUnknown, Err: err}
			}
		}
	}()
	if err := unchanged(ctx, session, c.guards); err != nil {
		return nil, 0, err
	}
	res, err := run(ctx, c.call)
	if err != nil {
		return nil, 0, c.hint(c.afterwards(err))
	}
	structured, err := compact(res.Structured)
	if err != nil {
		return nil, 0, fmt.Errorf("result of %s: %w", c.name, err)
	}
	if found := c.DLP.Scan(res.Text, string(structured)); len(found) > 0 {
		if c.tool.ReadOnly {
			return nil, 0, &Error{
				Code: CodePolicyDenied, Message: fmt.Sprintf("the result holds data that must not leave (%v).", found),
				Action: "do not try again in another way; ask the administrator.",
			}
		}
		// It is done; what it says of what was there already stays here.
		structured, res = json.RawMessage("{}"), Result{Text: "Done. The details hold data that must not leave.", Items: res.Items}
	}
	text := res.Text
	if c.tool.Untrusted {
		text = content.Fence(nonce(), text)
		structured = marked(structured)
	}
	if res.Note != "" {
		text += "\n" + res.Note
	}
	return &Output{RequestID: c.call.ID, Untrusted: c.tool.Untrusted, Structured: structured, Text: text}, res.Items, nil
}

// afterwards keeps a call from being repeated that has changed something: what went
// wrong after a write was sent says nothing about the write.
func (c *running) afterwards(err error) error {
	if c.sent == nil || !c.sent.Load() {
		return err
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	if ge, ok := errors.AsType[*graph.Error](err); ok && ge.Kind != graph.KindProtocol {
		return err
	}
	return &graph.Error{App: c.tool.App, Kind: graph.KindUnknown, Err: err}
}

// hint adds to Graph's 403 what this call has been granted: Graph itself does not say it.
func (c *running) hint(err error) error {
	ge, ok := errors.AsType[*graph.Error](err)
	if !ok || ge.Kind != graph.KindGraph || ge.Status != 403 || ge.App != "" {
		return err
	}
	e := explain(err)
	e.Action = forbiddenAction(slices.Concat(c.tool.Scopes, c.call.Plan.Scopes))
	return e
}

// compact encodes without the escapes that JSON inside of HTML needs: an address
// in angle brackets would cost a model eight tokens more.
func compact(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// marked puts "untrusted": true into a JSON object.
func marked(object json.RawMessage) json.RawMessage {
	const mark = `{"untrusted":true`
	switch {
	case len(object) < 2 || object[0] != '{':
		return object
	case len(object) == 2:
		return json.RawMessage(mark + "}")
	}
	return append([]byte(mark+","), object[1:]...)
}

func (c *running) outcome(status audit.Status, code string, sent []graph.Exchange) audit.Outcome {
	now := c.Now()
	o := audit.Outcome{ID: c.call.ID, Time: now, Status: status, Code: code, Duration: now.Sub(c.start)}
	for _, x := range slices.Concat(c.asked, sent) {
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

// nonce marks a fence: 48 random bits, unknown to whoever wrote the text.
func nonce() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}
