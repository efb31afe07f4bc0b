package authserver_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestWishes: what goes on to Microsoft, from the page and without it.
func TestWishes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                       string
		change                     map[string]string
		prompt, hint, claims, oops string
	}{
		{name: "none of them"},
		{name: "login", change: map[string]string{"prompt": "login"}, prompt: "login"},
		{name: "select_account", change: map[string]string{"prompt": "select_account"}, prompt: "select_account"},
		{name: "both", change: map[string]string{"prompt": "select_account login"}, prompt: "login"},
		{name: "consent is ours", change: map[string]string{"prompt": "consent"}},
		{name: "consent and login", change: map[string]string{"prompt": "consent login"}, prompt: "login"},
		{name: "hint", change: map[string]string{"login_hint": "bob@contoso.example"}, hint: "bob@contoso.example"},
		{
			name:   "claims",
			change: map[string]string{"claims": `{"userinfo":{"x":null}, "id_token":{"auth_time":{"essential":true}},"access_token":{"acrs":{"value":"c1"},"x":null}}`},
			claims: `{"access_token":{"acrs":{"value":"c1"},"x":null},"id_token":{"auth_time":{"essential":true}}}`,
		},
		{name: "claims of no token", change: map[string]string{"claims": `{"userinfo":{"x":null}}`}},
		{name: "unknown prompt", change: map[string]string{"prompt": "create"}, oops: "invalid_request"},
		{name: "prompt in capitals", change: map[string]string{"prompt": "Login"}, oops: "invalid_request"},
		{name: "none and login", change: map[string]string{"prompt": "none login"}, oops: "invalid_request"},
		{name: "long hint", change: map[string]string{"login_hint": strings.Repeat("x", 321)}, oops: "invalid_request"},
		{name: "hint of two lines", change: map[string]string{"login_hint": "a\r\nb"}, oops: "invalid_request"},
		{name: "claims not JSON", change: map[string]string{"claims": "eyJhY2Nlc3NfdG9rZW4iOnt9fQ"}, oops: "invalid_request"},
		{name: "claims a list", change: map[string]string{"claims": "[]"}, oops: "invalid_request"},
		{name: "claims null", change: map[string]string{"claims": "null"}, oops: "invalid_request"},
		{name: "claims of a token a text", change: map[string]string{"claims": `{"access_token":"x"}`}, oops: "invalid_request"},
		{name: "a claim a number", change: map[string]string{"claims": `{"id_token":{"x":1}}`}, oops: "invalid_request"},
		{name: "long claims", change: map[string]string{"claims": `{"id_token":{"x":{"value":"` + strings.Repeat("x", 2048) + `"}}}`}, oops: "invalid_request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			b, clientID := h.browser(t), h.publicClient(t)
			request := h.request(clientID)
			for name, value := range c.change {
				request.Set(name, value)
			}
			got := h.authorize(t, b, request)
			if c.oops != "" {
				equal(t, "error", back(t, got).Get("error"), c.oops)
				return
			}
			state := h.decide(t, b, got, "approve").Query().Get("state")
			begun := h.begun(state)
			equal(t, "prompt", begun.Prompt, c.prompt)
			equal(t, "login_hint", begun.LoginHint, c.hint)
			equal(t, "claims", begun.Claims, c.claims)
			if back(t, h.callback(t, b, microsoftAnswer(state))).Get("code") == "" { // the stand-in wants the same claims
				t.Error("no code")
			}
		})
	}
}

// TestSelectAccountNamesNobody: the person wants to choose.
func TestSelectAccountNamesNobody(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	b, clientID := h.browser(t), h.publicClient(t)
	h.codeIn(t, b, h.request(clientID))
	request := h.request(clientID)
	request.Set("prompt", "select_account")
	state, _ := h.skipped(t, h.authorize(t, b, request))
	equal(t, "login_hint", h.begun(state).LoginHint, "")
	h.account("bob")
	equal(t, "chosen another", h.callback(t, b, microsoftAnswer(state)).StatusCode, http.StatusOK)
}

