package entra_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"m365mcp/entra"
	"m365mcp/internal/secret"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	s := newStandIn(t)
	for name, c := range map[string]struct {
		change func(*entra.Config)
		want   string
	}{
		"authority":       {func(c *entra.Config) { c.Authority = "login.example.com" }, "authority"},
		"authority query": {func(c *entra.Config) { c.Authority += "?x=1" }, "authority"},
		"no tenant":       {func(c *entra.Config) { c.Tenants.Name = "" }, "tenant"},
		"common":          {func(c *entra.Config) { c.Tenants.Name = "Common" }, "personal"},
		"path in tenant":  {func(c *entra.Config) { c.Tenants.Name = "../x" }, "tenant"},
		"one and a list":  {func(c *entra.Config) { c.Tenants.Allowed = []string{otherTenant} }, "is one"},
		"one and any":     {func(c *entra.Config) { c.Tenants.Any = true }, "is one"},
		"no list":         {func(c *entra.Config) { c.Tenants.Name = "organizations" }, "needs either a list"},
		"list and any": {func(c *entra.Config) {
			c.Tenants = entra.Tenants{Name: "organizations", Allowed: []string{otherTenant}, Any: true}
		}, "needs either a list"},
		"domain in list": {func(c *entra.Config) {
			c.Tenants = entra.Tenants{Name: "organizations", Allowed: []string{"contoso.example"}}
		}, "id of a tenant"},
		"personal in list": {func(c *entra.Config) {
			c.Tenants = entra.Tenants{Name: "organizations", Allowed: []string{"9188040d-6c67-4c5b-b112-36a304b66dad"}}
		}, "id of a tenant"},
		"no client":        {func(c *entra.Config) { c.ClientID = "" }, "client id"},
		"no credential":    {func(c *entra.Config) { c.Credential = nil }, "credential"},
		"redirect":         {func(c *entra.Config) { c.RedirectURI = "/callback" }, "redirect"},
		"Graph":            {func(c *entra.Config) { c.GraphResource = "" }, "Graph"},
		"nothing is wrong": {func(*entra.Config) {}, ""},
	} {
		config := s.config()
		c.change(&config)
		_, err := entra.New(config, s.Client(), time.Now, slog.New(slog.DiscardHandler))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to say %q", name, err, c.want)
		}
	}
	if _, err := entra.New(s.config(), &http.Client{}, time.Now, nil); err == nil {
		t.Error("accepted a client on the default transport")
	}
	if s.counted("v2.0/.well-known/openid-configuration") != 0 {
		t.Error("New used the network")
	}
}

func TestDiscoveryIsCachedAndRenewed(t *testing.T) {
	t.Parallel()
	s := newStandIn(t)
	now := time.Now()
	s.now = func() time.Time { return now }
	c := s.client(t)
	authorize := func() {
		t.Helper()
		if _, err := c.AuthorizeURL(t.Context(), newSignIn()); err != nil {
			t.Fatal(err)
		}
	}
	const path = "v2.0/.well-known/openid-configuration"
	authorize()
	now = now.Add(23 * time.Hour)
	authorize()
	if got := s.counted(path); got != 1 {
		t.Fatalf("%d discoveries in a day, want 1", got)
	}
	now = now.Add(2 * time.Hour)
	authorize()
	if got := s.counted(path); got != 2 {
		t.Fatalf("%d discoveries after a day, want 2", got)
	}
	// Where Entra is away, the document at hand serves on, and not every call asks.
	s.discovery = map[string]any{"issuer": 7}
	now = now.Add(25 * time.Hour)
	authorize()
	authorize()
	if got := s.counted(path); got != 3 {
		t.Errorf("%d discoveries, want one failed attempt", got)
	}
	if err := c.Discover(t.Context()); err == nil {
		t.Error("Discover hid the failure")
	}
}

