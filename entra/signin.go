package entra

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// SignIn is one trip of a browser to Microsoft and back. State, Nonce and
// Verifier are the caller's: random, of single use, kept until the callback.
type SignIn struct {
	State     string
	Nonce     string
	Verifier  string   // of PKCE (RFC 7636): 43 to 128 letters
	Scopes    []string // of Graph; OpenID Connect's own are added
	LoginHint string
	// DomainHint names the home of the person, a domain; it spares them a page of Entra.
	DomainHint string
	Prompt     string // login, none, consent, select_account, or empty
	Claims     string // claims challenge to answer, as JSON or base64; may be empty

	// IdentityOnly asks who the person is and nothing else: openid and profile, no
	// scope of Graph, nothing to refresh with. Scopes are empty then.
	IdentityOnly bool
}

// Account is the person an id_token names. TenantID and ObjectID are the key;
// the rest is for showing and may be empty.
type Account struct{ TenantID, ObjectID, UPN, Mail, Name string }

// AuthorizeURL returns where to send the browser.
func (c *Client) AuthorizeURL(ctx context.Context, s SignIn) (string, error) {
	if s.State == "" {
		return "", errors.New("entra: a sign-in needs a state")
	}
	if err := s.check(); err != nil {
		return "", err
	}
	claims, err := withCapability(s.Claims)
	if err != nil {
		return "", fmt.Errorf("entra: %w", err)
	}
	p, err := c.discovered(ctx)
	if err != nil {
		return "", err
	}
	config := p.oauth
	config.Scopes = c.asked(s)
	options := []oauth2.AuthCodeOption{
		oauth2.S256ChallengeOption(s.Verifier),
		oidc.Nonce(s.Nonce),
		oauth2.SetAuthURLParam("response_mode", "query"),
		oauth2.SetAuthURLParam("claims", claims),
	}
	for name, value := range map[string]string{"login_hint": s.LoginHint, "domain_hint": s.DomainHint, "prompt": s.Prompt} {
		if value != "" {
			options = append(options, oauth2.SetAuthURLParam(name, value))
		}
	}
	return config.AuthCodeURL(s.State, options...), nil
}

// Exchange redeems the code that came back for s and verifies the id_token:
// signature, issuer, audience, expiry, nonce and tenant. A [NotAdmittedError]
// is for the person to read.
func (c *Client) Exchange(ctx context.Context, code string, s SignIn) (Account, Tokens, error) {
	if code == "" {
		return Account{}, Tokens{}, errors.New("entra: no code to redeem")
	}
	if err := s.check(); err != nil {
		return Account{}, Tokens{}, err
	}
	p, err := c.discovered(ctx)
	if err != nil {
		return Account{}, Tokens{}, err
	}
	claims, err := withCapability(s.Claims)
	if err != nil {
		return Account{}, Tokens{}, fmt.Errorf("entra: %w", err)
	}
	const op = "code exchange"
	form, err := c.credential(ctx, op, p.oauth.Endpoint.TokenURL)
	if err != nil {
		return Account{}, Tokens{}, err
	}
	options := []oauth2.AuthCodeOption{
		oauth2.VerifierOption(s.Verifier),
		oauth2.SetAuthURLParam("scope", strings.Join(c.asked(s), " ")),
		oauth2.SetAuthURLParam("claims", claims),
	}
	for name := range form {
		options = append(options, oauth2.SetAuthURLParam(name, form.Get(name)))
	}
	asked := c.now()
	token, err := p.oauth.Exchange(context.WithValue(ctx, oauth2.HTTPClient, c.http), code, options...)
	if err != nil {
		return Account{}, Tokens{}, failure(op, err, form, code, s.Verifier)
	}
	tokens, err := c.tokens(op, token, asked, s.Scopes)
	if err != nil {
		return Account{}, Tokens{}, err
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return Account{}, Tokens{}, errors.New("entra: code exchange: the answer has no id_token")
	}
	account, err := p.verify(ctx, raw, s.Nonce)
	if err != nil {
		return Account{}, Tokens{}, err
	}
	return account, tokens, nil
}

func (s SignIn) check() error {
	if s.Nonce == "" || len(s.Verifier) < 43 || len(s.Verifier) > 128 {
		return errors.New("entra: a sign-in needs a nonce and a PKCE verifier of 43 to 128 letters")
	}
	return nil
}

// verify does what OpenID Connect Core, section 3.1.3.7 asks for, and binds the
// issuer to the token's own tenant, since the keys of all tenants are the same.
func (p *provider) verify(ctx context.Context, raw, nonce string) (Account, error) {
	token, err := p.verifier.Verify(ctx, raw)
	if err != nil {
		return Account{}, fmt.Errorf("entra: id_token: %s", clean(err.Error(), []string{raw}))
	}
	var claims struct {
		TenantID string `json:"tid"`
		ObjectID string `json:"oid"`
		UPN      string `json:"preferred_username"`
		Mail     string `json:"email"`
		Name     string `json:"name"`
	}
	if err := token.Claims(&claims); err != nil {
		return Account{}, fmt.Errorf("entra: id_token: claims: %w", err)
	}
	tid := strings.ToLower(claims.TenantID)
	switch {
	case subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(nonce)) != 1:
		return Account{}, errors.New("entra: id_token: nonce is not that of this sign-in")
	case len(token.Audience) != 1:
		return Account{}, errors.New("entra: id_token: audience names others besides this application")
	case !guid.MatchString(tid) || claims.ObjectID == "":
		return Account{}, errors.New("entra: id_token: tid or oid is missing")
	}
	// Entra's keys have signed it: the person is who it says, and may be of another tenant.
	if err := p.tenants.admit(tid, p.tenant); err != nil {
		return Account{}, err
	}
	if token.Issuer != strings.Replace(p.issuer, tenantPlaceholder, claims.TenantID, 1) {
		return Account{}, fmt.Errorf("entra: id_token: issuer %q is not that of tenant %q", clean(token.Issuer, nil), tid)
	}
	return Account{TenantID: tid, ObjectID: claims.ObjectID, UPN: claims.UPN, Mail: claims.Mail, Name: claims.Name}, nil
}

// asked are the scopes of a sign-in; the code is redeemed for the same ones.
func (c *Client) asked(s SignIn) []string {
	if s.IdentityOnly {
		return []string{"openid", "profile"}
	}
	return c.scopes(s.Scopes, "openid", "profile", "email", "offline_access")
}

// scopes spells Graph scopes for a request and adds those of OpenID Connect.
func (c *Client) scopes(graph []string, also ...string) []string {
	out := slices.Clone(also)
	for _, s := range graph {
		if isOIDC(s) {
			continue // the request says which it needs
		}
		if !strings.Contains(s, "://") {
			s = c.resource + s
		}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func isOIDC(scope string) bool {
	return slices.Contains([]string{"openid", "profile", "email", "offline_access"}, scope)
}
