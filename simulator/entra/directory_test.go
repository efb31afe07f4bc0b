package entra_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/entra"
)

const (
	otherTenant    = "6a1f7d52-9f0e-4f5c-8c11-0d2c7f3b9e20"
	personalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"
	lin            = "lin@harbour.example"
	mara           = "mara@outlook.example"
)

// neighbours are another company and the place where private people are.
func neighbours(o *entra.Options) {
	o.Others = []*dataset.Tenant{
		{ID: otherTenant, Name: "Harbour Freight", Domain: "harbour.example", People: []dataset.Person{{ID: "22222222-2222-4333-8444-555555555501", UPN: lin, DisplayName: "Lin Mak"}}},
		{ID: personalTenant, Name: "Personal", Domain: "outlook.example", People: []dataset.Person{{ID: "33333333-2222-4333-8444-555555555501", UPN: mara, DisplayName: "Mara Ott"}}},
	}
}

func (s *sim) at(path string) {
	s.oauth.Endpoint.AuthURL = s.base + "/" + path + "/oauth2/v2.0/authorize"
	s.oauth.Endpoint.TokenURL = s.base + "/" + path + "/oauth2/v2.0/token"
}

// Who may sign in where, and whose tenant the tokens are of.
func TestTenants(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		path, upn string
		single    bool
		tid       string // of the tokens; empty: refused
		says      string
	}{
		"own tenant":                   {tenantID, ada, true, tenantID, ""},
		"own tenant by domain":         {"tideline.example", ada, true, tenantID, ""},
		"another's person":             {tenantID, lin, false, "", "AADSTS50020"},
		"another tenant":               {otherTenant, lin, false, otherTenant, ""},
		"another tenant, single":       {otherTenant, lin, true, "", "AADSTS700016"},
		"organizations":                {"organizations", lin, false, otherTenant, ""},
		"organizations, single":        {"organizations", ada, true, "", "AADSTS50194"},
		"organizations, personal":      {"organizations", mara, false, "", "AADSTS500200"},
		"common, personal":             {"common", mara, false, personalTenant, ""},
		"a tenant that does not exist": {"nowhere.example", ada, false, "", "AADSTS90002"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, neighbours, func(o *entra.Options) { o.Clients[0].MultiTenant = !tc.single })
			s.at(tc.path)
			p := s.get(s.oauth.AuthCodeURL("st"))
			if strings.Contains(p.body, "<form") {
				p = s.choose(p, "user", tc.upn)
			}
			if tc.tid == "" {
				if !strings.Contains(p.body, tc.says) {
					t.Errorf("%d, want %s\n%s", p.status, tc.says, p.body)
				}
				return
			}
			tok, err := s.oauth.Exchange(t.Context(), s.location(p).Get("code"))
			if err != nil {
				t.Fatal(err)
			}
			raw, ok := tok.Extra("id_token").(string)
			if !ok {
				t.Fatal("no id_token")
			}
			var claims struct{ Tid, Iss string }
			decodePayload(t, raw, &claims)
			if claims.Tid != tc.tid || claims.Iss != s.base+"/"+tc.tid+"/v2.0" {
				t.Errorf("id_token of %+v", claims)
			}
			access, err := s.VerifyAccessToken(tok.AccessToken)
			if err != nil || access.TenantID != tc.tid {
				t.Errorf("access token of %q, %v", access.TenantID, err)
			}
			s.at(personalTenant)
			want := []int{700005}
			if tc.single {
				want = []int{700016}
			}
			if got := s.refresh(tok.RefreshToken, ""); tc.tid != personalTenant && !slices.Equal(got.Codes, want) {
				t.Errorf("redeemed at another tenant: %+v", got)
			}
		})
	}
}

// A session of one tenant's person is nobody's at another tenant.
func TestSessionStaysInItsTenant(t *testing.T) {
	t.Parallel()
	s := start(t, neighbours, func(o *entra.Options) { o.Clients[0].MultiTenant = true })
	s.tokens(ada)
	if p := s.get(s.oauth.AuthCodeURL("st")); s.location(p).Get("code") == "" {
		t.Error("no single sign-on at home")
	}
	s.at(otherTenant)
	p := s.get(s.oauth.AuthCodeURL("st"))
	if !strings.Contains(p.body, lin) || strings.Contains(p.body, ada) {
		t.Errorf("another tenant's page:\n%s", p.body)
	}
}

// In a national cloud Graph is another resource, and the global one does not exist.
func TestGraphOfAnotherCloud(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *entra.Options) { o.Graph = "https://graph.microsoft.us" })
	s.oauth.Scopes = []string{"openid", "offline_access", "https://graph.microsoft.us/Mail.Read"}
	tok := s.tokens(ada)
	if got := tok.Extra("scope"); got != "https://graph.microsoft.us/Mail.Read openid" {
		t.Errorf("scope %q", got)
	}
	if _, err := s.VerifyAccessToken(tok.AccessToken); err != nil {
		t.Error(err)
	}
	q := s.location(s.get(s.oauth.AuthCodeURL("st", oauth2.SetAuthURLParam("scope", "https://graph.microsoft.com/Mail.Read"))))
	if q.Get("error") != "invalid_resource" {
		t.Errorf("the global Graph: %v", q)
	}
	got := s.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tok.RefreshToken}, "scope": {"https://graph.microsoft.com/Mail.Read"}})
	if !slices.Equal(got.Codes, []int{500011}) {
		t.Errorf("the global Graph at the token endpoint: %+v", got)
	}
}
