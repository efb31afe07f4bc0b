package entra_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"m365mcp/entra"
	"m365mcp/internal/secret"
)

const (
	tenantID     = "5d1c2f7e-31c4-4b19-9d55-0f6a2f1f7f10"
	otherTenant  = "77777777-31c4-4b19-9d55-0f6a2f1f7f10"
	objectID     = "a3a3e2a4-7a3e-4a57-8f5e-2a7c2c8a4c11"
	clientID     = "c2d4b6a8-0000-4000-8000-1234567890ab"
	clientSecret = "client-secret-canary"
	redirectURI  = "https://mcp.example.com/callback"
)

var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// standIn is an identity platform that redeems one code and rotates refresh
// tokens strictly: each works once. Fields are set before the first request.
type standIn struct {
	*httptest.Server

	t         *testing.T
	now       func() time.Time
	issuer    string // default: that of tenantID
	discovery map[string]any
	claims    map[string]any // merged into the id_token; nil values remove
	key       *rsa.PrivateKey
	grantedAs string                             // prefix of granted scopes
	answer    http.Handler                       // replaces the token endpoint
	jwks      http.Handler                       // replaces the endpoint of the keys
	forge     func(claims map[string]any) string // makes the id_token

	mu       sync.Mutex
	nonce    string
	verifier string // its challenge, in fact
	refresh  string // the one that works
	requests []url.Values
	paths    map[string]int
}

const goodCode = "code-canary"

func newStandIn(t *testing.T) *standIn {
	t.Helper()
	s := &standIn{t: t, now: time.Now, key: signingKey(), paths: map[string]int{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	s.issuer = s.URL + "/" + tenantID + "/v2.0"
	return s
}

func (s *standIn) config() entra.Config {
	return entra.Config{
		Authority: s.URL, Tenants: entra.Tenants{Name: tenantID}, ClientID: clientID, Credential: entra.Secret(secret.New(clientSecret)),
		RedirectURI: redirectURI, GraphResource: "https://graph.microsoft.com",
	}
}

func (s *standIn) client(t *testing.T, change ...func(*entra.Config)) *entra.Client {
	t.Helper()
	config := s.config()
	for _, c := range change {
		c(&config)
	}
	c, err := entra.New(config, s.Client(), s.now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	s.mu.Lock()
	s.paths[path]++
	s.mu.Unlock()
	switch path {
	case "v2.0/.well-known/openid-configuration":
		base := s.URL + "/" + tenantID
		doc := map[string]any{
			"issuer": s.issuer, "authorization_endpoint": base + "/oauth2/v2.0/authorize",
			"token_endpoint": base + "/oauth2/v2.0/token", "jwks_uri": base + "/discovery/v2.0/keys",
		}
		maps.Copy(doc, s.discovery)
		s.write(w, http.StatusOK, doc)
	case "discovery/v2.0/keys":
		if s.jwks != nil {
			s.jwks.ServeHTTP(w, r)
			return
		}
		s.write(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: signingKey().Public(), KeyID: "k1", Use: "sig"}}})
	case "oauth2/v2.0/token":
		if s.answer != nil {
			s.answer.ServeHTTP(w, r)
			return
		}
		s.token(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (s *standIn) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		s.refuse(w, "invalid_request", err.Error())
		return
	}
	f := r.PostForm
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, f)
	if r.Method != http.MethodPost || f.Get("client_id") != clientID || f.Get("client_secret") != clientSecret {
		s.refuse(w, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
		return
	}
	answer := map[string]any{"token_type": "Bearer", "expires_in": 3600, "access_token": "access-canary-" + rand.Text()}
	switch f.Get("grant_type") {
	case "authorization_code":
		challenge := sha256.Sum256([]byte(f.Get("code_verifier")))
		if f.Get("code") != goodCode || f.Get("redirect_uri") != redirectURI ||
			base64.RawURLEncoding.EncodeToString(challenge[:]) != s.verifier {
			s.refuse(w, "invalid_grant", "AADSTS501481: The Code_Verifier does not match the code_challenge.")
			return
		}
		answer["id_token"] = s.idToken()
	case "refresh_token":
		if s.refresh == "" || f.Get("refresh_token") != s.refresh {
			s.refuse(w, "invalid_grant", "AADSTS700082: The refresh token "+f.Get("refresh_token")+" has expired.\r\nTrace ID: 1")
			return
		}
	default:
		s.refuse(w, "unsupported_grant_type", "AADSTS70003")
		return
	}
	var granted []string
	for scope := range strings.FieldsSeq(f.Get("scope")) {
		switch scope {
		case "offline_access":
			s.refresh = "refresh-canary-" + rand.Text()
			answer["refresh_token"] = s.refresh
		case "openid", "profile", "email":
			granted = append(granted, scope)
		default:
			granted = append(granted, s.grantedAs+scope)
		}
	}
	answer["scope"] = strings.Join(granted, " ")
	s.write(w, http.StatusOK, answer)
}

func (s *standIn) idToken() string {
	now := s.now()
	claims := map[string]any{
		"iss": s.issuer, "aud": clientID, "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "nbf": now.Unix(),
		"nonce": s.nonce, "tid": tenantID, "oid": objectID, "sub": "pairwise",
		"preferred_username": "ana@contoso.example", "name": "Ana Sousa", "email": "ana.sousa@contoso.example",
	}
	for name, value := range s.claims {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	if s.forge != nil {
		return s.forge(claims)
	}
	return sign(s.t, jose.RS256, jose.JSONWebKey{Key: s.key, KeyID: "k1"}, claims)
}

func sign(t *testing.T, alg jose.SignatureAlgorithm, key any, claims any) string {
	t.Helper()
	// jose names the key in the header for asymmetric ones alone.
	var options *jose.SignerOptions
	if shared, ok := key.(jose.JSONWebKey); ok {
		if secret, ok := shared.Key.([]byte); ok {
			key, options = secret, (&jose.SignerOptions{}).WithHeader("kid", shared.KeyID)
		}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	if err != nil {
		t.Error(err)
		return ""
	}
	raw, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Error(err)
	}
	return raw
}

func (s *standIn) refuse(w http.ResponseWriter, code, text string) {
	s.write(w, http.StatusBadRequest, map[string]string{"error": code, "error_description": text})
}

func (s *standIn) write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.t.Error(err)
	}
}

