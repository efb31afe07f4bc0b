package authserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"m365mcp/internal/assertion"
)

// An organization's identity provider may say which of its people a client acts for
// (draft-ietf-oauth-identity-assertion-authz-grant, "ID-JAG"; MCP's enterprise-managed
// authorization). No page is shown. But only Microsoft gives out what reaches a
// person's data, and only for a sign-in: so what the client gets rests on one that the
// person already has here, reaches no further, and ends with it.

const (
	profileIDJAG = "urn:ietf:params:oauth:grant-profile:id-jag"
	typeIDJAG    = "oauth-id-jag+jwt"
	maxSignIns   = 20 // of one person, looked at to find one to rest on
)

// IdentityProvider is an issuer whose word for a person counts.
type IdentityProvider struct {
	Issuer  string
	Keys    *assertion.Keys
	Clients []string // ids of those that may bring it
	// TenantID is the tenant of all its people; empty: TenantClaim names the claim.
	TenantID    string
	TenantClaim string
	UserClaim   string // the claim with the person's object id at Microsoft
}

func identityProviders(list []IdentityProvider) (map[string]IdentityProvider, error) {
	providers := make(map[string]IdentityProvider, len(list))
	var errs []error
	for _, p := range list {
		_, twice := providers[p.Issuer]
		if u, err := url.Parse(p.Issuer); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || twice {
			errs = append(errs, fmt.Errorf("identity provider %q: it is no URL, or there twice", p.Issuer))
		}
		if p.Keys == nil || len(p.Clients) == 0 || p.UserClaim == "" || p.TenantID == "" && p.TenantClaim == "" {
			errs = append(errs, fmt.Errorf("identity provider %q: keys, clients or claims are missing", p.Issuer))
		}
		p.Clients = slices.Clone(p.Clients)
		providers[p.Issuer] = p
	}
	return providers, errors.Join(errs...)
}

// trusts reports whether an identity provider's word counts with this client.
func (s *Server) trusts(clientID string) bool {
	for _, p := range s.providers {
		if slices.Contains(p.Clients, clientID) {
			return true
		}
	}
	return false
}

// redeemAssertion exchanges an identity provider's word for an access token.
func (s *Server) redeemAssertion(ctx context.Context, client Client, p parameters, permit func() error) (tokenAnswer, error) {
	switch {
	case client.public():
		return tokenAnswer{}, refuse(codeUnauthorizedClient, "Only a client that proves itself may bring an identity provider's word.")
	case p["assertion"] == "":
		return tokenAnswer{}, refuse(codeInvalidRequest, "assertion is required.")
	}
	now := s.now()
	provider, claims, err := s.asserted(ctx, client, p["assertion"], now, permit)
	if err != nil {
		return tokenAnswer{}, err
	}
	who := UserRef{strings.ToLower(cmp.Or(provider.TenantID, claims.Text(provider.TenantClaim))), strings.ToLower(claims.Text(provider.UserClaim))}
	if who.TenantID == "" || who.UserID == "" {
		return tokenAnswer{}, refuse(codeInvalidGrant, "The assertion does not say who the person is at Microsoft (oauth.id_jag: tenant_claim, user_claim).")
	}
	under, scopes, err := s.signInOf(ctx, who, claims.Text("scope"), p["scope"], now)
	if err != nil {
		return tokenAnswer{}, err
	}
	ends := now.Add(s.lifetimes.Access)
	for _, end := range []time.Time{under.ExpiresAt, under.EndsAt} {
		if !end.IsZero() && end.Before(ends) {
			ends = end
		}
	}
	grant := Grant{
		TenantID: under.TenantID, UserID: under.UserID, UPN: under.UPN, Mail: under.Mail, Name: under.Name,
		ClientID: client.ID, Scopes: scopes, EndsAt: ends, RestsOn: under.ID, Perimeter: under.Perimeter,
	}
	if err := s.redeemedBy(ctx, grant, errNoSignIn); err != nil {
		return tokenAnswer{}, err
	}
	answer, err := s.issue(ctx, grant, now, eventAsserted, map[string]string{"issuer": provider.Issuer, "rests_on": under.ID})
	if errors.Is(err, ErrRevoked) {
		return tokenAnswer{}, errNoSignIn
	}
	return answer, err
}

var errNoSignIn = refuse(codeInvalidGrant, "This person has no sign-in at Microsoft here, or none that is still good. "+
	"Let the person connect any app to this server once, by signing in at Microsoft; after that the identity provider's word is enough.")

// asserted proves the assertion, and lets it through once.
func (s *Server) asserted(ctx context.Context, client Client, raw string, now time.Time, permit func() error) (IdentityProvider, assertion.Claims, error) {
	claims, err := assertion.Peek(raw)
	if err != nil {
		return IdentityProvider{}, claims, badGrant(err)
	}
	provider, known := s.providers[claims.Issuer]
	if !known || !slices.Contains(provider.Clients, client.ID) {
		return provider, claims, refuse(codeInvalidGrant, "The word of this identity provider does not count here, or not with this client.")
	}
	claims, err = assertion.Verify(ctx, raw, provider.Keys, assertion.Rules{
		Types: []string{typeIDJAG}, Issuer: provider.Issuer, Audience: []string{s.issuer, s.issuer + "/"}, Now: now, // clients make URLs of it
	}, permit)
	switch {
	case err != nil:
		return provider, claims, badGrant(err)
	case claims.Text("client_id") != client.ID:
		return provider, claims, refuse(codeInvalidGrant, "The assertion is for another client (client_id).")
	case !slices.Contains([]string{s.resource, s.resource + "/"}, claims.Text("resource")):
		return provider, claims, &oauthError{
			status: http.StatusBadRequest, code: codeInvalidGrant, description: "The assertion is for another resource than " + s.resource + " (resource).",
		}
	case !claims.Has("iat"):
		return provider, claims, refuse(codeInvalidGrant, "The assertion does not say when it was made (iat).")
	}
	return provider, claims, s.useAssertion(ctx, "id-jag", claims, errUsedGrant)
}

var errUsedGrant = refuse(codeInvalidGrant, "The assertion was used before: each works once (jti).")

func badGrant(err error) error {
	if refused, ok := errors.AsType[*assertion.Error](err); ok {
		return refuse(codeInvalidGrant, "The assertion cannot be taken: it "+refused.Reason+".")
	}
	return asOAuth(err)
}

// signInOf finds the sign-in of the person that covers most of what is asked for, the
// one used last of several, and what of it the client gets: never more than the person
// has agreed to there, the identity provider says, or the client asks for.
func (s *Server) signInOf(ctx context.Context, who UserRef, said, asked string, now time.Time) (Grant, []string, error) {
	grants, err := s.store.SignIns(ctx, who, now, maxSignIns)
	if err != nil {
		return Grant{}, nil, unavailable(err)
	}
	var best Grant
	var most []string
	refusal := errNoSignIn
	for _, g := range grants {
		if !s.entitled(g) || g.Resource != s.resource || !g.EndsAt.IsZero() && !now.Before(g.EndsAt) {
			continue
		}
		scopes, err := narrow(said, g.Scopes)
		if err == nil {
			scopes, err = narrow(asked, scopes)
		}
		if err != nil {
			refusal = asOAuth(err)
		} else if len(scopes) > len(most) {
			best, most = g, scopes
		}
	}
	if len(most) == 0 {
		return Grant{}, nil, refusal
	}
	return best, most, nil
}
