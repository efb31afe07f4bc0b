package tooltest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"m365mcp/dlp"
	"m365mcp/gateway"
	"m365mcp/handle"
	"m365mcp/identity"
	"m365mcp/internal/graphdata"
	"m365mcp/internal/testenv"
	"m365mcp/policy"
	"m365mcp/simulator/dataset"
	simgraph "m365mcp/simulator/graph"
	"m365mcp/store/sqlite"
	"m365mcp/tool"
)

// Now is when tests take place, unless Options.Now says another time: a Thursday.
var Now = time.Date(2026, 11, 19, 10, 0, 0, 0, time.UTC)

// Reporter is what a check may say: of a *testing.T, or of a mutant's trial.
type Reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Options are what a Harness is made of. Only Tools are required.
type Options struct {
	Tools     []*tool.Tool
	Resources []*tool.Resource
	Internal  []*tool.Tool // see Harness.Send
	Select    string       // which tools are listed; "" is full
	Deny      []string     // tools and families that the administrator takes away

	// Those that a tool asks for and that are nil here are missing, as in a server
	// without them.
	Documents tool.Documents
	Uploads   tool.Uploads
	Tickets   tool.Tickets
	Access    tool.Access

	Policy policy.Set // zero: everything is permitted
	DLP    dlp.Profile
	Now    time.Time
	Tenant *dataset.Tenant // nil: the data set's
	Fails  map[string]int  // "GET /me/messages/{message-id}": 403, answered in the place of Graph
}

// Harness is a server of some tools with a simulated Graph, and whoever calls.
type Harness struct {
	Sim     *simgraph.Server
	Tenant  *dataset.Tenant
	Handles *handle.Service
	Zones   *tool.Zones
	Runner  *tool.Runner

	reporter Reporter
	ctx      context.Context //nolint:containedctx // of the test, for every call
	opts     Options
	data     *graphdata.Data
	world    *world
	audit    *ledger
	me       dataset.Person
	scoping
}

// scoping says how the token differs from the scopes that the tool needs always.
type scoping struct {
	optional, shared bool
	anyOf            int
	with, without    []string
}

// New starts a harness for the tools. Its person is the first of the data set.
func New(t testing.TB, tools ...*tool.Tool) *Harness {
	t.Helper()
	return Start(t, Options{Tools: tools})
}

// Start is New with more options.
func Start(t testing.TB, o Options) *Harness {
	t.Helper()
	b := newBase(t)
	h, err := b.start(t, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.close)
	return h
}

// base is what harnesses may share: it is dear, and no call changes it for another.
type base struct {
	data    *graphdata.Data
	handles *handle.Service
	ctx     context.Context //nolint:containedctx // of the test
}

func newBase(t testing.TB) *base {
	t.Helper()
	data, err := graphdata.Load(testenv.GraphData(t))
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "handles.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	handles, err := handle.New(handle.Options{
		Store: db.Handles(), Now: func() time.Time { return Now },
		Keys: func(string) []byte { return []byte("0123456789abcdef0123456789abcdef") },
	})
	if err != nil {
		t.Fatal(err)
	}
	return &base{data, handles, t.Context()}
}

// tenant is read-only: each simulated Graph copies what it changes.
var tenant = sync.OnceValue(func() *dataset.Tenant { return dataset.Load(Now) })

func (b *base) start(reporter Reporter, o Options) (*Harness, error) {
	if o.Now.IsZero() {
		o.Now = Now
	}
	if o.Tenant == nil && o.Now.Equal(Now) {
		o.Tenant = tenant()
	} else if o.Tenant == nil {
		o.Tenant = dataset.Load(o.Now)
	}
	if o.Policy.Rules() == nil {
		o.Policy = policy.PermitAll()
	}
	selection, err := tool.Select(cmp.Or(o.Select, "full"), nil, o.Deny)
	if err != nil {
		return nil, err
	}
	registry, err := tool.NewRegistry(tool.Set{Tools: o.Tools, Resources: o.Resources, Internal: o.Internal}, selection)
	if err != nil {
		return nil, err
	}
	w, err := newWorld(o, b.data)
	if err != nil {
		return nil, err
	}
	h := &Harness{
		Sim: w.sim, Tenant: o.Tenant, Handles: b.handles, Zones: tool.NewZones(),
		reporter: reporter, ctx: b.ctx, opts: o, data: b.data, world: w, audit: &ledger{}, me: o.Tenant.People[0],
	}
	h.Runner = tool.NewRunner(tool.Options{
		Registry: registry, Policy: o.Policy, DLP: o.DLP, Audit: h.audit,
		Open: func(d tool.Decided) tool.Session {
			return w.gateway.Open(gateway.Call{Principal: d.Principal(), Tool: d.Tool(), RequestID: d.ID(), ReadOnly: d.ReadOnly(), App: d.App()})
		},
		Services: tool.Services{Handles: b.handles, Zones: h.Zones, Documents: o.Documents, Uploads: o.Uploads, Tickets: o.Tickets, Access: o.Access},
		Timeout:  time.Minute, NewID: w.newID, Now: func() time.Time { return o.Now }, Logger: slog.New(slog.DiscardHandler),
	})
	return h, nil
}

