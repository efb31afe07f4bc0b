package authserver_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"m365mcp/authserver"
	"m365mcp/internal/assertion"
	"m365mcp/internal/secret"
	"m365mcp/internal/testenv"
)

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	keyed         = "desk" // a configured client that has a key
)

func parseKeys(t testing.TB, signers ...testenv.Signer) *assertion.Keys {
	t.Helper()
	keys, err := assertion.ParseKeys(testenv.Set(t, signers...))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// keyedClient is the configuration of a client that people sign in with, and that
// proves itself by a key.
func keyedClient(t testing.TB, s testenv.Signer) func(*authserver.Options) {
	t.Helper()
	keys := parseKeys(t, s)
	return func(o *authserver.Options) {
		o.Clients = append(o.Clients, authserver.ConfiguredClient{ID: keyed, Name: "Desk", RedirectURIs: []string{redirectURI}, Keys: keys})
	}
}

// claims are a good client assertion's, each with a name of its own.
func (h *harness) claims(id string) map[string]any {
	now := h.clock.now()
	h.made++
	return map[string]any{
		"iss": id, "sub": id, "aud": h.URL, "jti": fmt.Sprint("assertion ", h.made), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
}

// proven adds a client's assertion to a form.
func (h *harness) proven(t testing.TB, s testenv.Signer, id string, form url.Values, changes ...map[string]any) url.Values {
	t.Helper()
	claims := h.claims(id)
	for _, c := range changes {
		maps.Copy(claims, c)
	}
	with := maps.Clone(form)
	with.Set("client_assertion_type", assertionType)
	with.Set("client_assertion", s.Sign(t, "JWT", claims))
	return with
}

func TestPrivateKeyJWT(t *testing.T) {
	t.Parallel()
	s := testenv.NewSigner(t, "a")
	h := newHarness(t, keyedClient(t, s))
	got := h.token(t, h.proven(t, s, keyed, codeForm(keyed, h.code(t, h.request(keyed)))))
	access, refresh := got.text(t, "access_token"), got.text(t, "refresh_token")
	equal(t, "resource", h.mcp(t, access), http.StatusOK)

	form := refreshForm(keyed, refresh)
	form.Del("client_id") // the assertion says it
	again := h.token(t, h.proven(t, s, keyed, form, map[string]any{"aud": h.URL + "/token"}))
	equal(t, "refresh", again.StatusCode, http.StatusOK)

	gone := h.browser(t).post(t, h.URL+"/revoke", h.proven(t, s, keyed, url.Values{"token": {again.text(t, "access_token")}}))
	equal(t, "revoke", gone.StatusCode, http.StatusOK)
	equal(t, "resource", h.mcp(t, access), http.StatusUnauthorized)
}

func TestPrivateKeyJWTRefusals(t *testing.T) {
	t.Parallel()
	s := testenv.NewSigner(t, "a")
	h := newHarness(t, configured, keyedClient(t, s), func(o *authserver.Options) {
		o.Clients = append(o.Clients, authserver.ConfiguredClient{
			ID: "secretive", Name: "S", RedirectURIs: []string{redirectURI}, Secret: secret.New("a secret of the administrator"),
		})
	})
	public := h.publicClient(t)
	refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"unknown"}}
	good := func() url.Values { return h.proven(t, s, keyed, refresh) }
	with := func(form url.Values, name, value string) url.Values {
		form.Set(name, value)
		return form
	}
	used := good()
	equal(t, "a proven client", h.token(t, used).text(t, "error"), "invalid_grant")
	hs256 := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","kid":"a"}`))
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	payload := strings.Split(good().Get("client_assertion"), ".")[1]
	for name, c := range map[string]struct {
		form   url.Values
		header []string
		code   string
	}{
		"nothing":                {form: withID(refresh, keyed), code: "invalid_client"},
		"a secret":               {form: with(withID(refresh, keyed), "client_secret", "guess"), code: "invalid_client"},
		"the digest of nothing":  {form: withID(refresh, keyed), header: basic(keyed, ""), code: "invalid_client"},
		"used before":            {form: used, code: "invalid_client"},
		"no type":                {form: with(good(), "client_assertion_type", ""), code: "invalid_client"},
		"another type":           {form: with(good(), "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"), code: "invalid_client"},
		"a type alone":           {form: with(withID(refresh, public), "client_assertion_type", assertionType), code: "invalid_client"},
		"another client_id":      {form: with(good(), "client_id", public), code: "invalid_client"},
		"and a secret":           {form: with(good(), "client_secret", "guess"), code: "invalid_request"},
		"and a header":           {form: good(), header: basic(keyed, "guess"), code: "invalid_request"},
		"another's key":          {form: h.proven(t, testenv.NewSigner(t, "a"), keyed, refresh), code: "invalid_client"},
		"signed for another":     {form: h.proven(t, s, keyed, refresh, map[string]any{"sub": "secretive"}), code: "invalid_client"},
		"issued by another":      {form: h.proven(t, s, keyed, refresh, map[string]any{"iss": "secretive"}), code: "invalid_client"},
		"of a public client":     {form: h.proven(t, s, public, refresh), code: "invalid_client"},
		"of one with a secret":   {form: h.proven(t, s, "secretive", refresh), code: "invalid_client"},
		"of nobody":              {form: h.proven(t, s, "nobody", refresh), code: "invalid_client"},
		"for another server":     {form: h.proven(t, s, keyed, refresh, map[string]any{"aud": "https://other.example"}), code: "invalid_client"},
		"for others too":         {form: h.proven(t, s, keyed, refresh, map[string]any{"aud": []string{h.URL, "https://other.example"}}), code: "invalid_client"},
		"for the resource":       {form: h.proven(t, s, keyed, refresh, map[string]any{"aud": h.URL + "/mcp"}), code: "invalid_client"},
		"without a name":         {form: h.proven(t, s, keyed, refresh, map[string]any{"jti": ""}), code: "invalid_client"},
		"of an hour":             {form: h.proven(t, s, keyed, refresh, map[string]any{"exp": h.clock.now().Add(time.Hour).Unix()}), code: "invalid_client"},
		"expired":                {form: h.proven(t, s, keyed, refresh, map[string]any{"exp": h.clock.now().Add(-time.Minute).Unix()}), code: "invalid_client"},
		"of tomorrow":            {form: h.proven(t, s, keyed, refresh, map[string]any{"nbf": h.clock.now().Add(time.Hour).Unix()}), code: "invalid_client"},
		"unsigned":               {form: with(good(), "client_assertion", none+"."+payload+"."), code: "invalid_client"},
		"HMAC":                   {form: with(good(), "client_assertion", hs256+"."+payload+".AAAA"), code: "invalid_client"},
		"made for another use":   {form: with(good(), "client_assertion", s.Sign(t, "oauth-id-jag+jwt", h.claims(keyed))), code: "invalid_client"},
		"an assertion in pieces": {form: with(good(), "client_assertion", "a.b.c"), code: "invalid_client"},
	} {
		h.clock.advance(time.Second) // the limit of failures is another test's
		got := h.token(t, c.form, c.header...)
		equal(t, name, got.text(t, "error"), c.code)
		if strings.Contains(got.body, "<") || strings.Contains(got.body, "guess") {
			t.Errorf("%s: repeats what was sent: %s", name, got.body)
		}
	}
	twice := good()
	twice.Add("client_assertion", twice.Get("client_assertion"))
	equal(t, "sent twice", h.token(t, twice).text(t, "error"), "invalid_request")
}

