package perimeter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"m365mcp/identity"
	"m365mcp/internal/jwks"
)

// Keys of proxies rotate with overlap (Cloudflare's every six weeks, the old one valid
// for seven days more), so hours of outage harm nobody.
const (
	keysLifetime = 6 * time.Hour
	keysGrace    = 24 * time.Hour

	maxAssertion = 16 << 10
	leeway       = 30 * time.Second // of two clocks
)

// Assertion is a proxy that signs a JWT about who it lets through.
type Assertion struct {
	Mode       string   // for evidence: cloudflare-access, oidc-proxy
	Title      string   // for people
	Header     string   // that carries the JWT
	Issuer     string   // iss
	Audiences  []string // of which aud must name one
	KeysURL    string   // JWK Set
	Algorithms []string // asymmetric ones
	Claims     Claims

	identityURL string // that tells people's groups; empty: the assertion does
	log         *slog.Logger
}

// Claims are the names of the claims that say who it is.
type Claims struct {
	Subject string // of a person
	Email   string
	Groups  string // a list, or absent
	Country string
	Service string // of a machine, whose id it is; a token with it is no person's
	// ServiceEmails are domains whose addresses are machines'.
	ServiceEmails []string
}

// assertionMode verifies the assertions of one proxy.
type assertionMode struct {
	Assertion

	keys   *jwks.Set
	groups *groups // nil: the assertion has them
	now    func() time.Time
}

// NewAssertion returns the mode of a proxy. The client must reach the origin of its keys,
// and nothing else: assertions may be sent with it.
func NewAssertion(a Assertion, client *http.Client, now func() time.Time) (Mode, error) {
	var algorithms []jose.SignatureAlgorithm
	for _, name := range a.Algorithms {
		if !slices.Contains(Algorithms, name) {
			return nil, fmt.Errorf("the algorithm %s is none of %s", name, strings.Join(Algorithms, ", "))
		}
		algorithms = append(algorithms, jose.SignatureAlgorithm(name))
	}
	if a.Header == "" || a.Issuer == "" || len(a.Audiences) == 0 || a.KeysURL == "" || len(algorithms) == 0 {
		return nil, errors.New("an assertion needs a header, an issuer, an audience, keys and algorithms")
	}
	keys := jwks.New(a.KeysURL, jwks.Options{HTTP: client, Now: now, Algorithms: algorithms, Lifetime: keysLifetime, Grace: keysGrace})
	m := &assertionMode{Assertion: a, keys: keys, now: now}
	if a.identityURL != "" {
		m.groups = newGroups(a.identityURL, client, now, a.log)
	}
	return m, nil
}

// Algorithms are those that may be configured: with none of them can a verifier sign.
var Algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

func (m *assertionMode) name() string { return m.Title }

func (m *assertionMode) header() string { return m.Header }

func (m *assertionMode) refresh(ctx context.Context) error {
	if err := m.keys.Refresh(ctx); err != nil {
		return fmt.Errorf("%s: %w", m.Title, err)
	}
	return nil
}

func (m *assertionMode) prove(r *http.Request, _ bool) (identity.Perimeter, error) {
	values := r.Header.Values(m.Header)
	switch {
	case len(values) == 0:
		return identity.Perimeter{}, errAbsent
	case len(values) > 1:
		return identity.Perimeter{}, refusal{reason: "several_assertions", words: "it carries two assertions; one is needed"}
	case len(values[0]) > maxAssertion:
		return identity.Perimeter{}, refusal{reason: "invalid_assertion", words: "its assertion is too long"}
	}
	payload, err := m.keys.VerifySignature(r.Context(), values[0])
	if errors.Is(err, jwks.ErrUnavailable) {
		return identity.Perimeter{}, refusal{reason: "keys_unavailable", words: "the keys of " + m.Title + " cannot be fetched now, so its assertion cannot be verified", away: true}
	}
	if err != nil {
		return identity.Perimeter{}, refusal{reason: "invalid_assertion", words: "its assertion is not signed by " + m.Title}
	}
	var registered jwt.Claims
	var claims map[string]any
	if json.Unmarshal(payload, &registered) != nil || json.Unmarshal(payload, &claims) != nil {
		return identity.Perimeter{}, refusal{reason: "invalid_assertion", words: "the claims of its assertion cannot be read"}
	}
	if err := m.judge(registered); err != nil {
		return identity.Perimeter{}, err
	}
	who, err := m.who(claims)
	if err == nil && m.groups != nil && !who.Service {
		who.Groups = m.groups.of(r.Context(), values[0], who.Email, registered.Expiry.Time())
	}
	return who, err
}

// judge holds what is signed to this server and to now.
func (m *assertionMode) judge(c jwt.Claims) error {
	err := c.ValidateWithLeeway(jwt.Expected{Issuer: m.Issuer, AnyAudience: m.Audiences, Time: m.now()}, leeway)
	switch {
	case errors.Is(err, jwt.ErrExpired) || err == nil && c.Expiry == nil:
		return refusal{reason: "expired_assertion", words: "its assertion has expired"}
	case errors.Is(err, jwt.ErrInvalidAudience):
		return refusal{reason: "foreign_assertion", words: "its assertion is for another application"}
	case err != nil:
		return refusal{reason: "invalid_assertion", words: "its assertion is not one that " + m.Title + " made for this server, now"}
	default:
		return nil
	}
}

// who reads the identity, of which a machine has no mail and a person has both names.
func (m *assertionMode) who(claims map[string]any) (identity.Perimeter, error) {
	text := func(name string) string {
		s, _ := claims[name].(string)
		return s
	}
	p := identity.Perimeter{Mode: m.Mode, Issuer: m.Issuer, Subject: text(m.Claims.Subject), Email: text(m.Claims.Email), Country: text(m.Claims.Country)}
	if service := text(m.Claims.Service); service != "" {
		if p.Email != "" {
			return identity.Perimeter{}, refusal{reason: "invalid_assertion", words: "its assertion names both a person and a service"}
		}
		p.Service, p.Subject = true, service
		return p, nil
	}
	_, domain, _ := strings.Cut(p.Email, "@")
	if domain != "" && slices.ContainsFunc(m.Claims.ServiceEmails, func(d string) bool {
		return strings.EqualFold(domain, d) || strings.HasSuffix(strings.ToLower(domain), "."+strings.ToLower(d))
	}) {
		p.Service, p.Subject, p.Email = true, p.Email, ""
		return p, nil
	}
	if p.Subject == "" || p.Email == "" {
		return identity.Perimeter{}, refusal{reason: "invalid_assertion", words: "its assertion names neither a person with an address nor a service"}
	}
	list, _ := claims[m.Claims.Groups].([]any)
	for _, g := range list {
		if name, ok := g.(string); ok {
			p.Groups = append(p.Groups, name)
		}
	}
	return p, nil
}
