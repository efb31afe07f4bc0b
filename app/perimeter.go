package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"m365mcp/audit"
	"m365mcp/authserver"
	"m365mcp/config"
	"m365mcp/dial"
	"m365mcp/perimeter"
	"m365mcp/tool"
)

// setPerimeter builds what stands outermost, and returns how it belongs to the rest.
func (a *App) setPerimeter(c config.Config, registry *tool.Registry, now func() time.Time) (rules *authserver.Perimeter, err error) {
	if a.guard, err = a.newGuard(c, now); err != nil {
		return nil, err
	}
	return perimeterRules(c, registry)
}

// newGuard builds the outermost handler from what is declared to stand in front.
func (a *App) newGuard(c config.Config, now func() time.Time) (*perimeter.Guard, error) {
	modes, clients, err := newModes(c.Perimeter, a.log, now)
	for _, client := range clients {
		a.cleanups.add(closeIdle(client))
	}
	if err != nil {
		return nil, err
	}
	var open []string
	for _, name := range c.Perimeter.Open {
		open = append(open, map[string]string{config.OpenHealth: healthPath, config.OpenMetadata: "/.well-known/"}[name])
	}
	r := &refusals{audit: a.audit, log: a.log, now: now, seen: map[string]*refusalCount{}}
	return perimeter.New(perimeter.Options{Modes: modes, TrustedProxies: c.Server.TrustedProxies, Open: open, Log: a.log, Refused: r.note}), nil
}

// newModes returns the ways to be proven, and the clients that fetch their keys.
func newModes(p config.Perimeter, log *slog.Logger, now func() time.Time) (modes []perimeter.Mode, clients []*http.Client, err error) {
	for _, name := range p.Modes {
		var mode perimeter.Mode
		var assertion perimeter.Assertion
		switch name {
		case config.CloudflareAccess:
			assertion, err = perimeter.CloudflareAccess(p.AccessTeam, p.AccessAudiences)
			if p.AccessGroups {
				assertion = assertion.WithGroups(log)
			}
		case config.OIDCProxy:
			assertion, err = perimeter.OIDCProxy(p.Proxy, perimeter.Assertion{
				Header: p.ProxyHeader, Issuer: p.ProxyIssuer, Audiences: p.ProxyAudiences, KeysURL: p.ProxyKeysURL, Algorithms: p.ProxyAlgorithms,
				Claims: perimeter.Claims{Subject: p.ProxySubjectClaim, Email: p.ProxyEmailClaim, Groups: p.ProxyGroupsClaim, Service: p.ProxyServiceClaim},
			})
		case config.MTLS:
			mode, err = certificateMode(p, now)
		default: // none
			continue
		}
		if mode == nil && err == nil {
			var client *http.Client
			if client, err = dial.Client("perimeter keys", assertion.KeysURL); err == nil {
				clients = append(clients, client)
				mode, err = perimeter.NewAssertion(assertion, client, now)
			}
		}
		if err != nil {
			return nil, clients, usage("perimeter %s: %w", name, err)
		}
		modes = append(modes, mode)
	}
	return modes, clients, nil
}

// checkPerimeter fetches the keys of those who sign, as the server will.
func checkPerimeter(ctx context.Context, c config.Config) (string, error) {
	if !c.Perimeter.Declared() {
		return "none is declared", nil
	}
	modes, clients, err := newModes(c.Perimeter, slog.New(slog.DiscardHandler), time.Now)
	defer func() {
		for _, client := range clients {
			client.CloseIdleConnections()
		}
	}()
	if err != nil {
		return "", err
	}
	if err := perimeter.New(perimeter.Options{Modes: modes, Log: slog.New(slog.DiscardHandler)}).Check(ctx); err != nil {
		return "", err
	}
	_, err = newTLS(c)
	return strings.Join(c.Perimeter.Modes, ", "), err
}

func certificateMode(p config.Perimeter, now func() time.Time) (perimeter.Mode, error) {
	text, err := os.ReadFile(p.ClientCA)
	if err != nil {
		return nil, usage("perimeter.client_ca: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, usage("perimeter.client_ca: %s has no certificate in PEM", p.ClientCA)
	}
	return perimeter.NewCertificate(perimeter.Certificate{Roots: roots, Header: p.CertificateHeader}, now)
}

// perimeterRules say how who is proven belongs to people at Microsoft; nil where
// nobody is.
func perimeterRules(c config.Config, registry *tool.Registry) (*authserver.Perimeter, error) {
	if !c.Perimeter.Declared() {
		return nil, nil //nolint:nilnil // the absence of a perimeter is no error
	}
	rules := &authserver.Perimeter{
		People: map[string]string{}, Machines: map[string][]string{}, Services: map[string][]string{}, Mail: c.Microsoft.TenantID != config.SeveralTenants,
	}
	for _, p := range c.Perimeter.People {
		rules.People[p.Perimeter] = p.Microsoft
	}
	for _, m := range c.Perimeter.Machines {
		rules.Machines[m.Service] = append(rules.Machines[m.Service], m.Clients...)
	}
	for _, s := range c.Perimeter.Services {
		if err := serviceTools("perimeter.services", s.Service, s.Tools, registry); err != nil {
			return nil, err
		}
		rules.Services[s.Service] = s.Tools
	}
	return rules, nil
}

// newTLS is nil where TLS ends at the proxy in front. A client certificate is asked
// for where one may prove who knocks; whether it does is the guard's to say.
func newTLS(c config.Config) (*tls.Config, error) {
	if c.Server.TLSCertificate == "" {
		return nil, nil //nolint:nilnil // the absence of TLS is no error
	}
	own, err := tls.LoadX509KeyPair(c.Server.TLSCertificate, c.Server.TLSKey)
	if err != nil {
		return nil, usage("server.tls_certificate and server.tls_key: %w", err)
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{own}}
	if c.Perimeter.Has(config.MTLS) && c.Perimeter.CertificateHeader == "" {
		t.ClientAuth = tls.RequestClientCert
	}
	return t, nil
}

// refusalInterval is how often one reason is written to the audit: whoever knocks
// without a proof must not fill it.
const refusalInterval = time.Minute

// refusals gathers what the perimeter refuses into audit events.
type refusals struct {
	audit interface {
		Event(ctx context.Context, e audit.Event) error
	}
	log *slog.Logger
	now func() time.Time

	mu   sync.Mutex
	seen map[string]*refusalCount // by reason, of which there are few
}

type refusalCount struct {
	since int // the last event
	last  time.Time
}

// note writes the first refusal of a reason at once, and how many followed with the
// next one after a minute.
func (r *refusals) note(ctx context.Context, reason string) {
	r.mu.Lock()
	c := r.seen[reason]
	if c == nil {
		c = &refusalCount{}
		r.seen[reason] = c
	}
	c.since++
	now := r.now()
	if now.Sub(c.last) < refusalInterval {
		r.mu.Unlock()
		return
	}
	count := c.since
	c.since, c.last = 0, now
	r.mu.Unlock()
	if err := r.audit.Event(ctx, audit.Event{Type: "perimeter.refused", Attributes: map[string]string{"reason": reason, "count": strconv.Itoa(count)}}); err != nil {
		r.log.ErrorContext(ctx, "audit", "event", "perimeter.refused", "error", err)
	}
}