func TestDiscoveryRefusesForeignEndpoints(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "jwks_uri"} {
		s := newStandIn(t)
		s.discovery = map[string]any{name: "https://login.example.com/x"}
		if err := s.client(t).Discover(t.Context()); err == nil || !strings.Contains(err.Error(), "login.example.com") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// That is also how a tenant of another cloud shows.
	s := newStandIn(t)
	s.discovery = map[string]any{"token_endpoint": "https://login.microsoftonline.us/x", "cloud_instance_name": "microsoftonline.us"}
	if err := s.client(t).Discover(t.Context()); err == nil || !strings.Contains(err.Error(), `in the cloud "microsoftonline.us"`) {
		t.Errorf("another cloud: %v", err)
	}
}

// A redirect that keeps method and body would carry the secret to wherever it points.
func TestSecretsFollowNoRedirect(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the request went to another host")
	}))
	t.Cleanup(elsewhere.Close)
	s := newStandIn(t)
	for _, to := range []string{elsewhere.URL, s.URL + "/" + tenantID + "/elsewhere"} {
		s.answer = http.RedirectHandler(to, http.StatusTemporaryRedirect)
		_, err := s.client(t).Refresh(t.Context(), secret.New("refresh-canary"), nil)
		if e, ok := errors.AsType[*entra.Error](err); !ok || e.Status != http.StatusTemporaryRedirect || !entra.IsTransient(err) {
			t.Errorf("Refresh sent to %s = %v", to, err)
		}
	}
	if s.counted("elsewhere") != 0 {
		t.Error("followed a redirect")
	}
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	s := newStandIn(t)
	s.grantedAs = "https://graph.microsoft.com/"
	c := s.client(t)
	_, first, err := s.signIn(t, c)
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.Refresh(t.Context(), first.Refresh, first.Scopes)
	if err != nil {
		t.Fatal(err)
	}
	if second.Access == first.Access || second.Refresh == first.Refresh || second.Refresh.IsZero() {
		t.Error("the refresh gave nothing new")
	}
	f := s.lastRequest()
	if got, want := f.Get("scope"), "offline_access Mail.Read User.Read"; got != want {
		t.Errorf("asked for %q, want %q", got, want)
	}
	if got, want := f.Get("claims"), `{"access_token":{"xms_cc":{"values":["cp1"]}}}`; got != want {
		t.Errorf("claims %q, want %q", got, want)
	}
}