// TestPromptNone: an answer without any page, whatever it is (OpenID Connect Core
// section 3.1.2.6).
func TestPromptNone(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	clientID := h.register(t, `{"client_name":"Assistant","redirect_uris":["`+redirectURI+`","http://127.0.0.1/cb"],"token_endpoint_auth_method":"none"}`).text(t, "client_id")
	b := h.browser(t)
	silent := func(scopes string) url.Values {
		q := h.scoped(clientID, scopes)
		q.Set("prompt", "none")
		return q
	}
	refused := func(what string, got url.Values, want string) {
		t.Helper()
		equal(t, what, got.Get("error"), want)
		equal(t, what+": code", got.Get("code"), "")
		equal(t, what+": iss", got.Get("iss"), h.URL)
		equal(t, what+": state", got.Get("state"), "client state")
	}
	refused("nobody known", back(t, h.authorize(t, b, silent("Mail.Read"))), "login_required")
	h.codeIn(t, b, h.scoped(clientID, "Mail.Read"))
	refused("another browser", back(t, h.authorize(t, h.browser(t), silent("Mail.Read"))), "login_required")
	refused("more than was allowed", back(t, h.authorize(t, b, silent("Mail.Send"))), "consent_required")
	local := silent("Mail.Read")
	local.Set("redirect_uri", "http://127.0.0.1:7000/cb")
	got := h.authorize(t, b, local)
	refused("loopback", parse(t, got.Header.Get("Location")).Query(), "consent_required")

	begin := func() string {
		t.Helper()
		state, ok := h.skipped(t, h.authorize(t, b, silent("Mail.Read")))
		equal(t, "sent on", ok, true)
		equal(t, "prompt", h.begun(state).Prompt, "none")
		equal(t, "login_hint", h.begun(state).LoginHint, "ann@contoso.example")
		return state
	}
	if back(t, h.callback(t, b, microsoftAnswer(begin()))).Get("code") == "" {
		t.Error("no code without a page")
	}
	for _, code := range []string{"login_required", "interaction_required", "consent_required"} {
		q := url.Values{"state": {begin()}, "error": {code}, "error_description": {"AADSTS50058: x"}}
		refused(code, back(t, h.callback(t, b, q)), code)
	}
	refused("down", back(t, h.callback(t, b, url.Values{"state": {begin()}, "error": {"temporarily_unavailable"}})), "temporarily_unavailable")
	grants := h.rows(t, "oauth_grants")
	state := begin()
	h.account("bob")
	refused("another person", back(t, h.callback(t, b, microsoftAnswer(state))), "interaction_required")
	equal(t, "grants", h.rows(t, "oauth_grants"), grants)
	equal(t, "evidence", h.audit.last(t, "oauth.other_person").Principal.UserKey(), "tenant/bob")
}

// TestScopePresets: names for sets of scopes, beside scopes.
func TestScopePresets(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for asked, want := range map[string]string{
		"preset:mail":                  "Mail.Read Mail.Send",
		"preset:mail Chat.Read openid": "Chat.Read Mail.Read Mail.Send",
		"Chat.Read":                    "Chat.Read",
		"Mail.ReadWrite Mail.Read":     "Mail.Read Mail.ReadWrite",
		"preset:files":                 "",
		"preset":                       "",
	} {
		clientID := h.publicClient(t)
		request := h.scoped(clientID, asked)
		if want == "" {
			equal(t, asked, back(t, h.authorize(t, h.browser(t), request)).Get("error"), "invalid_scope")
			continue
		}
		equal(t, asked, h.token(t, codeForm(clientID, h.code(t, request))).text(t, "scope"), want)
	}
	meta := h.browser(t).get(t, h.URL+"/.well-known/oauth-protected-resource/mcp")
	if strings.Contains(meta.body, "Chat.Read") || strings.Contains(meta.body, "preset") {
		t.Errorf("clients would ask for all of it at sign-in: %s", meta.body)
	}
}
