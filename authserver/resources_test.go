package authserver_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"m365mcp/authserver"
	"m365mcp/internal/testenv"
)

func withSSE(o *authserver.Options) { o.Doors = []string{"/sse"} }

// A door with metadata of its own has tokens of its own: they are of no use at /mcp.
func TestResourceOfEachDoor(t *testing.T) {
	t.Parallel()
	h := newHarness(t, withSSE)
	connect := func(resource string) (access, refresh, clientID string) {
		clientID = h.publicClient(t)
		request := h.request(clientID)
		request.Del("resource")
		if resource != "" {
			request.Set("resource", resource)
		}
		form := codeForm(clientID, h.code(t, request))
		if resource != "" {
			other := codeForm(clientID, form.Get("code"))
			other.Set("resource", map[string]string{h.URL + "/mcp": h.URL + "/sse", h.URL + "/sse": h.URL + "/mcp"}[resource])
			equal(t, "redeemed for another", h.token(t, other).text(t, "error"), "invalid_target")
			form.Set("resource", resource)
		}
		got := h.token(t, form)
		return got.text(t, "access_token"), got.text(t, "refresh_token"), clientID
	}
	verify := func(path, access string) error {
		r := httptest.NewRequest(http.MethodPost, path, http.NoBody)
		r.Header.Set("Authorization", "Bearer "+access)
		_, err := h.auth.Reverify(r)
		return err
	}
	var sse, refresh, clientID string
	for _, c := range []struct {
		resource, good, bad string // doors
	}{
		{h.URL + "/mcp", "/mcp /sse /ws /upload", ""},
		{"", "/mcp /sse /ws /upload", ""},
		{h.URL + "/sse", "/sse /ws /upload", "/mcp"},
	} {
		var access string
		access, refresh, clientID = connect(c.resource)
		for path := range strings.FieldsSeq(c.good) {
			if err := verify(path, access); err != nil {
				t.Errorf("%q at %s: %v", c.resource, path, err)
			}
		}
		for path := range strings.FieldsSeq(c.bad) {
			if err := verify(path, access); !errors.Is(err, authserver.ErrInvalidToken) {
				t.Errorf("%q at %s: %v", c.resource, path, err)
			}
		}
		sse = access
	}
	equal(t, "an sse token at /mcp", h.mcp(t, sse), http.StatusUnauthorized)

	two := h.request(clientID)
	two.Add("resource", h.URL+"/sse")
	equal(t, "two resources", back(t, h.authorize(t, h.browser(t), two)).Get("error"), "invalid_target")

	got := h.browser(t).do(t, http.MethodGet, h.URL+"/sse", "")
	equal(t, "status", got.StatusCode, http.StatusUnauthorized)
	metadata := h.URL + "/.well-known/oauth-protected-resource/sse"
	if challenge := got.Header.Get("WWW-Authenticate"); !strings.Contains(challenge, `resource_metadata="`+metadata+`"`) {
		t.Error(challenge)
	}
	equal(t, "resource", h.browser(t).get(t, metadata).text(t, "resource"), h.URL+"/sse")
	if got := h.browser(t).get(t, h.URL+"/.well-known/oauth-authorization-server"); !strings.Contains(got.body, `"protected_resources":["`+h.URL+`/mcp","`+h.URL+`/sse"]`) {
		t.Error(got.body)
	}

	h.boot(t) // with the door closed
	if err := verify("/sse", sse); !errors.Is(err, authserver.ErrInvalidToken) {
		t.Errorf("after the door was closed: %v", err)
	}
	equal(t, "refresh", h.token(t, refreshForm(clientID, refresh)).text(t, "error"), "invalid_grant")
	equal(t, "metadata", h.browser(t).get(t, metadata).StatusCode, http.StatusNotFound)
	request := h.request(clientID)
	request.Set("resource", h.URL+"/sse")
	equal(t, "authorize", back(t, h.authorize(t, h.browser(t), request)).Get("error"), "invalid_target")
}

// A refresh is for what the grant was for.
func TestRefreshForAnotherResource(t *testing.T) {
	t.Parallel()
	h := newHarness(t, withSSE)
	clientID, _, refresh := h.connect(t)
	form := refreshForm(clientID, refresh)
	form.Set("resource", h.URL+"/sse")
	equal(t, "another", h.token(t, form).text(t, "error"), "invalid_target")
	form.Set("resource", h.URL+"/mcp")
	equal(t, "the same", h.token(t, form).StatusCode, http.StatusOK)
}

// Requests without a token are counted by address, like registrations.
func TestStrangersAreLimited(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	door := h.auth.Strangers(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "in") }))
	knock := func(from string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/mcp", http.NoBody)
		r.RemoteAddr = from
		w := httptest.NewRecorder()
		door.ServeHTTP(w, r)
		return w
	}
	in := 0
	for range 400 {
		if knock("198.51.100.7:1000").Code == http.StatusOK {
			in++
		}
	}
	equal(t, "let in", in, 300)
	out := knock("198.51.100.7:2000")
	equal(t, "status", out.Code, http.StatusTooManyRequests)
	equal(t, "retry", out.Header().Get("Retry-After"), "1")
	equal(t, "another address", knock("198.51.100.8:1000").Code, http.StatusOK)
}

// A service gets its token for the door that it names.
func TestServiceTokenOfADoor(t *testing.T) {
	t.Parallel()
	h := newHarness(t, withSSE, services(t, testenv.NewSigner(t, "a")))
	form := url.Values{"grant_type": {"client_credentials"}, "resource": {h.URL + "/sse"}}
	access := h.token(t, form, basic(service, serviceSecret)...).text(t, "access_token")
	equal(t, "mcp", h.mcp(t, access), http.StatusUnauthorized)
	got := h.browser(t).do(t, http.MethodPost, h.URL+"/sse", "", "Authorization", "Bearer "+access)
	equal(t, "sse", got.StatusCode, http.StatusOK)
}
