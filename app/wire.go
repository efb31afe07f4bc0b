package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"github.com/oklog/ulid/v2"

	"m365mcp/authserver"
	"m365mcp/config"
	"m365mcp/dial"
	"m365mcp/entra"
	"m365mcp/gateway"
	"m365mcp/graph"
	"m365mcp/identity"
	"m365mcp/internal/private"
	"m365mcp/internal/seal"
	"m365mcp/internal/secret"
	"m365mcp/mcpserver"
	"m365mcp/policy"
	"m365mcp/store/sqlite"
	"m365mcp/tool"
	"m365mcp/tool/mail"
	"m365mcp/tool/platform"
)

// wire connects the parts, from the store up to the routes.
func (a *App) wire(ctx context.Context, o Options) (http.Handler, error) {
	c, log := a.config, a.log
	path, ok := c.Database.SQLitePath()
	if !ok {
		return nil, usage("database %q: only sqlite:PATH is supported", c.Database.URL)
	}
	unlock, err := lockDatabase(path)
	if err != nil {
		return nil, err
	}
	a.cleanups.add(func(context.Context) error { return unlock() })
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		if _, ok := errors.AsType[*private.Error](err); ok {
			return nil, usage("%w", err) // says its fix
		}
		return nil, usage("%w; choose a folder that can be written", err)
	}
	a.cleanups.add(func(context.Context) error { return db.Close() })

	if a.audit, a.auditKey, err = openAudit(ctx, c, filepath.Dir(path), db.Audit(), o.Now, log); err != nil {
		return nil, err
	}
	a.cleanups.add(a.audit.Close)
	if n := a.audit.Recovered(); n > 0 {
		log.WarnContext(ctx, "audit: calls without outcome were closed as unknown", "count", n)
	}

	registry, err := newRegistry()
	if err != nil {
		return nil, err
	}
	keys, err := seal.ParseKeyring(c.Keys.Encryption.Reveal())
	if err != nil {
		return nil, usage("encryption key: %w", err)
	}
	microsoft, err := newEntra(a, c, o.Now)
	if err != nil {
		return nil, err
	}
	vault := entra.NewVault(db.Vault(), keys, microsoft, o.Now, log, entra.Options{})
	a.cleanups.add(vault.Close)

	a.auth, err = authserver.New(authserver.Options{
		PublicURL: c.Server.PublicURL, Scopes: registry.Scopes(), ScopeText: scopeText,
		Store: db.OAuth(), Upstream: microsoft, Vault: vault, Audit: a.audit,
		Keys: keys.Derive, Now: o.Now, Logger: log,
		Lifetimes: authserver.Lifetimes{
			Code: c.OAuth.CodeLifetime, Access: c.OAuth.AccessLifetime, Refresh: c.OAuth.RefreshLifetime,
		},
		MaxClients: c.OAuth.MaxClients, NoRegistration: !c.OAuth.Registration,
	})
	if err != nil {
		return nil, fmt.Errorf("authorization server: %w", err)
	}
	gw, err := a.newGateway(c, vault, o.Now)
	if err != nil {
		return nil, err
	}
	runner := tool.NewRunner(tool.Options{
		Registry: registry, Policy: policy.PermitAll(), Audit: a.audit,
		Open: func(d tool.Decided) tool.Session {
			return gw.Open(gateway.Call{Principal: d.Principal(), Tool: d.Tool(), RequestID: d.ID(), ReadOnly: d.ReadOnly()})
		},
		Timeout: c.Gateway.Timeout, NewID: newID(o.Now), Now: o.Now, Logger: log,
	})
	endpoint := mcpserver.New(mcpserver.Options{
		Registry: registry, Runner: runner, Version: Version(), PublicURL: c.Server.PublicURL,
		AllowedOrigins: c.MCP.AllowedOrigins, MaxRequestBytes: c.MCP.MaxRequestBytes,
		RequireBearer: a.auth.RequireBearer, Logger: log, Extend: o.Extend, Sessions: o.Sessions,
	})
	return routes(c.Server.PublicURL, endpoint, a.auth), nil
}

func newRegistry() (*tool.Registry, error) {
	return tool.NewRegistry(append(mail.Tools(), platform.Tools()...), platform.Resources())
}

// scopeText says the scopes of the tools in words; a test holds it against the registry.
var scopeText = map[string]string{
	"Mail.Read":            "Read your mail",
	"Mail.Send":            "Send mail in your name",
	"MailboxSettings.Read": "Read your mailbox settings, such as the time zone",
	"User.Read":            "See your name, address and job title",
}

func newEntra(a *App, c config.Config, now func() time.Time) (*entra.Client, error) {
	client, err := dial.Client("entra", c.Microsoft.Authority)
	if err != nil {
		return nil, usage("%w", err)
	}
	a.cleanups.add(closeIdle(client))
	m, err := entra.New(entra.Config{
		Authority: c.Microsoft.Authority, Tenant: c.Microsoft.TenantID,
		ClientID: c.Microsoft.ClientID, ClientSecret: c.Microsoft.ClientSecret,
		RedirectURI: c.Server.PublicURL + "/callback", GraphURL: c.Microsoft.GraphURL,
	}, client, now, a.log)
	if err != nil {
		return nil, usage("%w", err)
	}
	return m, nil
}

func (a *App) newGateway(c config.Config, vault *entra.Vault, now func() time.Time) (*gateway.Gateway, error) {
	client, err := dial.Client("graph", c.Microsoft.GraphURL)
	if err != nil {
		return nil, usage("%w", err)
	}
	a.cleanups.add(closeIdle(client))
	return gateway.New(gateway.Options{
		GraphURL: c.Microsoft.GraphURL, Version: c.Microsoft.GraphAPIVersion, HTTP: client,
		Credentials: credentials{vault, a.auth, a.log}, Recheck: a.auth.Recheck,
		Retry: gateway.Retry{MaxAttempts: c.Gateway.MaxAttempts, Backoff: 500 * time.Millisecond, MaxWait: c.Gateway.MaxWait},
		NewID: newID(now), Now: now, Logger: a.log,
	})
}

// credentials hands the vault to the gateway.
type credentials struct {
	vault *entra.Vault
	auth  *authserver.Server
	log   *slog.Logger
}

// Token implements gateway.Credentials.
func (c credentials) Token(ctx context.Context, p identity.Principal) (secret.String, error) {
	token, _, err := c.vault.Token(ctx, p.GrantID)
	return token, c.judge(ctx, p, err)
}

// Reject implements gateway.Credentials.
func (c credentials) Reject(ctx context.Context, p identity.Principal, token secret.String, claims string) error {
	return c.judge(ctx, p, c.vault.Reject(ctx, p.GrantID, token, claims))
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
		ended := c.auth.Revoke(context.WithoutCancel(ctx), authserver.Selector{GrantID: p.GrantID}, "sign-in required by Microsoft")
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
