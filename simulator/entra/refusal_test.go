package entra_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"m365mcp/simulator/entra"
)

func TestAuthorizeRefusals(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *entra.Options) { o.SignInAs = ada })
	challenge := strings.Repeat("c", 43)
	for _, tc := range []struct {
		name, change string // form-encoded parameters; an empty value removes one
		code         int
		oauth        string // empty: Entra's own page
	}{
		{"no client", "client_id=", 900144, ""},
		{"unknown client", "client_id=99999999-1f57-4f6c-8f0b-7a4f5f9e2c31", 700016, ""},
		{"no redirect", "redirect_uri=", 900144, ""},
		{"unknown redirect", "redirect_uri=http://app.example/other", 50011, ""},
		{"redirect with another port", "redirect_uri=http://app.example:81/callback", 50011, ""},
		{"redirect by user info", "redirect_uri=http://localhost@evil.example/native", 50011, ""},
		{"redirect with user info", "redirect_uri=http://me@localhost/native", 50011, ""},
		{"redirect twice", "redirect_uri=http://app.example/callback&redirect_uri=http://evil.example", 9000411, ""},
		{"no response type", "response_type=", 900144, "invalid_request"},
		{"implicit", "response_type=token", 70005, "unsupported_response_type"},
		{"hybrid", "response_type=code id_token", 700054, "unsupported_response_type"},
		{"response mode", "response_mode=web_message", 70007, "invalid_request"},
		{"resource", "resource=https://graph.microsoft.com", 9010010, "invalid_target"},
		{"no scope", "scope=", 900144, "invalid_request"},
		{"scope that Graph has not", "scope=openid Mail.Reed", 650053, "invalid_client"},
		{"malformed scope", `scope=openid Mail"Read`, 70011, "invalid_scope"},
		{"default and a name", "scope=https://graph.microsoft.com/.default Mail.Read", 70011, "invalid_scope"},
		{"another resource", "scope=api://other/use", 500011, "invalid_resource"},
		{"prompt", "prompt=please", 90023, "invalid_request"},
		{"claims", "claims={", 90023, "invalid_request"},
		{"claims of the wrong shape", `claims={"access_token":[1]}`, 90023, "invalid_request"},
		{"method without challenge", "code_challenge_method=S256", 50147, "invalid_request"},
		{"method", "code_challenge_method=S512&code_challenge=" + challenge, 50149, "invalid_request"},
		{"short challenge", "code_challenge_method=S256&code_challenge=" + challenge[1:], 501491, "invalid_request"},
		{"state twice", "state=a&state=b", 9000411, "invalid_request"},
		{"admin's scope, silently", "prompt=none&scope=openid ChannelMessage.Read.All", 50058, "login_required"},
	} {
		form := url.Values{
			"client_id": {clientID}, "redirect_uri": {callback}, "response_type": {"code"}, "state": {"st"}, "scope": {"openid User.Read"},
		}
		changes, err := url.ParseQuery(tc.change)
		if err != nil {
			t.Fatal(err)
		}
		for name, values := range changes {
			form[name] = values
			if values[0] == "" {
				form.Del(name)
			}
		}
		p := s.get(s.oauth.Endpoint.AuthURL + "?" + form.Encode())
		code := fmt.Sprintf("AADSTS%d: ", tc.code)
		if tc.oauth == "" {
			if p.status != http.StatusBadRequest || !strings.Contains(p.body, code) {
				t.Errorf("%s: %d, want a page with %s\n%s", tc.name, p.status, code, p.body)
			}
			continue
		}
		q := s.location(p)
		if q.Get("error") != tc.oauth || !strings.HasPrefix(q.Get("error_description"), code) || q.Get("state") == "" {
			t.Errorf("%s: %v, want %s %s", tc.name, q, tc.oauth, code)
		}
	}
	if p := s.get(s.base + "/other.example/oauth2/v2.0/authorize"); !strings.Contains(p.body, "AADSTS90002") {
		t.Errorf("unknown tenant: %s", p.body)
	}
	if got := s.Stats(); got.Authorizations != 0 || got.Failures != 27 {
		t.Errorf("stats %+v", got)
	}
}

func TestAdminConsent(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.oauth.Scopes = []string{"openid", "ChannelMessage.Read.All"}
	p := s.get(s.oauth.AuthCodeURL("st"))
	if !strings.Contains(p.body, "Need admin approval") || !strings.Contains(p.body, "AADSTS90094") {
		t.Fatalf("no approval page:\n%s", p.body)
	}
	if got := s.choose(p, "user", ada); !strings.Contains(got.body, "Need admin approval") {
		t.Errorf("the approval page signed in: %s", got.body)
	}
	if q := s.location(s.choose(p, "cancel", "1")); q.Get("error") != "access_denied" {
		t.Errorf("return to the app: %v", q)
	}
	consented := start(t, func(o *entra.Options) { o.Clients[0].Scopes = []string{"channelmessage.read.all", "User.Read"} })
	consented.oauth.Scopes = []string{"https://graph.microsoft.com/.default", "openid"}
	if got := consented.tokens(ada).Extra("scope"); got != "https://graph.microsoft.com/ChannelMessage.Read.All https://graph.microsoft.com/User.Read openid" {
		t.Errorf("scope %q", got)
	}
	consented.oauth.Scopes = []string{"Mail.Read"}
	if p := consented.get(consented.oauth.AuthCodeURL("st")); !strings.Contains(p.body, "Need admin approval") {
		t.Error("a scope outside the registration was offered")
	}
}