func (h *Harness) close() { h.world.close() }

// As is the harness with another caller: the part of a user principal name
// before the @, or an object id.
func (h *Harness) As(who string) *Harness {
	next := *h
	for _, p := range h.Tenant.People {
		if local, _, _ := strings.Cut(p.UPN, "@"); local == who || p.ID == who || p.UPN == who {
			next.me = p
			return &next
		}
	}
	h.reporter.Helper()
	h.reporter.Fatalf("nobody in the data set is called %s", who)
	return &next
}

// Optional puts the tool's OptionalScopes into the token too.
func (h *Harness) Optional() *Harness { next := *h; next.optional = true; return &next }

// Shared puts the tool's SharedScopes into the token too.
func (h *Harness) Shared() *Harness { next := *h; next.shared = true; return &next }

// Any chooses which set of the tool's AnyScope the token carries: 0 is the first,
// -1 is none.
func (h *Harness) Any(set int) *Harness { next := *h; next.anyOf = set; return &next }

// Without takes scopes out of the token.
func (h *Harness) Without(scopes ...string) *Harness {
	next := *h
	next.without = append(slices.Clip(h.without), scopes...)
	return &next
}

// With puts more scopes into the token, for a tool that runs others.
func (h *Harness) With(scopes ...string) *Harness {
	next := *h
	next.with = append(slices.Clip(h.with), scopes...)
	return &next
}

// Me is who calls.
func (h *Harness) Me() dataset.Person { return h.me }

// Now is the time of the harness.
func (h *Harness) Now() time.Time { return h.opts.Now }

// Mailbox is the caller's mail as it was at the start.
func (h *Harness) Mailbox() *dataset.Mailbox { return h.Tenant.Mailbox[h.me.ID] }

// Principal is the caller of the tool, with the scopes of the call's token.
func (h *Harness) Principal(t *tool.Tool) identity.Principal {
	p := identity.Principal{
		TenantID: h.Tenant.ID, UserID: h.me.ID, UPN: h.me.UPN, Mail: h.me.Mail, Name: h.me.DisplayName,
		ClientID: "tooltest", GrantID: "grant-" + h.me.ID, Expires: h.opts.Now.Add(time.Hour), CheckedAt: h.opts.Now,
	}
	if t == nil {
		p.Scopes = slices.Clone(h.with)
		return p
	}
	scopes := append(slices.Clip(t.Scopes), h.with...)
	if h.anyOf >= 0 && h.anyOf < len(t.AnyScope) {
		scopes = append(scopes, t.AnyScope[h.anyOf]...)
	}
	if h.optional {
		scopes = append(scopes, t.OptionalScopes...)
	}
	if h.shared {
		scopes = append(scopes, t.SharedScopes...)
	}
	for _, s := range scopes {
		if !slices.Contains(h.without, s) && !slices.Contains(p.Scopes, s) {
			p.Scopes = append(p.Scopes, s)
		}
	}
	return p
}

// Call runs the tool or resource for the caller and reports what is wrong with
// what it sent, answered or recorded. What it returns or refuses is for the test to judge.
func (h *Harness) Call(name, args string) Result {
	h.reporter.Helper()
	res := h.call(name, args)
	for _, problem := range res.problems {
		h.reporter.Errorf("%s %s: %s", name, args, problem)
	}
	return res
}

func (h *Harness) call(name, args string) Result {
	t := h.find(name)
	p := h.Principal(t)
	h.world.begin()
	mark := h.audit.mark()
	var raw json.RawMessage
	if args != "" {
		raw = json.RawMessage(args)
	}
	out, err := h.Runner.Run(h.ctx, p, name, raw)
	res := Result{Output: out, Requests: h.world.requests()}
	if err != nil && !errors.As(err, &res.Err) {
		res.problems = append(res.problems, "the Runner's error is no *tool.Error: "+err.Error())
	}
	res.Intents, res.Outcomes = h.audit.since(mark)
	res.problems = append(res.problems, h.faults(t, p, res)...)
	return res
}

func (h *Harness) find(name string) *tool.Tool {
	for _, t := range h.opts.Tools {
		if t.Name == name {
			return t
		}
	}
	for _, r := range h.opts.Resources {
		if r.Name == name {
			return r.Tool
		}
	}
	return nil
}

// Send runs an internal tool for the caller and returns the bytes it sent.
func (h *Harness) Send(name, args string) ([]byte, Result) {
	h.reporter.Helper()
	var t *tool.Tool
	for _, internal := range h.opts.Internal {
		if internal.Name == name {
			t = internal
		}
	}
	p := h.Principal(t)
	h.world.begin()
	mark := h.audit.mark()
	var body buffer
	err := h.Runner.RunInternal(h.ctx, p, name, json.RawMessage(args), body.open)
	res := Result{Requests: h.world.requests()}
	if err != nil && !errors.As(err, &res.Err) {
		h.reporter.Errorf("%s: the Runner's error is no *tool.Error: %v", name, err)
	}
	res.Intents, res.Outcomes = h.audit.since(mark)
	for _, problem := range h.faults(nil, p, res) {
		h.reporter.Errorf("%s %s: %s", name, args, problem)
	}
	return body.Bytes(), res
}
