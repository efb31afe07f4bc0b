package entra_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"m365mcp/simulator/entra"
	"m365mcp/simulator/token"
)

// The whole flow, as two independent libraries see it.
func TestSignInWithPKCE(t *testing.T) {
	t.Parallel()
	s := start(t)
	verifier, nonce := oauth2.GenerateVerifier(), oauth2.GenerateVerifier()

	p := s.get(s.oauth.AuthCodeURL("a state&=", oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("nonce", nonce)))
	if !strings.Contains(p.body, "Simulated Microsoft sign-in") || strings.Contains(p.body, "<script") {
		t.Errorf("the page must say what it is, and have no script:\n%s", p.body)
	}
	if !strings.Contains(p.body, "Sales &amp; &lt;partners&gt;") {
		t.Error("the title is not shown, or not escaped")
	}
	q := s.location(s.choose(p, "user", ada))
	if q.Get("state") != "a state&=" || q.Get("session_state") == "" {
		t.Errorf("answer to the app: %v", q)
	}
	tok, err := s.oauth.Exchange(t.Context(), q.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	raw, ok := tok.Extra("id_token").(string)
	if !ok {
		t.Fatal("no id_token")
	}
	id, err := s.verifier().Verify(s.oidcContext(), raw)
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := id.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	for _, name := range []string{"aud", "iss", "tid", "oid", "name", "preferred_username", "email", "nonce", "ver"} {
		got[name] = claims[name]
	}
	want := map[string]any{
		"aud": clientID, "iss": s.base + "/" + tenantID + "/v2.0", "tid": tenantID, "oid": adaID, "name": "Ada Lind",
		"preferred_username": ada, "email": "ada.l@tideline.example", "nonce": nonce, "ver": "2.0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("id_token (-want +got):\n%s", diff)
	}
	if id.Subject == adaID || id.Subject == "" {
		t.Errorf("sub %q is not pairwise", id.Subject)
	}

	access, err := s.VerifyAccessToken(tok.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	wantAccess := token.Claims{
		TenantID: tenantID, UserID: adaID, UPN: ada, ClientID: clientID,
		Scopes: []string{"Mail.Read", "User.Read", "email", "openid", "profile"}, Expires: s.clock.Now().Add(65 * time.Minute),
	}
	if diff := cmp.Diff(wantAccess, access); diff != "" {
		t.Errorf("access token (-want +got):\n%s", diff)
	}
	if got := tok.Extra("scope"); got != "Mail.Read User.Read email openid profile" {
		t.Errorf("scope %q", got)
	}
	if diff := cmp.Diff(entra.Stats{Authorizations: 1, CodeExchanges: 1}, s.Stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

func TestIDTokenFollowsScopes(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, tc := range []struct {
		scopes, user string
		want         map[string]any
	}{
		{"openid", ada, map[string]any{}},
		{"openid profile", ada, map[string]any{"oid": adaID, "name": "Ada Lind", "preferred_username": ada}},
		{"openid email", ada, map[string]any{"email": "ada.l@tideline.example"}},
		{"openid email", grace, map[string]any{}}, // no mail address
	} {
		s.oauth.Scopes = strings.Fields(tc.scopes)
		raw, ok := s.tokens(tc.user).Extra("id_token").(string)
		if !ok {
			t.Fatal("no id_token")
		}
		id, err := s.verifier().Verify(s.oidcContext(), raw)
		if err != nil {
			t.Fatal(err)
		}
		var all map[string]any
		if err := id.Claims(&all); err != nil {
			t.Fatal(err)
		}
		got := map[string]any{}
		for _, name := range []string{"oid", "name", "preferred_username", "email"} {
			if v, ok := all[name]; ok {
				got[name] = v
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s as %s (-want +got):\n%s", tc.scopes, tc.user, diff)
		}
	}
	s.oauth.Scopes = []string{"User.Read"}
	if tok := s.tokens(ada); tok.Extra("id_token") != nil || tok.RefreshToken != "" {
		t.Error("without openid and offline_access there is an id_token or a refresh token")
	}
}

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	s := start(t)
	idToken := func(tok *oauth2.Token) string { raw, _ := tok.Extra("id_token").(string); return raw }
	old := s.tokens(ada)
	verifier := s.verifier()
	if err := s.RotateKey(); err != nil {
		t.Fatal(err)
	}
	fresh := s.tokens(ada)
	for name, tok := range map[string]*oauth2.Token{"old": old, "new": fresh} {
		if _, err := verifier.Verify(s.oidcContext(), idToken(tok)); err != nil {
			t.Errorf("%s id_token: %v", name, err)
		}
		if _, err := s.VerifyAccessToken(tok.AccessToken); err != nil {
			t.Errorf("%s access token: %v", name, err)
		}
	}
	if kid := func(raw string) string { head, _, _ := strings.Cut(raw, "."); return head }; kid(old.AccessToken) == kid(fresh.AccessToken) {
		t.Error("the new key does not sign")
	}
	var jwks struct {
		Keys []map[string]string `json:"keys"`
	}
	if err := json.Unmarshal([]byte(s.get(s.base+"/common/discovery/v2.0/keys").body), &jwks); err != nil {
		t.Fatal(err)
	}
	if len(jwks.Keys) != 2 || jwks.Keys[0]["kid"] == jwks.Keys[1]["kid"] || jwks.Keys[0]["d"] != "" {
		t.Errorf("keys: %v", jwks.Keys)
	}
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	s := start(t)
	first := s.tokens(ada)
	second := s.refresh(first.RefreshToken, "")
	if second.Status != http.StatusOK || second.RefreshToken == "" || second.RefreshToken == first.RefreshToken || second.IDToken == "" {
		t.Fatalf("refresh: %+v", second)
	}
	// The old one is not revoked; clients merely should forget it.
	s.clock.advance(time.Hour)
	if again := s.refresh(first.RefreshToken, "openid Mail.Read"); again.Status != http.StatusOK {
		t.Errorf("the previous refresh token stopped working: %+v", again)
	}
	// Its 90 days count from its own issue, not from the last use of the family.
	s.clock.advance(90*24*time.Hour - time.Hour)
	if late := s.refresh(first.RefreshToken, ""); !slices.Equal(late.Codes, []int{700082}) || late.Error != "invalid_grant" {
		t.Errorf("after 90 days: %+v", late)
	}
	if got := s.Stats().Refreshes; got != 2 {
		t.Errorf("%d refreshes counted, want 2", got)
	}
}

// Access tokens carry all that was ever consented, whatever is asked this time.
func TestScopesOfRefresh(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.oauth.Scopes = []string{"offline_access", "Mail.Read"}
	mail := s.tokens(ada)
	if more := s.refresh(mail.RefreshToken, "Calendars.Read"); more.Error != "invalid_grant" || more.Suberror != "consent_required" || !slices.Equal(more.Codes, []int{65001}) {
		t.Errorf("unconsented scope: %+v", more)
	}
	s.oauth.Scopes = []string{"https://graph.microsoft.com/calendars.read"} // any case, by URL
	s.tokens(ada)
	for asked, want := range map[string]string{
		"Mail.Read":                             "Calendars.Read Mail.Read",
		"https://graph.microsoft.com/Mail.Read": "https://graph.microsoft.com/Calendars.Read https://graph.microsoft.com/Mail.Read",
		"https://graph.microsoft.com/.default":  "https://graph.microsoft.com/Calendars.Read https://graph.microsoft.com/Mail.Read",
	} {
		got := s.refresh(mail.RefreshToken, asked)
		if got.Scope != want {
			t.Errorf("scope %q answered %q, want %q (%s)", asked, got.Scope, want, got.Description)
		}
	}
	// The consent is this person's.
	s.oauth.Scopes = []string{"offline_access", "Mail.Read"}
	if other := s.refresh(s.tokens(grace).RefreshToken, "Calendars.Read"); !slices.Equal(other.Codes, []int{65001}) {
		t.Errorf("another person's consent counted: %+v", other)
	}
}

func TestAccessTokenExpires(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.SetAccessTokenLifetime(2 * time.Minute)
	tok := s.tokens(ada)
	s.clock.advance(2*time.Minute - time.Second)
	if _, err := s.VerifyAccessToken(tok.AccessToken); err != nil {
		t.Errorf("before its end: %v", err)
	}
	s.clock.advance(time.Second)
	if _, err := s.VerifyAccessToken(tok.AccessToken); !errors.Is(err, token.ErrExpired) {
		t.Errorf("at its end: %v", err)
	}
	idToken, _ := tok.Extra("id_token").(string)
	stranger := start(t).tokens(ada).AccessToken
	for name, raw := range map[string]string{
		"id_token": idToken, "other tenant's key": stranger, "garbage": "x.y.z", "empty": "",
		"alg none": "eyJhbGciOiJub25lIn0." + strings.Split(tok.AccessToken, ".")[1] + ".",
	} {
		if _, err := s.VerifyAccessToken(raw); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRevokeUser(t *testing.T) {
	t.Parallel()
	s := start(t)
	adas, graces := s.tokens(ada), s.tokens(grace)
	code := s.code(ada)
	s.RevokeUser(adaID)
	if got := s.refresh(adas.RefreshToken, ""); got.Error != "invalid_grant" || !slices.Equal(got.Codes, []int{50173}) {
		t.Errorf("refresh after revocation: %+v", got)
	}
	if got := s.token(url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}}); !slices.Equal(got.Codes, []int{50173}) {
		t.Errorf("code after revocation: %+v", got)
	}
	if got := s.refresh(graces.RefreshToken, ""); got.Status != http.StatusOK {
		t.Errorf("another person's refresh: %+v", got)
	}
	q := s.location(s.get(s.oauth.AuthCodeURL("st", oauth2.SetAuthURLParam("prompt", "none"))))
	if q.Get("error") != "login_required" {
		t.Errorf("the session survived: %v", q)
	}
	if again := s.refresh(s.tokens(ada).RefreshToken, ""); again.Status != http.StatusOK {
		t.Errorf("after a new sign-in at the same instant: %+v", again)
	}
}

func TestSignInAs(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *entra.Options) { o.SignInAs = "Ada@tideline.example" })
	silent := oauth2.SetAuthURLParam("prompt", "none")
	if q := s.location(s.get(s.oauth.AuthCodeURL("st", silent))); q.Get("error") != "login_required" {
		t.Errorf("prompt=none without a session: %v", q)
	}
	q := s.location(s.get(s.oauth.AuthCodeURL("st", oauth2.SetAuthURLParam("prompt", "select_account"))))
	tok, err := s.oauth.Exchange(t.Context(), q.Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.VerifyAccessToken(tok.AccessToken); err != nil || c.UPN != ada {
		t.Errorf("signed in as %q, %v", c.UPN, err)
	}
	if q := s.location(s.get(s.oauth.AuthCodeURL("st", silent))); q.Get("code") == "" {
		t.Errorf("prompt=none with a session: %v", q)
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	s := start(t)
	param := oauth2.SetAuthURLParam
	at := func(o ...oauth2.AuthCodeOption) page { return s.get(s.oauth.AuthCodeURL("st", o...)) }
	s.choose(at(), "user", ada)

	if q := s.location(at()); q.Get("code") == "" {
		t.Errorf("no single sign-on: %v", q)
	}
	if q := s.location(at(param("prompt", "none"), param("login_hint", grace))); q.Get("error") != "login_required" {
		t.Errorf("another person's session was used: %v", q)
	}
	for _, prompt := range []string{"login", "select_account", "consent"} {
		s.formOf(at(param("prompt", prompt))) // the page, session or not
	}
	hinted := at(param("login_hint", grace))
	if i, j := strings.Index(hinted.body, grace), strings.Index(hinted.body, ada); i < 0 || i > j {
		t.Error("the hinted person is not first")
	}

	s.oauth.Scopes = append(s.oauth.Scopes, "Calendars.Read")
	if q := s.location(at(param("prompt", "none"))); q.Get("error") != "consent_required" {
		t.Errorf("silent without consent: %v", q)
	}
	s.formOf(at()) // asks for the new permission
	s.oauth.Scopes = s.oauth.Scopes[:len(s.oauth.Scopes)-1]

	s.get(s.base + "/" + tenantID + "/oauth2/v2.0/logout")
	if q := s.location(at(param("prompt", "none"))); q.Get("error") != "login_required" {
		t.Errorf("still signed in after logout: %v", q)
	}
	s.choose(at(), "user", ada)
	s.clock.advance(25 * time.Hour)
	s.formOf(at())
}

func TestSignInPageIsBoundToItsBrowser(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := s.get(s.oauth.AuthCodeURL("st"))
	action, tx := s.formOf(p)
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'", "X-Frame-Options": "DENY", "Cache-Control": "no-store",
	} {
		if !strings.Contains(p.header.Get(name), want) {
			t.Errorf("%s: %q", name, p.header.Get(name))
		}
	}
	if strings.Contains(p.header.Get("Content-Security-Policy"), "form-action") {
		t.Error("form-action would stop the redirects behind the form")
	}
	mine := s.http
	s.newBrowser()
	s.get(s.oauth.AuthCodeURL("st")) // it has a page of its own open
	if got := s.post(action, url.Values{"transaction": {tx}, "user": {ada}}); !strings.Contains(got.body, "AADSTS165000") {
		t.Errorf("another browser submitted the page: %d %s", got.status, got.body)
	}
	s.http = mine
	for form, want := range map[string]string{
		"transaction=1.AAAA&user=" + ada:                     "AADSTS165000",
		"transaction=" + tx + "&user=mallory%40evil.example": "AADSTS50034",
		"transaction=" + tx:                                  "AADSTS50034",
	} {
		values, err := url.ParseQuery(form)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.post(action, values); got.status != http.StatusBadRequest || !strings.Contains(got.body, want) {
			t.Errorf("%s: %d, want %s", form, got.status, want)
		}
	}
	if q := s.location(s.choose(p, "cancel", "1")); q.Get("error") != "access_denied" || q.Get("state") != "st" {
		t.Errorf("cancel: %v", q)
	}
	s.clock.advance(2 * time.Hour)
	if got := s.choose(p, "user", ada); !strings.Contains(got.body, "AADSTS50089") {
		t.Errorf("a page of two hours ago: %s", got.body)
	}
}

func TestResponseModes(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *entra.Options) { o.SignInAs = ada })
	p := s.get(s.oauth.AuthCodeURL("a&b", oauth2.SetAuthURLParam("response_mode", "form_post")))
	for _, want := range []string{`action="` + callback + `"`, `name="state" value="` + html.EscapeString("a&b") + `"`, `name="code" value="1.`} {
		if !strings.Contains(p.body, want) {
			t.Errorf("form_post has no %s:\n%s", want, p.body)
		}
	}
	p = s.get(s.oauth.AuthCodeURL("st", oauth2.SetAuthURLParam("response_mode", "fragment")))
	if !strings.HasPrefix(p.header.Get("Location"), callback+"#code=1.") {
		t.Errorf("fragment: %s", p.header.Get("Location"))
	}
	s.oauth.RedirectURL = "http://localhost:49152/native" // RFC 8252: any port
	p = s.get(s.oauth.AuthCodeURL("st"))
	if !strings.HasPrefix(p.header.Get("Location"), "http://localhost:49152/native?code=1.") {
		t.Errorf("localhost: %d %s", p.status, p.header.Get("Location"))
	}
}

// Entra accepts the plain method of RFC 7636, also where the method is not named.
func TestPlainChallenge(t *testing.T) {
	t.Parallel()
	s := start(t)
	verifier := oauth2.GenerateVerifier()
	for _, options := range [][]oauth2.AuthCodeOption{
		{oauth2.SetAuthURLParam("code_challenge", verifier)},
		{oauth2.SetAuthURLParam("code_challenge", verifier), oauth2.SetAuthURLParam("code_challenge_method", "plain")},
	} {
		if _, err := s.oauth.Exchange(t.Context(), s.code(ada, options...), oauth2.VerifierOption(verifier)); err != nil {
			t.Error(err)
		}
	}
}

// A client that declares cp1 gets tokens that say so, refreshed ones too.
func TestClientCapability(t *testing.T) {
	t.Parallel()
	s := start(t)
	capabilities := func(accessToken string) any {
		var claims map[string]any
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(accessToken, ".")[1])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(payload, &claims); err != nil {
			t.Fatal(err)
		}
		return claims["xms_cc"]
	}
	if got := capabilities(s.tokens(ada).AccessToken); got != nil {
		t.Errorf("undeclared: %v", got)
	}
	code := s.code(ada, oauth2.SetAuthURLParam("claims", `{"access_token":{"xms_cc":{"values":["cp1"]},"nbf":null}}`))
	tok, err := s.oauth.Exchange(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string]string{"first": tok.AccessToken, "refreshed": s.refresh(tok.RefreshToken, "").AccessToken} {
		if diff := cmp.Diff([]any{"cp1"}, capabilities(raw)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