func withID(form url.Values, id string) url.Values {
	with := maps.Clone(form)
	with.Set("client_id", id)
	return with
}

func basic(id, password string) []string {
	return []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+password))}
}

// Of many that send the same assertion at once, one is let in, whichever replica it asks.
func TestAssertionReplay(t *testing.T) {
	t.Parallel()
	s := testenv.NewSigner(t, "a")
	h := newHarness(t, keyedClient(t, s))
	form := h.proven(t, s, keyed, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"unknown"}})
	codes := make([]string, 8)
	var all sync.WaitGroup
	for i := range codes {
		b := h.browser(t)
		all.Go(func() { codes[i] = b.post(t, h.URL+"/token", form).text(t, "error") })
	}
	all.Wait()
	let := 0
	for _, code := range codes {
		if code == "invalid_grant" {
			let++
		}
	}
	equal(t, "let in", let, 1)

	h.clock.advance(time.Hour)
	if err := h.auth.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	equal(t, "kept after it has expired", h.rows(t, "oauth_assertions"), 0)
	equal(t, "and late", h.token(t, form).text(t, "error"), "invalid_client")
}

func TestGuessedAssertionsAreLimited(t *testing.T) {
	t.Parallel()
	s := testenv.NewSigner(t, "a")
	h := newHarness(t, keyedClient(t, s))
	refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"unknown"}}
	status := 0
	for range 80 {
		if status = h.token(t, h.proven(t, testenv.NewSigner(t, "a"), keyed, refresh)).StatusCode; status == http.StatusTooManyRequests {
			break
		}
	}
	equal(t, "many guesses", status, http.StatusTooManyRequests)
}