// counted returns how often a path below the tenant was asked for.
func (s *standIn) counted(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.paths[path]
}

func (s *standIn) lastRequest() url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) == 0 {
		return nil
	}
	return s.requests[len(s.requests)-1]
}

func newSignIn() entra.SignIn {
	return entra.SignIn{
		State: rand.Text(), Nonce: rand.Text(), Verifier: rand.Text() + rand.Text(),
		Scopes: []string{"Mail.Read", "User.Read"},
	}
}

// visit takes the browser's part: it reads the authorization request and
// returns its parameters, as the code that comes back is bound to them.
func (s *standIn) visit(authorizeURL string) (url.Values, error) {
	u, err := url.Parse(authorizeURL)
	if err != nil {
		return nil, err
	}
	q := u.Query()
	if u.Path != "/"+tenantID+"/oauth2/v2.0/authorize" || q.Get("code_challenge_method") != "S256" {
		return nil, errors.New("not an authorization request with PKCE: " + authorizeURL)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nonce, s.verifier = q.Get("nonce"), q.Get("code_challenge")
	return q, nil
}

// signIn runs the whole code flow.
func (s *standIn) signIn(t *testing.T, c *entra.Client) (entra.Account, entra.Tokens, error) {
	t.Helper()
	in := newSignIn()
	to, err := c.AuthorizeURL(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.visit(to); err != nil {
		t.Fatal(err)
	}
	return c.Exchange(t.Context(), goodCode, in)
}
