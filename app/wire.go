package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"m365mcp/authserver"
	"m365mcp/config"
	"m365mcp/console"
	"m365mcp/dial"
	"m365mcp/entra"
	"m365mcp/gateway"
	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/identity"
	"m365mcp/internal/seal"
	"m365mcp/internal/secret"
	"m365mcp/mcpserver"
	"m365mcp/policy"
	"m365mcp/tool"
	"m365mcp/tool/calendar"
	"m365mcp/tool/files"
	"m365mcp/tool/mail"
	"m365mcp/tool/people"
	"m365mcp/tool/platform"
	"m365mcp/tool/search"
	"m365mcp/tool/tasks"
	"m365mcp/tool/teams"
)

// wire connects the parts, from the store up to the routes.
func (a *App) wire(ctx context.Context, o Options) (http.Handler, error) {
	c, log := a.config, a.log
	db, err := a.openDatabase(ctx, c.Database)
	if err != nil {
		return nil, err
	}
	if a.audit, a.auditKey, err = openAudit(ctx, c, db, o.Now, log); err != nil {
		return nil, err
	}
	a.cleanups.add(a.audit.Close)
	if n := a.audit.Recovered(); n > 0 {
		log.WarnContext(ctx, "audit: calls without outcome were closed as unknown", "count", n)
	}

	registry, err := newRegistry(c.Tools, c.Linked)
	if err != nil {
		return nil, err
	}
	rules, err := a.setPerimeter(c, registry, o.Now)
	if err != nil {
		return nil, err
	}
	keys, root, err := a.openKeys(ctx, db.Rotation())
	if err != nil {
		return nil, err
	}
	microsoft, err := newEntra(a, c, o.Now)
	if err != nil {
		return nil, err
	}
	a.vault = entra.NewVault(db.Vault(), keys, microsoft, o.Now, log, entra.Options{})
	a.cleanups.add(a.vault.Close)

	documents, documentAllowed, err := newDocumentClient(a, c.OAuth)
	if err != nil {
		return nil, err
	}
	scopes, err := scopesOf(registry, c)
	if err != nil {
		return nil, err
	}
	clients, err := configuredClients(a, c.OAuth.Clients, registry, o.Now)
	if err != nil {
		return nil, err
	}
	providers, err := identityProviders(a, c.OAuth.IdentityProviders, o.Now)
	if err != nil {
		return nil, err
	}
	a.auth, err = authserver.New(authserver.Options{
		PublicURL: c.Server.PublicURL, Scopes: scopes.signIn, MoreScopes: scopes.later, Presets: scopes.presets, ScopeText: scopeText,
		Store: db.OAuth(), Upstream: microsoft, Vault: a.vault, Audit: a.audit,
		Keys: root.Derive, Now: o.Now, Logger: log,
		Lifetimes: authserver.Lifetimes{
			Code: c.OAuth.CodeLifetime, Access: c.OAuth.AccessLifetime, Refresh: c.OAuth.RefreshLifetime,
		},
		Doors: ownResources(c.MCP), MaxClients: c.OAuth.MaxClients, NoRegistration: !c.OAuth.Registration, Pages: []string{ticketPages}, Connections: console.Path,
		Registrations: c.OAuth.RegistrationsPerHour, RedirectAllow: c.OAuth.RedirectAllow, TrustedProxies: c.Server.TrustedProxies,
		Documents: documents, DocumentAllowed: documentAllowed, Clients: clients, IdentityProviders: providers, Perimeter: rules,
	})
	if err != nil {
		return nil, fmt.Errorf("authorization server: %w", err)
	}
	if err := a.auth.EndRemoved(ctx); err != nil {
		return nil, err
	}
	a.orders = authserver.Orders{Store: db.Orders(), Audit: a.audit, Now: o.Now, Holder: newID(o.Now)()}
	if err := a.orders.Record(ctx); err != nil {
		return nil, err
	}
	a.sweeps = append(a.sweeps, a.auth.Sweep)
	a.forgets = append(a.forgets, func(ctx context.Context, p person) error { return a.auth.Forget(ctx, authserver.UserRef(p)) })
	gw, err := a.newGateway(c, a.vault, o.Now)
	if err != nil {
		return nil, err
	}
	handles, err := handle.New(handle.Options{Store: db.Handles(), Keys: root.Derive, Now: o.Now})
	if err != nil {
		return nil, fmt.Errorf("short ids: %w", err)
	}
	a.sweeps = append(a.sweeps, handles.Sweep)
	a.forgets = append(a.forgets, func(ctx context.Context, p person) error { return handles.Forget(ctx, handle.Person(p)) })
	docs, err := newDocuments(a, db.folder, o.DocumentWorker)
	if err != nil {
		return nil, err
	}
	spool, err := newSpool(ctx, a, db, keys, o)
	if err != nil {
		return nil, err
	}
	var runner *tool.Runner
	service, err := newTickets(a, c, db, keys, spool, func() *tool.Runner { return runner }, o)
	if err != nil {
		return nil, err
	}
	services := tool.Services{
		Handles: handles, Zones: tool.NewZones(), Documents: docs, Uploads: uploads{spool}, Tickets: tickets{service}, Access: access{a.auth},
	}
	runner = tool.NewRunner(tool.Options{
		Registry: registry, Policy: policy.PermitAll(), Audit: a.audit, Services: services,
		Open: func(d tool.Decided) tool.Session {
			return gw.Open(gateway.Call{Principal: d.Principal(), Tool: d.Tool(), RequestID: d.ID(), ReadOnly: d.ReadOnly(), App: d.App()})
		},
		Timeout: c.Gateway.Timeout, NewID: newID(o.Now), Now: o.Now, Logger: log,
	})
	a.mcp = mcpserver.New(mcpserver.Options{
		Registry: registry, Runner: runner, Version: Version(), PublicURL: c.Server.PublicURL,
		AllowedOrigins: c.MCP.AllowedOrigins, MaxRequestBytes: c.MCP.MaxRequestBytes,
		SSE: c.MCP.SSE, WebSocket: c.MCP.WebSocket, Streams: c.MCP.StreamsPerPerson,
		RequireBearer: a.auth.RequireBearer, Reverify: a.reverify, Strangers: a.strangers(), StepUp: a.auth.StepUp,
		Now: o.Now, Logger: log, Extend: o.Extend, Sessions: o.Sessions,
	})
	pages, err := console.New(console.Options{
		PublicURL: c.Server.PublicURL, Store: db.Console(), People: a.auth, Words: a.auth, Now: o.Now, Logger: log,
	})
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	return routes(c.Server.PublicURL, a.guard, a.mcp, a.auth, service, pages), nil
}