func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	const public, stranger = "aaaaaaaa-1f57-4f6c-8f0b-7a4f5f9e2c31", "bbbbbbbb-1f57-4f6c-8f0b-7a4f5f9e2c31"
	s := start(t, func(o *entra.Options) {
		o.Clients = append(
			o.Clients,
			entra.Client{ID: public, RedirectURIs: []string{"http://localhost"}},
			entra.Client{ID: stranger, Secret: "theirs", RedirectURIs: []string{callback}},
		)
	})
	verifier := oauth2.GenerateVerifier()
	code := s.code(ada, oauth2.S256ChallengeOption(verifier))
	unbound := s.code(ada)
	refresh := s.tokens(ada).RefreshToken
	me := "&client_id=" + clientID + "&client_secret=" + url.QueryEscape(secret)
	byCode := "grant_type=authorization_code&redirect_uri=" + url.QueryEscape(callback) + "&code=" + code
	proven := byCode + "&code_verifier=" + verifier

	for _, tc := range []struct {
		name, form string
		status     int
		code       int
		oauth      string
	}{
		{"nothing", "", 400, 900144, "invalid_request"},
		{"no grant type", me[1:], 400, 900144, "invalid_request"},
		{"no client", proven, 400, 900144, "invalid_request"},
		{"unknown client", proven + "&client_id=x&client_secret=y", 400, 700016, "unauthorized_client"},
		{"no secret", proven + "&client_id=" + clientID, 401, 7000218, "invalid_client"},
		{"wrong secret", proven + "&client_id=" + clientID + "&client_secret=y", 401, 7000215, "invalid_client"},
		{"public client with a secret", proven + "&client_secret=y&client_id=" + public, 401, 700025, "invalid_client"},
		{"grant type", "grant_type=password" + me, 400, 70003, "unsupported_grant_type"},
		{"on behalf of", "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer" + me, 400, 70003, "unsupported_grant_type"},
		{"app only, scope", "grant_type=client_credentials&scope=User.Read" + me, 400, 1002012, "invalid_scope"},
		{"app only", "grant_type=client_credentials&scope=https://graph.microsoft.com/.default" + me, 400, 501051, "invalid_grant"},
		{"app only, public", "grant_type=client_credentials&client_id=" + public, 401, 7000216, "invalid_client"},
		{"resource", proven + me + "&resource=https://graph.microsoft.com", 400, 9010010, "invalid_target"},
		{"twice", proven + me + "&code=again", 400, 9000411, "invalid_request"},
		{"no code", "grant_type=authorization_code&redirect_uri=x" + me, 400, 900144, "invalid_request"},
		{"no redirect", "grant_type=authorization_code&code=" + code + me, 400, 900144, "invalid_request"},
		{"malformed code", "grant_type=authorization_code&redirect_uri=x&code=0.AX" + me, 400, 9002313, "invalid_grant"},
		{"refresh token as code", "grant_type=authorization_code&redirect_uri=x&code=" + refresh + me, 400, 9002313, "invalid_grant"},
		{"code of another client", proven + "&client_secret=theirs&client_id=" + stranger, 400, 70000, "invalid_grant"},
		{"other redirect", strings.Replace(proven, "callback", "other", 1) + me, 400, 500112, "invalid_client"},
		{"no verifier", byCode + me, 400, 50148, "invalid_grant"},
		{"wrong verifier", byCode + "&code_verifier=" + oauth2.GenerateVerifier() + me, 400, 501481, "invalid_grant"},
		{"short verifier", byCode + "&code_verifier=short" + me, 400, 501481, "invalid_grant"},
		{"verifier for nothing", strings.Replace(proven, code, unbound, 1) + me, 400, 50148, "invalid_grant"},
		{"scope not consented", proven + "&scope=Files.Read" + me, 400, 65001, "invalid_grant"},
		{"unknown scope", proven + "&scope=Files.Reed" + me, 400, 70011, "invalid_scope"},
		{"several resources", proven + "&scope=Mail.Read api://other/use" + me, 400, 28000, "invalid_scope"},
		{"another resource", proven + "&scope=api://other/use" + me, 400, 500011, "invalid_resource"},
		{"no refresh token", "grant_type=refresh_token" + me, 400, 900144, "invalid_request"},
		{"malformed refresh token", "grant_type=refresh_token&refresh_token=0.AX" + me, 400, 9002313, "invalid_grant"},
		{"refresh token of another client", "grant_type=refresh_token&client_secret=theirs&client_id=" + stranger + "&refresh_token=" + refresh, 400, 70000, "invalid_grant"},
		{"claims", "grant_type=refresh_token&claims={&refresh_token=" + refresh + me, 400, 90023, "invalid_request"},
		{"good at last", proven + me, 200, 0, ""},
		{"used", proven + me, 400, 54005, "invalid_grant"},
	} {
		form, err := url.ParseQuery(tc.form)
		if err != nil {
			t.Fatal(err)
		}
		got := s.answer(s.post(s.oauth.Endpoint.TokenURL, form))
		want := []int{tc.code}
		if tc.code == 0 {
			want = nil
		}
		if got.Status != tc.status || got.Error != tc.oauth || !slices.Equal(got.Codes, want) {
			t.Errorf("%s: %d %s %v %s; want %d %s %d", tc.name, got.Status, got.Error, got.Codes, got.Description, tc.status, tc.oauth, tc.code)
		}
	}

	// RFC 7636 section 4.1: short verifiers are refused even where they match.
	short := s.code(ada, oauth2.S256ChallengeOption("short"))
	if got := s.token(url.Values{"grant_type": {"authorization_code"}, "code": {short}, "redirect_uri": {callback}, "code_verifier": {"short"}}); !slices.Equal(got.Codes, []int{501481}) {
		t.Errorf("short verifier that matches: %+v", got)
	}
	late := s.code(ada)
	s.clock.advance(10 * time.Minute)
	if got := s.token(url.Values{"grant_type": {"authorization_code"}, "code": {late}, "redirect_uri": {callback}}); !slices.Equal(got.Codes, []int{70008}) || got.Error != "invalid_grant" {
		t.Errorf("expired code: %+v", got)
	}
}