func TestRefreshErrors(t *testing.T) {
	t.Parallel()
	const claims = `{"access_token":{"capolids":{"essential":true,"values":["x"]}}}`
	reply := func(status int, contentType, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		})
	}
	const json = "application/json; charset=utf-8"
	for name, c := range map[string]struct {
		answer            http.Handler
		signIn, transient bool
		want              entra.Error // Status is the answer's where Code is set
	}{
		"revoked": {
			reply(400, json, `{"error":"invalid_grant","suberror":"bad_token","error_description":"AADSTS50173: The token refresh-canary of client-secret-canary was revoked.\r\nTrace ID: 1"}`),
			true, false,
			entra.Error{Code: "invalid_grant", Suberror: "bad_token", Description: "AADSTS50173: The token [redacted] of [redacted] was revoked. Trace ID: 1"},
		},
		"MFA": {
			reply(400, json, `{"error":"interaction_required","claims":"{\"access_token\":{\"capolids\":{\"essential\":true,\"values\":[\"x\"]}}}"}`),
			true, false,
			entra.Error{Code: "interaction_required", Claims: claims},
		},
		"consent":       {reply(400, json, `{"error":"consent_required"}`), true, false, entra.Error{Code: "consent_required"}},
		"secret wrong":  {reply(401, json, `{"error":"invalid_client"}`), false, false, entra.Error{Code: "invalid_client"}},
		"busy":          {reply(429, json, `{"error":"throttled"}`), false, true, entra.Error{Code: "throttled"}},
		"Entra's own":   {reply(503, json, `{"error":"temporarily_unavailable"}`), false, true, entra.Error{Code: "temporarily_unavailable"}},
		"5xx lies":      {reply(500, json, `{"error":"invalid_grant"}`), false, true, entra.Error{Code: "invalid_grant"}},
		"503 page":      {reply(503, "text/html", "<html>refresh-canary</html>"), false, true, entra.Error{}},
		"403 page":      {reply(403, "text/html", "<html>proxy</html>"), false, true, entra.Error{}},
		"200 page":      {reply(200, "text/html", "<html>refresh-canary</html>"), false, true, entra.Error{}},
		"200 text":      {reply(200, "text/plain", "access_token=canary&token_type=bearer&expires_in=3600"), false, true, entra.Error{}},
		"no token":      {reply(200, json, `{"token_type":"Bearer","expires_in":3600}`), false, true, entra.Error{}},
		"no lifetime":   {reply(200, json, `{"token_type":"Bearer","access_token":"canary"}`), false, true, entra.Error{}},
		"another type":  {reply(200, json, `{"token_type":"pop","access_token":"canary","expires_in":3600}`), false, true, entra.Error{}},
		"endless":       {reply(200, json, `{"access_token":"`+strings.Repeat("canary", 1<<18)+`"}`), false, true, entra.Error{}},
		"endless error": {reply(400, json, `{"error":"`+strings.Repeat("x", 1<<19)+`"}`), false, false, entra.Error{Code: strings.Repeat("x", 600)}},
		"hangs up": {http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}), false, true, entra.Error{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStandIn(t)
			s.answer = c.answer
			_, err := s.client(t).Refresh(t.Context(), secret.New("refresh-canary"), nil)
			e, ok := err.(*entra.Error) //nolint:errorlint // the type itself is under test
			if !ok {
				t.Fatalf("error %T: %v", err, err)
			}
			if got := entra.IsSignInRequired(err); got != c.signIn {
				t.Errorf("IsSignInRequired = %v: %v", got, err)
			}
			if got := entra.IsTransient(err); got != c.transient {
				t.Errorf("IsTransient = %v: %v", got, err)
			}
			if e.Code != c.want.Code || e.Suberror != c.want.Suberror || e.Description != c.want.Description || e.Claims != c.want.Claims {
				t.Errorf("got %+v, want %+v", *e, c.want)
			}
			if e.Code != "" && e.RetryAfter != 7*time.Second {
				t.Errorf("RetryAfter = %s", e.RetryAfter)
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

// silence is a network that takes a request and never answers.
type silence struct{}

func (silence) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, err := entra.New(entra.Config{
			Authority: "https://login.example.com", Tenants: entra.Tenants{Name: tenantID}, ClientID: clientID, Credential: entra.Secret(secret.New("s")),
			RedirectURI: redirectURI, GraphResource: "https://graph.microsoft.com",
		}, &http.Client{Transport: silence{}}, time.Now, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		err = c.Discover(t.Context())
		if took := time.Since(start); !entra.IsTransient(err) || took != 30*time.Second {
			t.Errorf("Discover = %v after %s; want a transient error after 30s", err, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		_, err = c.Refresh(ctx, secret.New("refresh-canary"), nil)
		if took := time.Since(start); err == nil || took != time.Second {
			t.Errorf("Refresh = %v after %s; want the caller's deadline to hold", err, took)
		}
		time.Sleep(time.Minute) // the shared discovery ends by itself
	})
}

func TestDecodeClaims(t *testing.T) {
	t.Parallel()
	const want = `{"access_token":{"nbf":{"essential":true,"value":"~~~???"}}}`
	for _, in := range []string{
		want,
		"eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiJ+fn4/Pz8ifX19",
		"eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiJ-fn4_Pz8ifX19",
	} {
		if got, err := entra.DecodeClaims(in); err != nil || got != want {
			t.Errorf("DecodeClaims(%q) = %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "null", "[]", "{", "bnVsbA==", "*", strings.Repeat("A", 5000)} {
		if got, err := entra.DecodeClaims(in); err == nil {
			t.Errorf("DecodeClaims(%q) = %q", in, got)
		}
	}
}

func FuzzDecodeClaims(f *testing.F) {
	f.Add(`{"access_token":{}}`)
	f.Add("eyJhIjoxfQ==")
	f.Fuzz(func(t *testing.T, in string) {
		out, err := entra.DecodeClaims(in)
		if err != nil {
			return
		}
		if again, err := entra.DecodeClaims(out); err != nil || again != out {
			t.Errorf("DecodeClaims(%q) = %q, which reads as %q, %v", in, out, again, err)
		}
	})
}