// A document can name keys, at hand or at an address; when they are exchanged, the new
// ones count and the old ones do not.
func TestDocumentWithKeys(t *testing.T) {
	t.Parallel()
	for _, remote := range []bool{false, true} {
		t.Run(fmt.Sprint("remote ", remote), func(t *testing.T) {
			t.Parallel()
			p := newPublisher(t)
			h := newHarness(t, p.option)
			publish := func(signers ...testenv.Signer) {
				members := map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks": json.RawMessage(testenv.Set(t, signers...))}
				if remote {
					members["jwks"], members["jwks_uri"] = nil, p.URL+"/keys"
				}
				document, keys := p.document(members), p.text(string(testenv.Set(t, signers...)))
				p.set(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/keys" {
						keys(w, r)
						return
					}
					document(w, r)
				})
			}
			first, next := testenv.NewSigner(t, "a"), testenv.NewSigner(t, "b")
			publish(first)
			code := h.code(t, h.request(p.id()))
			equal(t, "named only", h.token(t, codeForm(p.id(), code)).text(t, "error"), "invalid_client")
			equal(t, "another's key", h.token(t, h.proven(t, next, p.id(), codeForm(p.id(), code))).text(t, "error"), "invalid_client")
			got := h.token(t, h.proven(t, first, p.id(), codeForm(p.id(), code)))
			equal(t, "its key", h.mcp(t, got.text(t, "access_token")), http.StatusOK)

			publish(next)
			h.clock.advance(2 * time.Hour)
			refresh := refreshForm(p.id(), got.text(t, "refresh_token"))
			equal(t, "the old key", h.token(t, h.proven(t, first, p.id(), refresh)).text(t, "error"), "invalid_client")
			equal(t, "the new key", h.token(t, h.proven(t, next, p.id(), refresh)).StatusCode, http.StatusOK)

			p.set(p.document(nil)) // it says now that it has none
			h.clock.advance(2 * time.Hour)
			equal(t, "its last key", h.token(t, h.proven(t, next, p.id(), refresh)).text(t, "error"), "invalid_client")
			equal(t, "named only", h.token(t, refresh).text(t, "error"), "invalid_client")
		})
	}
}

// Keys that cannot be fetched are no refusal: the client may come again.
func TestKeysOutOfReach(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	s := testenv.NewSigner(t, "a")
	h := newHarness(t, func(o *authserver.Options) {
		o.Clients = []authserver.ConfiguredClient{{
			ID: keyed, Name: "Desk", RedirectURIs: []string{redirectURI}, Keys: assertion.RemoteKeys(p.URL+"/keys", p.Client(), o.Now),
		}}
	})
	p.set(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"unknown"}}
	got := h.token(t, h.proven(t, s, keyed, form))
	equal(t, "out of reach", got.StatusCode, http.StatusServiceUnavailable)
	equal(t, "out of reach", got.text(t, "error"), "temporarily_unavailable")
	p.set(p.text(string(testenv.Set(t, s))))
	equal(t, "there again", h.token(t, h.proven(t, s, keyed, form)).text(t, "error"), "invalid_grant")
}