func TestTokenEndpointForm(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *entra.Options) { o.Clients[0].MultiTenant = true })
	const correlation = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
	p := s.post(s.oauth.Endpoint.TokenURL, url.Values{}, "client-request-id", correlation)
	got := s.answer(p)
	if got.Correlation != correlation || p.header.Get("client-request-id") != correlation || p.header.Get("x-ms-request-id") != got.TraceID {
		t.Errorf("ids: %+v, %v", got, p.header)
	}
	if !strings.Contains(p.header.Get("Cache-Control"), "no-store") {
		t.Errorf("Cache-Control %q", p.header.Get("Cache-Control"))
	}
	text := regexp.MustCompile(`^AADSTS900144: .+ Trace ID: [0-9a-f-]{36} Correlation ID: ` + correlation + ` Timestamp: 2026-03-02 09:00:00Z$`)
	if !text.MatchString(got.Description) || got.Timestamp != "2026-03-02 09:00:00Z" {
		t.Errorf("description %q", got.Description)
	}
	if got := s.answer(s.get(s.oauth.Endpoint.TokenURL)); !slices.Equal(got.Codes, []int{900561}) {
		t.Errorf("GET: %+v", got)
	}
	if got := s.answer(s.post(s.oauth.Endpoint.TokenURL+"?grant_type=refresh_token", url.Values{})); !slices.Equal(got.Codes, []int{900144}) {
		t.Errorf("parameters in the query: %+v", got)
	}
	refresh := s.tokens(ada).RefreshToken
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}
	json := s.answer(s.post(s.oauth.Endpoint.TokenURL, form, "Content-Type", "application/json"))
	if !slices.Equal(json.Codes, []int{900144}) {
		t.Errorf("a body in another media type: %+v", json)
	}
	if got := s.token(form, "Origin", "http://app.example"); !slices.Equal(got.Codes, []int{9002326}) {
		t.Errorf("secret from a browser: %+v", got)
	}
	s.oauth.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if tok := s.tokens(ada); !tok.Valid() && tok.AccessToken == "" {
		t.Error("client_secret_basic failed")
	}
	s.oauth.Endpoint.TokenURL = strings.Replace(s.oauth.Endpoint.TokenURL, tenantID, "organizations", 1)
	if got := s.refresh(refresh, ""); got.Status != http.StatusOK || got.TokenType != "Bearer" || got.ExpiresIn != 3900 || got.Ext != 3900 {
		t.Errorf("by alias: %+v", got)
	}
}

// One code, many takers: exactly one gets tokens.
func TestCodeIsRedeemedOnce(t *testing.T) {
	t.Parallel()
	s := start(t)
	code := s.code(ada)
	var wg sync.WaitGroup
	status := make([]int, 8)
	for i := range status {
		wg.Go(func() {
			form := url.Values{
				"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "client_id": {clientID}, "client_secret": {secret},
			}
			res, err := s.http.PostForm(s.oauth.Endpoint.TokenURL, form)
			if err != nil {
				t.Error(err)
				return
			}
			status[i] = res.StatusCode
			if err := res.Body.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	slices.Sort(status)
	if status[0] != http.StatusOK || status[1] != http.StatusBadRequest {
		t.Errorf("answers %v", status)
	}
	if got := s.Stats(); got.CodeExchanges != 1 || got.Failures != 7 {
		t.Errorf("stats %+v", got)
	}
}
