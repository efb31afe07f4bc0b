package identity

import (
	"context"

	"m365mcp/internal/secret"
)

// Perimeter is who the proxy in front has proven to be knocking: a person, or a
// machine. The zero value is nobody, where no perimeter is configured.
type Perimeter struct {
	Mode    string   `json:"mode"`              // cloudflare-access, oidc-proxy, mtls
	Issuer  string   `json:"issuer"`            // who vouches for it
	Subject string   `json:"subject"`           // the issuer's name for it; of a service token, its client id
	Email   string   `json:"email,omitempty"`   // of a person
	Service bool     `json:"service,omitempty"` // a machine: no person is there
	Country string   `json:"country,omitempty"`
	Groups  []string `json:"groups,omitempty"`
}

// IsZero reports whether nobody was proven.
func (p Perimeter) IsZero() bool { return p.Issuer == "" && p.Subject == "" }

// Same reports whether both are the same person or machine; an address may change.
func (p Perimeter) Same(q Perimeter) bool {
	return p.Mode == q.Mode && p.Issuer == q.Issuer && p.Subject == q.Subject && p.Service == q.Service
}

// String names it in evidence: a person by mail, a machine by its id.
func (p Perimeter) String() string {
	switch {
	case p.IsZero():
		return ""
	case p.Service:
		return "service:" + p.Subject
	case p.Email != "":
		return p.Email
	default:
		return p.Subject
	}
}

type perimeterKey struct{}

// WithPerimeter hands the proven identity on from the outermost handler.
func WithPerimeter(ctx context.Context, p Perimeter) context.Context {
	return context.WithValue(ctx, perimeterKey{}, p)
}

// PerimeterOf returns it, or nobody.
func PerimeterOf(ctx context.Context) Perimeter {
	p, _ := ctx.Value(perimeterKey{}).(Perimeter)
	return p
}

type assertionKey struct{}

// WithAssertion hands on what the proxy in front has signed, after it was verified.
func WithAssertion(ctx context.Context, assertion secret.String) context.Context {
	return context.WithValue(ctx, assertionKey{}, assertion)
}

// AssertionOf returns it; it is absent where nobody was proven by one.
func AssertionOf(ctx context.Context) secret.String {
	a, _ := ctx.Value(assertionKey{}).(secret.String)
	return a
}
