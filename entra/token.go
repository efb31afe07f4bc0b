package entra

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"m365mcp/internal/secret"
)

// maxLifetime caps expires_in; the longest that Entra gives is 28 hours, under CAE.
const maxLifetime = 7 * 24 * time.Hour

// Tokens is what the token endpoint hands out.
type Tokens struct {
	Access  secret.String
	Refresh secret.String // zero where offline_access was not granted
	Expires time.Time     // of Access
	Scopes  []string      // of Graph, as granted, without the resource in front
}

// Refresh redeems a refresh token. The answer's refresh token replaces it.
func (c *Client) Refresh(ctx context.Context, refresh secret.String, scopes []string) (Tokens, error) {
	p, err := c.discovered(ctx)
	if err != nil {
		return Tokens{}, err
	}
	claims, err := withCapability("")
	if err != nil {
		return Tokens{}, err
	}
	const op = "refresh"
	asked := c.now()
	token, err := c.request(ctx, p, op, c.scopes(scopes, "offline_access"), url.Values{
		"grant_type":    {"refresh_token"},
		"refresh_token": {refresh.Reveal()},
		"claims":        {claims},
	})
	if err != nil {
		return Tokens{}, err
	}
	return c.tokens(op, token, asked, scopes)
}

// request is a token request with scopes and any grant type, which oauth2's own
// refresh is not.
func (c *Client) request(ctx context.Context, p *provider, op string, scopes []string, params url.Values) (*oauth2.Token, error) {
	form, err := c.credential(ctx, op, p.oauth.Endpoint.TokenURL)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(params)
	maps.Copy(all, form)
	request := clientcredentials.Config{
		ClientID:       p.oauth.ClientID,
		TokenURL:       p.oauth.Endpoint.TokenURL,
		AuthStyle:      p.oauth.Endpoint.AuthStyle,
		Scopes:         scopes,
		EndpointParams: all,
	}
	token, err := request.Token(context.WithValue(ctx, oauth2.HTTPClient, c.http))
	if err != nil {
		return nil, failure(op, err, form, params.Get("refresh_token"))
	}
	return token, nil
}

// Prove shows Entra the credential and nothing else: it asks for a token of the
// application itself, which is dropped. proven is false where that cannot be
// asked, because there are several tenants. An [Error] with a code is Entra's no.
func (c *Client) Prove(ctx context.Context) (proven bool, err error) {
	p, err := c.discovered(ctx)
	if err != nil || p.tenant == "" {
		return false, err
	}
	_, err = c.request(ctx, p, "proof of the credential", []string{c.config.GraphResource + "/.default"}, url.Values{})
	if e, ok := errors.AsType[*Error](err); ok && e.Code != "" && e.Code != "invalid_client" && e.Code != "unauthorized_client" && !IsTransient(err) {
		return true, nil // known, and given nothing: it has no permissions of its own, as it should be
	}
	return err == nil, err
}

// tokens reads a successful answer to a request made at asked for scopes.
func (c *Client) tokens(op string, token *oauth2.Token, asked time.Time, scopes []string) (Tokens, error) {
	seconds, ok := token.Extra("expires_in").(float64)
	if !ok || seconds <= 0 || !strings.EqualFold(token.TokenType, "bearer") {
		return Tokens{}, &Error{Op: op, Err: errors.New("the answer is not a bearer token with a lifetime")}
	}
	if granted, ok := token.Extra("scope").(string); ok && granted != "" {
		scopes = strings.Fields(granted)
	}
	lifetime := time.Duration(min(seconds, maxLifetime.Seconds())) * time.Second
	return Tokens{
		Access:  secret.New(token.AccessToken),
		Refresh: secret.New(token.RefreshToken),
		Expires: asked.Add(lifetime),
		Scopes:  c.granted(scopes),
	}, nil
}

// granted brings Graph scopes into their short form and drops OpenID Connect's.
func (c *Client) granted(scopes []string) []string {
	out := make([]string, 0, len(scopes))
	for _, s := range scopes {
		for _, resource := range []string{c.config.GraphResource + "/", globalGraph + "/"} {
			s = strings.TrimPrefix(s, resource)
		}
		if !isOIDC(s) && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// failure turns what oauth2 reports into an Error. oauth2's own text quotes the
// whole body of an answer that it cannot read, so it is not passed on.
func failure(op string, err error, credential url.Values, sent ...string) error {
	if r, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		var a answer
		decodeErr := json.Unmarshal(r.Body, &a)
		return a.failure(op, r.Response, decodeErr, append(sent, credential.Get("client_secret"), credential.Get("client_assertion"))...)
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return &Error{Op: op, Err: u}
	}
	return &Error{Op: op, Err: errors.New("the answer is not one of a token endpoint")}
}