func newRegistry(c config.Tools, apps config.LinkedApps) (*tool.Registry, error) {
	selection, err := tool.Select(c.Preset, c.Allow, c.Deny)
	if err != nil {
		return nil, usage("%w", err)
	}
	set := catalogue()
	linked, err := linkedTools(apps)
	if err != nil {
		return nil, usage("linked_apps: %w", err)
	}
	set.Tools = append(set.Tools, linked...)
	registry, err := tool.NewRegistry(set, selection)
	if err != nil {
		return nil, usage("%w", err)
	}
	return registry, nil
}

// catalogue is everything that this server can do.
func catalogue() tool.Set {
	return tool.Set{
		Tools: slices.Concat(
			platform.Tools(), mail.Tools(), calendar.Tools(), teams.Tools(), files.Tools(), people.Tools(), tasks.Tools(), search.Tools(),
		),
		Resources: slices.Concat(platform.Resources(), mail.Resources(), calendar.Resources(), teams.Resources(), files.Resources()),
		Internal:  slices.Concat(mail.Internal(), files.Internal()),
		Prompts:   platform.Prompts(),
	}
}

func (a *App) newGateway(c config.Config, vault *entra.Vault, now func() time.Time) (*gateway.Gateway, error) {
	client, err := dial.Client("graph", c.Microsoft.GraphURL)
	if err != nil {
		return nil, usage("%w", err)
	}
	a.cleanups.add(closeIdle(client))
	hosts := c.Microsoft.StorageHosts
	if len(hosts) == 0 {
		hosts = gateway.DefaultStorageHosts(c.Microsoft.GraphURL)
	}
	storage, err := dial.StorageClient("storage", hosts, onLoopback(c.Microsoft.GraphURL))
	if err != nil {
		return nil, usage("%w", err)
	}
	a.cleanups.add(closeIdle(storage))
	apps, err := a.linkedApps(c.Linked)
	if err != nil {
		return nil, err
	}
	return gateway.New(gateway.Options{
		GraphURL: c.Microsoft.GraphURL, Version: c.Microsoft.GraphAPIVersion, HTTP: client, StorageHosts: hosts, Storage: storage, Apps: apps,
		Credentials: credentials{vault, a.auth, a.log, &signIns{now: now}}, Recheck: a.auth.Recheck,
		Retry: gateway.Retry{MaxAttempts: c.Gateway.MaxAttempts, Backoff: 500 * time.Millisecond, MaxWait: c.Gateway.MaxWait},
		NewID: newID(now), Now: now, Logger: a.log,
	})
}

