package e2e_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"m365mcp/internal/headless"
)

// witness asks the simulated Graph itself, past the server, as a person's own app
// would: what it sees is what Microsoft would hold.
type witness struct {
	d     *demo
	token string
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)

// witness signs somebody in at the simulated Entra, with all permissions it needs.
func (d *demo) witness(t *testing.T, name string) *witness {
	t.Helper()
	b := headless.New(d.transport)
	back := d.server() + "/callback"
	at := d.EntraURL + "/" + d.Simulator.TenantID + "/oauth2/v2.0/"
	fetch := func(method, target, body string, header ...string) headless.Answer {
		a, err := b.Fetch(t.Context(), method, target, body, header...)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	const verifier = "a-verifier-of-at-least-forty-three-characters-000"
	a := fetch(http.MethodGet, at+"authorize?"+url.Values{
		"client_id": {d.Simulator.ClientID}, "response_type": {"code"}, "redirect_uri": {back}, "state": {"witness"},
		"scope":                 {"openid Mail.ReadWrite Calendars.ReadWrite ChannelMessage.Read.All Chat.Read Files.Read.All Tasks.ReadWrite Team.ReadBasic.All Channel.ReadBasic.All User.ReadBasic.All"},
		"code_challenge_method": {"plain"}, "code_challenge": {verifier}, "response_mode": {"query"},
	}.Encode(), "")
	for range 3 {
		if a.Status != http.StatusOK {
			break
		}
		form := url.Values{"user": {d.upn(t, name)}}
		for _, m := range hiddenField.FindAllStringSubmatch(a.Body, -1) {
			form.Set(m[1], m[2])
		}
		action, ok := strings.CutPrefix(regexp.MustCompile(`action="[^"]*"`).FindString(a.Body), `action="`)
		if !ok {
			t.Fatalf("no form in %s", a.Body)
		}
		next, err := url.Parse(d.EntraURL)
		if err == nil {
			next, err = next.Parse(strings.TrimSuffix(action, `"`))
		}
		if err != nil {
			t.Fatal(err)
		}
		a = fetch(http.MethodPost, next.String(), form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	}
	landed, err := url.Parse(a.Header.Get("Location"))
	if err != nil || landed.Query().Get("code") == "" {
		t.Fatalf("sign-in at Entra: %d %v %s", a.Status, a.Header, a.Body)
	}
	tokens, err := b.PostForm(t.Context(), at+"token", url.Values{
		"client_id": {d.Simulator.ClientID}, "client_secret": {d.Simulator.ClientSecret}, "grant_type": {"authorization_code"},
		"code": {landed.Query().Get("code")}, "redirect_uri": {back}, "code_verifier": {verifier},
	})
	if err != nil {
		t.Fatal(err)
	}
	var out struct {
		Access string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(tokens.Body), &out); err != nil || out.Access == "" {
		t.Fatalf("token: %d %s", tokens.Status, tokens.Body)
	}
	return &witness{d, out.Access}
}

// get reads a path of Graph, such as /me/messages?$top=1, into v.
func (w *witness) get(t *testing.T, path string, v any) {
	t.Helper()
	path, query, _ := strings.Cut(path, "?")
	a, err := w.d.browser.Fetch(t.Context(), http.MethodGet, w.d.GraphURL+"/v1.0"+path+"?"+strings.ReplaceAll(query, " ", "%20"), "", "Authorization", "Bearer "+w.token)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(a.Body), v); err != nil || a.Status != http.StatusOK {
		t.Fatalf("Graph: GET %s: %d %s", path, a.Status, a.Body)
	}
}
