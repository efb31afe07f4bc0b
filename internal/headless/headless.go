// Package headless is a person at a browser, without the browser: it registers
// an OAuth client, follows redirects, fills in the consent and sign-in forms and
// redeems the code. End-to-end tests and the benchmark sign in with it; what
// needs real pages uses Chromium.
package headless

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// RedirectURI is where the client would listen; nothing does, because the code
// is read from the redirect itself.
const RedirectURI = "http://127.0.0.1:4711/callback"

const maxPage = 8 << 20

// Browser has one cookie jar, as one person's browser has.
type Browser struct{ http *http.Client }

// New returns a browser that sends through transport.
func New(transport http.RoundTripper) *Browser {
	jar, _ := cookiejar.New(nil) // fails for no options
	return &Browser{&http.Client{
		Transport: transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Answer is an HTTP answer, read whole.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Tokens is the token endpoint's answer.
type Tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"`
	Scope   string `json:"scope"`
}

// Fetch sends one request; redirects are not followed. A Host among the headers
// replaces the request's.
func (b *Browser) Fetch(ctx context.Context, method, target, body string, header ...string) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return Answer{}, err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxPage))
	return Answer{resp.StatusCode, resp.Header, string(text)}, errors.Join(err, resp.Body.Close())
}

// PostForm sends a form.
func (b *Browser) PostForm(ctx context.Context, target string, form url.Values) (Answer, error) {
	return b.Fetch(ctx, http.MethodPost, target, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

// Register registers a public client at the server (RFC 7591) and returns its id.
func (b *Browser) Register(ctx context.Context, server, name string) (string, error) {
	meta, err := json.Marshal(map[string]any{
		"client_name": name, "redirect_uris": []string{RedirectURI}, "token_endpoint_auth_method": "none",
		"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"},
	})
	if err != nil {
		return "", err
	}
	a, err := b.Fetch(ctx, http.MethodPost, server+"/register", string(meta), "Content-Type", "application/json")
	if err != nil {
		return "", err
	}
	var out struct {
		ID string `json:"client_id"`
	}
	if err := json.Unmarshal([]byte(a.Body), &out); err != nil || a.Status != http.StatusCreated {
		return "", fmt.Errorf("register: %d %s", a.Status, a.Body)
	}
	return out.ID, nil
}

// Authorization is an authorization request on its way.
type Authorization struct {
	Server, Client, State, Verifier string
}

// NewAuthorization starts one, with a PKCE verifier and a state of its own.
func NewAuthorization(server, client string) Authorization {
	return Authorization{Server: server, Client: client, State: rand.Text(), Verifier: rand.Text() + rand.Text()}
}

// URL is where the client sends its person.
func (a Authorization) URL() string {
	sum := sha256.Sum256([]byte(a.Verifier))
	return a.Server + "/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {a.Client}, "redirect_uri": {RedirectURI}, "state": {a.State},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
		"resource": {a.Server + "/mcp"},
	}.Encode()
}

// Redeem exchanges the code that came back.
func (b *Browser) Redeem(ctx context.Context, a Authorization, back *url.URL) (Tokens, error) {
	q := back.Query()
	if q.Get("state") != a.State || q.Get("iss") != a.Server || q.Get("code") == "" {
		return Tokens{}, fmt.Errorf("the client was sent back to %s", back)
	}
	return b.Token(ctx, a.Server, url.Values{
		"grant_type": {"authorization_code"}, "code": {q.Get("code")}, "client_id": {a.Client},
		"redirect_uri": {RedirectURI}, "code_verifier": {a.Verifier}, "resource": {a.Server + "/mcp"},
	})
}

// Token asks the token endpoint.
func (b *Browser) Token(ctx context.Context, server string, form url.Values) (Tokens, error) {
	a, err := b.PostForm(ctx, server+"/token", form)
	if err != nil {
		return Tokens{}, err
	}
	var out Tokens
	if err := json.Unmarshal([]byte(a.Body), &out); err != nil || a.Status != http.StatusOK || out.Access == "" {
		return Tokens{}, fmt.Errorf("token endpoint: %d %s", a.Status, a.Body)
	}
	return out, nil
}

// SignIn does it all: registration, consent, sign-in as upn, redemption.
func (b *Browser) SignIn(ctx context.Context, server, upn string) (Tokens, error) {
	client, err := b.Register(ctx, server, "Headless client")
	if err != nil {
		return Tokens{}, err
	}
	return b.SignInTo(ctx, server, client, upn)
}

// SignInTo is SignIn for a client that is registered already.
func (b *Browser) SignInTo(ctx context.Context, server, client, upn string) (Tokens, error) {
	a := NewAuthorization(server, client)
	back, err := b.Walk(ctx, a.URL(), upn, "approve")
	if err != nil {
		return Tokens{}, err
	}
	return b.Redeem(ctx, a, back)
}

// Walk follows redirects from target and fills in the forms that come, until the
// client's redirect URI does.
func (b *Browser) Walk(ctx context.Context, target, upn, decision string) (*url.URL, error) {
	at, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	a, err := b.Fetch(ctx, http.MethodGet, at.String(), "")
	for range 20 {
		if err != nil {
			return nil, err
		}
		switch {
		case a.Status >= 300 && a.Status < 400:
			if at, err = at.Parse(a.Header.Get("Location")); err != nil {
				return nil, err
			}
			if strings.HasPrefix(at.String(), RedirectURI) {
				return at, nil
			}
			a, err = b.Fetch(ctx, http.MethodGet, at.String(), "")
		case a.Status == http.StatusOK && strings.Contains(a.Body, "<form"):
			var form url.Values
			if at, form, err = readForm(at, a.Body); err != nil {
				return nil, err
			}
			if strings.Contains(a.Body, `name="decision"`) {
				form.Set("decision", decision)
			} else {
				form.Set("user", upn)
			}
			a, err = b.PostForm(ctx, at.String(), form)
		default:
			return nil, fmt.Errorf("stuck at %s: %d\n%s", at, a.Status, a.Body)
		}
	}
	return nil, errors.New("the sign-in goes in circles")
}

var (
	formAction = regexp.MustCompile(`<form[^>]*action="([^"]*)"`)
	hidden     = regexp.MustCompile(`<input[^>]*type="hidden"[^>]*name="([^"]*)"[^>]*value="([^"]*)"`)
)

func readForm(at *url.URL, page string) (*url.URL, url.Values, error) {
	if m := formAction.FindStringSubmatch(page); m != nil {
		next, err := at.Parse(html.UnescapeString(m[1]))
		if err != nil {
			return nil, nil, err
		}
		at = next
	}
	form := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(page, -1) {
		form.Set(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	return at, form, nil
}
