package entra_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/simulator/entra"
)

func TestDiscovery(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, want := range map[string][2]string{ // tenant in the path: tenant in the endpoints, in the issuer
		tenantID:           {tenantID, tenantID},
		"tideline.example": {tenantID, tenantID},
		"common":           {"common", "{tenantid}"},
		"organizations":    {"organizations", "{tenantid}"},
	} {
		p := s.get(s.base + "/" + name + "/v2.0/.well-known/openid-configuration")
		var doc map[string]any
		if err := json.Unmarshal([]byte(p.body), &doc); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := map[string]any{}
		for _, field := range []string{"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "subject_types_supported", "token_endpoint_auth_methods_supported"} {
			got[field] = doc[field]
		}
		if diff := cmp.Diff(map[string]any{
			"issuer":                                s.base + "/" + want[1] + "/v2.0",
			"authorization_endpoint":                s.base + "/" + want[0] + "/oauth2/v2.0/authorize",
			"token_endpoint":                        s.base + "/" + want[0] + "/oauth2/v2.0/token",
			"jwks_uri":                              s.base + "/" + want[0] + "/discovery/v2.0/keys",
			"subject_types_supported":               []any{"pairwise"},
			"token_endpoint_auth_methods_supported": []any{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		// Entra does not announce PKCE, nor registration.
		for _, absent := range []string{"code_challenge_methods_supported", "registration_endpoint"} {
			if _, ok := doc[absent]; ok {
				t.Errorf("%s: %s is announced", name, absent)
			}
		}
	}
	if p := s.get(s.base + "/other.example/v2.0/.well-known/openid-configuration"); p.status != http.StatusBadRequest || !strings.Contains(p.body, `"invalid_tenant"`) {
		t.Errorf("unknown tenant: %d %s", p.status, p.body)
	}
}

// switchedOff is a fault: nothing gets through.
type switchedOff struct{}

func (switchedOff) Middleware(http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
}

func TestFaults(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *entra.Options) { o.Faults = switchedOff{} })
	if p := s.get(s.base + "/common/discovery/v2.0/keys"); p.status != http.StatusServiceUnavailable {
		t.Errorf("status %d", p.status)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	client := entra.Client{ID: clientID, RedirectURIs: []string{callback}}
	for name, o := range map[string]entra.Options{
		"tenant":   {BaseURL: "http://127.0.0.1:1", Clients: []entra.Client{client}},
		"base URL": {Tenant: tenant(), BaseURL: "127.0.0.1:1", Clients: []entra.Client{client}},
		"clients":  {Tenant: tenant(), BaseURL: "http://127.0.0.1:1"},
		"redirect": {Tenant: tenant(), BaseURL: "http://127.0.0.1:1", Clients: []entra.Client{{ID: clientID}}},
		"scope":    {Tenant: tenant(), BaseURL: "http://127.0.0.1:1", Clients: []entra.Client{{ID: clientID, RedirectURIs: []string{callback}, Scopes: []string{"Mail.Reed"}}}},
		"person":   {Tenant: tenant(), BaseURL: "http://127.0.0.1:1", Clients: []entra.Client{client}, SignInAs: "nobody@tideline.example"},
	} {
		if _, err := entra.New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzEndpoints(f *testing.F) {
	s, err := entra.New(entra.Options{
		Tenant: tenant(), BaseURL: "http://127.0.0.1:1", SignInAs: ada,
		Clients: []entra.Client{{ID: clientID, Secret: secret, RedirectURIs: []string{callback}, MultiTenant: true}},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("authorize", "client_id="+clientID+"&redirect_uri="+url.QueryEscape(callback)+"&response_type=code&scope=openid+.default&state=s&claims={}")
	f.Add("authorize", "client_id="+clientID+"&redirect_uri=http://localhost:1&scope=a/b//c")
	f.Add("token", "client_id="+clientID+"&client_secret=x&grant_type=authorization_code&code=1.AAAA")
	f.Add("token", "client_id="+clientID+"&client_secret="+url.QueryEscape(secret)+"&grant_type=refresh_token&refresh_token=1.&claims=[]&scope=%00")
	f.Fuzz(func(t *testing.T, endpoint, form string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:1/common/oauth2/v2.0/"+url.PathEscape(endpoint), strings.NewReader(form))
		if err != nil {
			t.Skip()
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, req)
		if rec.Code >= http.StatusInternalServerError {
			t.Errorf("%s %q: %d %s", endpoint, form, rec.Code, rec.Body)
		}
		target := rec.Header().Get("Location")
		if target != "" && rec.Code == http.StatusFound && !strings.HasPrefix(target, callback+"?") && !strings.HasPrefix(target, callback+"#") {
			t.Errorf("%q redirected to %q", form, target)
		}
	})
}