// onLoopback reports whether a URL is of this machine: only a simulated Graph is.
func onLoopback(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && dial.Loopback(u.Hostname())
}

// credentials hands the vault to the gateway.
type credentials struct {
	vault   *entra.Vault
	auth    *authserver.Server
	log     *slog.Logger
	signIns *signIns
}

// Token implements gateway.Credentials.
func (c credentials) Token(ctx context.Context, p identity.Principal) (secret.String, error) {
	if !p.IsPerson() {
		return secret.String{}, fmt.Errorf("%w: there is no person", gateway.ErrRevoked)
	}
	token, _, err := c.vault.Token(ctx, p.SignIn())
	return token, c.judge(ctx, p, err)
}

// Reject implements gateway.Credentials.
func (c credentials) Reject(ctx context.Context, p identity.Principal, token secret.String, claims string) error {
	err := c.judge(ctx, p, c.vault.Reject(ctx, p.SignIn(), token, claims))
	if errors.Is(err, gateway.ErrSignInRequired) {
		return nil // which the gateway knows from the claims
	}
	return err
}

// judge says what an error of the vault means for the call. A grant that Microsoft
// will not renew is ended, so that the client's next request gets a 401 and it
// starts a sign-in by itself.
func (c credentials) judge(ctx context.Context, p identity.Principal, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, entra.ErrNoTokens):
		return fmt.Errorf("%w: %w", gateway.ErrRevoked, err)
	case errors.Is(err, seal.ErrUnknownKey), errors.Is(err, seal.ErrTampered):
		c.log.ErrorContext(ctx, "tokens cannot be opened: the encryption key is another one, or the row was changed", "grant", p.GrantID, "error", err)
		return fmt.Errorf("%w: %w", gateway.ErrSealed, err)
	case entra.IsSignInRequired(err):
		if granted, lost := c.auth.GrantedAt(ctx, p.SignIn()); lost == nil && !c.signIns.demand(p, granted) {
			c.log.WarnContext(ctx, "Microsoft wants another sign-in right after one; the client is not sent through it", "grant", p.GrantID, "error", err)
			return fmt.Errorf("%w: %w", gateway.ErrSignInRequired, err)
		}
		var claims string
		if demand, ok := errors.AsType[*entra.SignInError](err); ok {
			claims = demand.Claims
		}
		ended := c.auth.SignInAgain(context.WithoutCancel(ctx), p.SignIn(), claims)
		return errors.Join(fmt.Errorf("%w: %w", gateway.ErrSignInRequired, err), ended)
	}
	return err
}

// newID makes ULIDs: sortable by time, 80 random bits.
func newID(now func() time.Time) func() string {
	return func() string { return ulid.MustNew(ulid.Timestamp(now()), rand.Reader).String() }
}

func closeIdle(c *http.Client) func(context.Context) error {
	return func(context.Context) error { c.CloseIdleConnections(); return nil }
}

var (
	_ graph.Doer          = (*gateway.Session)(nil)
	_ gateway.Credentials = credentials{}
)
