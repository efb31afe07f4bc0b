package entra_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"m365mcp/simulator/entra"
)

// cluster is a token issuer as a Kubernetes cluster is one.
type cluster struct {
	*httptest.Server

	t   *testing.T
	key jose.JSONWebKey
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, key: jose.JSONWebKey{Key: newCredential(t).key, KeyID: "c1", Algorithm: "RS256", Use: "sig"}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body any = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{c.key.Public()}}
		if r.URL.Path == "/.well-known/openid-configuration" {
			body = map[string]any{"issuer": c.URL, "jwks_uri": c.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}}
		}
		if err := json.NewEncoder(w).Encode(body); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *cluster) token(key jose.JSONWebKey, claims map[string]any) string {
	c.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	raw, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		c.t.Fatal(err)
	}
	return raw
}

func TestFederatedCredential(t *testing.T) {
	t.Parallel()
	const subject, audience = "system:serviceaccount:m365:mcp", "api://AzureADTokenExchange"
	c, stranger := newCluster(t), newCluster(t)
	gone := newCluster(t)
	gone.Close()
	s := start(t, func(o *entra.Options) {
		o.HTTP = c.Client()
		for _, issuer := range []string{c.URL, gone.URL} {
			o.Clients[0].Federated = append(o.Clients[0].Federated, entra.FederatedCredential{Issuer: issuer, Subject: subject, Audience: audience})
		}
	})
	refresh := s.tokens(ada).RefreshToken
	now := s.clock.Now()
	good := map[string]any{"iss": c.URL, "sub": subject, "aud": []string{audience}, "exp": now.Add(time.Hour).Unix(), "nbf": now.Unix()}
	with := func(name string, value any) map[string]any {
		claims := maps.Clone(good)
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
		return claims
	}
	forged := stranger.key
	forged.KeyID = c.key.KeyID
	for _, tc := range []struct {
		name  string
		token string
		code  int
	}{
		{"good", c.token(c.key, good), 0},
		{"the same again", c.token(c.key, good), 0}, // it is the workload's until it expires
		{"issuer", stranger.token(stranger.key, with("iss", stranger.URL)), 700211},
		{"subject", c.token(c.key, with("sub", "system:serviceaccount:m365:other")), 700213},
		{"subject in capitals", c.token(c.key, with("sub", "system:serviceaccount:M365:mcp")), 700213},
		{"audience", c.token(c.key, with("aud", "https://kubernetes.default.svc")), 700212},
		{"signed by another", c.token(forged, good), 7000272},
		{"unknown key", c.token(stranger.key, good), 7000272},
		{"expired", c.token(c.key, with("exp", now.Add(-6*time.Minute).Unix())), 700024},
		{"no expiry", c.token(c.key, with("exp", nil)), 700024},
		{"issuer is away", c.token(c.key, with("iss", gone.URL)), 50166},
		{"garbage", "x.y.z", 50027},
	} {
		s.wantAssertion(tc.name, refresh, tc.token, tc.code)
	}
	if _, err := entra.New(entra.Options{
		Tenant: tenant(), BaseURL: "http://127.0.0.1",
		Clients: []entra.Client{{ID: "x", RedirectURIs: []string{callback}, Federated: []entra.FederatedCredential{{}}}},
	}); err == nil {
		t.Error("federation without a way to read keys was accepted")
	}
}
