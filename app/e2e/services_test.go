package e2e_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/app"
	"m365mcp/audit"
	"m365mcp/config"
	"m365mcp/internal/secret"
	"m365mcp/internal/testenv"
	"m365mcp/simulator/dataset"
)

const (
	linkedSecret = "a secret of forty characters, and some"
	jwtBearer    = "urn:ietf:params:oauth:grant-type:jwt-bearer"
)

// startServices starts a server with a service that has a key, a linked service, and an
// agent for whose people an identity provider speaks.
func startServices(t *testing.T, key testenv.Signer, provider *idp) *demo {
	t.Helper()
	file := filepath.Join(t.TempDir(), "build.json")
	if err := os.WriteFile(file, testenv.Set(t, key), 0o600); err != nil {
		t.Fatal(err)
	}
	return startDemo(t, app.DemoOptions{Configure: func(c *config.Config) {
		c.Tools.Preset = "full,runReadTool,runWriteTool,findTools"
		c.OAuth.Clients = []config.OAuthClient{
			{ID: "build", Name: "Build", AuthMethod: config.AuthKey, KeySet: config.KeySet{File: file}, Service: true, Tools: []string{"authenticate"}},
			{ID: "portal", Name: "Portal", AuthMethod: config.AuthSecret, Secret: secret.New(linkedSecret), Introspect: true},
			{ID: "agent", Name: "Agent", AuthMethod: config.AuthSecret, Secret: secret.New(linkedSecret)},
		}
		if provider != nil {
			c.OAuth.IdentityProviders = []config.IdentityProvider{{
				Issuer: provider.URL, KeySet: config.KeySet{URI: provider.URL + "/keys"}, Clients: []string{"agent"}, TenantClaim: "tid", UserClaim: "oid",
			}}
		}
	}})
}

// form posts a form to an endpoint of the authorization server.
func (d *demo) form(t *testing.T, path string, form url.Values, header ...string) answer {
	t.Helper()
	return d.send(t, d.server()+path, strings.NewReader(form.Encode()), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, header...)...)
}

func field(t *testing.T, a answer, name string) any {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(a.body), &members); err != nil {
		t.Fatalf("%d, not JSON: %s", a.status, a.body)
	}
	return members[name]
}

// serviceToken is a Go program's way to a token.
func (d *demo) serviceToken(t *testing.T, key testenv.Signer, name string) string {
	t.Helper()
	now := time.Now()
	a := d.form(t, "/token", url.Values{
		"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion": {key.Sign(t, "JWT", map[string]any{
			"iss": "build", "sub": "build", "aud": d.server(), "jti": name, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
		})},
	})
	access, _ := field(t, a, "access_token").(string)
	if access == "" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	return access
}

// A service reaches its own tools, and nothing of anybody's: not by the names of tools
// and resources, not by those that run others, not by the pages for files.
func TestServiceReachesNobodysData(t *testing.T) {
	t.Parallel()
	key := testenv.NewSigner(t, "k")
	d := startServices(t, key, nil)
	person := d.signIn(t, "ada").Access // somebody is there whose data it could be
	access, since := d.serviceToken(t, key, "one"), time.Now()

	if own := d.call(t, access, "authenticate", `{}`); own.IsError || !strings.Contains(own.text(), "the service build") {
		t.Errorf("its own tool: %s", own.text())
	}
	names := toolNames(t, d.request(t, person, "tools/list", `{}`))
	if len(names) < 40 {
		t.Fatalf("a person sees %d tools", len(names))
	}
	if got := toolNames(t, d.request(t, access, "tools/list", `{}`)); !slices.Equal(got, []string{"authenticate"}) {
		t.Errorf("it sees %v", got)
	}
	for _, name := range names {
		if name == "authenticate" {
			continue
		}
		r := d.call(t, access, name, `{"name":"getEmails","arguments":{},"query":"mail","for":"mail"}`)
		if !r.IsError || !strings.Contains(r.text(), "not_for_services") {
			t.Errorf("%s: %s", name, r.text())
		}
	}
	for _, uri := range []string{"microsoft://profile", "microsoft://calendars", "microsoft://teams", "microsoft://mail/m_aaaaaaaaaa"} {
		if r := d.request(t, access, "resources/read", fmt.Sprintf(`{"uri":%q}`, uri)); r.Error == nil {
			t.Errorf("%s: %s", uri, r.Result)
		}
	}
	for path, body := range map[string]string{"/upload": "bytes", "/download": `{"ticket":"x"}`} {
		a := d.send(t, d.server()+path, strings.NewReader(body), "Authorization", "Bearer "+access, "Content-Type", "application/json")
		if a.status != http.StatusForbidden {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if asked := d.asked(since); len(asked) != 0 {
		t.Errorf("Graph was asked %d times, first for %s", len(asked), asked[0].Path)
	}
	refused, given := 0, 0
	for _, line := range d.audit(t) {
		switch {
		case line.Service == "" || line.UserID != "" || line.TenantID != "":
		case line.Kind == audit.KindIntent && line.Rule == "not_for_services":
			refused++
		case line.Type == "oauth.service_token":
			given++
		}
	}
	if refused < len(names)-1 || given != 1 {
		t.Errorf("the audit has %d refusals and %d tokens of the service", refused, given)
	}
}

func toolNames(t *testing.T, r rpc) (names []string) {
	t.Helper()
	var list struct{ Tools []struct{ Name string } }
	if err := json.Unmarshal(r.Result, &list); err != nil {
		t.Fatal(err)
	}
	for _, tool := range list.Tools {
		names = append(names, tool.Name)
	}
	return names
}

// serviceReport is the line that the scripts print.
type serviceReport struct {
	Tools       []string    `json:"tools"`
	Own         serviceCall `json:"own"`
	Persons     serviceCall `json:"persons"`
	Scope       string      `json:"scope"`
	Refreshable bool        `json:"refreshable"`
	Asked       []string    `json:"asked"`
}

type serviceCall struct {
	Failed bool   `json:"failed"`
	Text   string `json:"text"`
}

func (w *workshop) service(t *testing.T, script string, task map[string]string) serviceReport {
	t.Helper()
	args, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	out := w.run(t, script, string(args))
	var report serviceReport
	if out.err != nil || json.Unmarshal([]byte(out.stdout), &report) != nil {
		t.Fatalf("%v\n%s\n%s", out.err, out.stdout, out.stderr)
	}
	return report
}

// The SDKs' own providers for services get through.
func TestServicesOfTheSDKs(t *testing.T) {
	t.Parallel()
	key := testenv.NewSigner(t, "k")
	for _, script := range []string{"service1.mjs", "service2.mjs"} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t)
			d := startServices(t, key, nil)
			got := w.service(t, script, map[string]string{"url": d.MCPURL, "issuer": d.server(), "id": "build", "key": key.PEM(t)})
			if !slices.Equal(got.Tools, []string{"authenticate"}) || got.Own.Failed || got.Scope != "service" || got.Refreshable {
				t.Errorf("%+v", got)
			}
			if !got.Persons.Failed || !strings.Contains(got.Persons.Text, "not_for_services") {
				t.Errorf("a person's tool: %+v", got.Persons)
			}
		})
	}
}

// A linked service is told what a token is good for, and at once that it is not any more.
func TestIntrospectionFollowsRevocation(t *testing.T) {
	t.Parallel()
	d := startServices(t, testenv.NewSigner(t, "k"), nil)
	client, err := d.browser.Register(t.Context(), d.server(), "Assistant")
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := d.browser.SignInTo(t.Context(), d.server(), client, d.upn(t, "ada"))
	if err != nil {
		t.Fatal(err)
	}
	ask := func() answer {
		return d.form(t, "/introspect", url.Values{"token": {tokens.Access}}, "Authorization", basic("portal"))
	}
	live := ask()
	if field(t, live, "active") != true || field(t, live, "username") != d.upn(t, "ada") || field(t, live, "aud") != d.MCPURL {
		t.Errorf("live: %s", live.body)
	}
	if a := d.form(t, "/revoke", url.Values{"token": {tokens.Refresh}, "client_id": {client}}); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if dead := ask(); dead.status != http.StatusOK || dead.body != "{\"active\":false}\n" {
		t.Errorf("revoked: %d %s", dead.status, dead.body)
	}
}

func basic(id string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+url.QueryEscape(linkedSecret)))
}

// idp is an identity provider of an organization.
type idp struct {
	*httptest.Server
	testenv.Signer
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	p := &idp{Signer: testenv.NewSigner(t, "idp")}
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/keys" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(testenv.Set(t, p.Signer))
	}))
	t.Cleanup(p.Close)
	return p
}

// says is the provider's word for a person.
func (p *idp) says(t *testing.T, d *demo, name string) string {
	t.Helper()
	people := dataset.Load(time.Now()).People
	person := people[slices.IndexFunc(people, func(p dataset.Person) bool { return p.UPN == d.upn(t, name) })].ID
	now := time.Now()
	return p.Sign(t, "oauth-id-jag+jwt", map[string]any{
		"iss": p.URL, "sub": "their name for " + name, "aud": d.server(), "client_id": "agent", "resource": d.MCPURL,
		"jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "tid": d.Simulator.TenantID, "oid": person,
	})
}

// An identity provider's word opens what its person has signed in to, and no more; it
// ends with that sign-in.
func TestIdentityProviderSpeaksForPeople(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	d := startServices(t, testenv.NewSigner(t, "k"), p)
	redeem := func(word string) answer {
		return d.form(t, "/token", url.Values{"grant_type": {jwtBearer}, "assertion": {word}},
			"Authorization", basic("agent"))
	}
	if early := redeem(p.says(t, d, "ada")); field(t, early, "error") != "invalid_grant" || !strings.Contains(early.body, "signing in at Microsoft") {
		t.Errorf("before any sign-in: %s", early.body)
	}
	client, err := d.browser.Register(t.Context(), d.server(), "Assistant")
	if err != nil {
		t.Fatal(err)
	}
	own, err := d.browser.SignInTo(t.Context(), d.server(), client, d.upn(t, "ada"))
	if err != nil {
		t.Fatal(err)
	}
	word := p.says(t, d, "ada")
	got := redeem(word)
	access, _ := field(t, got, "access_token").(string)
	if access == "" || field(t, got, "refresh_token") != nil {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if again := redeem(word); field(t, again, "error") != "invalid_grant" {
		t.Errorf("the same word again: %s", again.body)
	}
	if bruno := redeem(p.says(t, d, "bruno")); field(t, bruno, "error") != "invalid_grant" {
		t.Errorf("for one who has not signed in: %s", bruno.body)
	}
	mine := d.call(t, access, "whoAmI", `{}`)
	if mine.IsError || !strings.Contains(mine.text(), d.upn(t, "ada")) {
		t.Errorf("who it is: %s", mine.text())
	}
	if diff := cmp.Diff(subjects(t, d, own.Access, "inbox"), subjects(t, d, access, "inbox")); diff != "" {
		t.Error(diff)
	}
	if a := d.form(t, "/revoke", url.Values{"token": {own.Refresh}, "client_id": {client}}); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	since := time.Now()
	if a := d.post(t, access, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`); a.status != http.StatusUnauthorized {
		t.Errorf("after the sign-in has ended: %d %s", a.status, a.body)
	}
	if asked := d.asked(since); len(asked) != 0 {
		t.Errorf("Graph was asked for %s", asked[0].Path)
	}
}

// The SDK's own provider for identity providers gets through.
func TestIdentityProviderOfTheSDK(t *testing.T) {
	t.Parallel()
	p, w := newIDP(t), newWorkshop(t)
	d := startServices(t, testenv.NewSigner(t, "k"), p)
	d.signIn(t, "ada")
	got := w.service(t, "service2.mjs", map[string]string{
		"url": d.MCPURL, "issuer": d.server(), "id": "agent", "secret": linkedSecret, "word": p.says(t, d, "ada"),
	})
	if got.Own.Failed || !strings.Contains(got.Own.Text, d.upn(t, "ada")) || got.Persons.Failed || got.Refreshable {
		t.Errorf("%+v", got)
	}
	if len(got.Asked) != 2 || strings.TrimSuffix(got.Asked[0], "/") != d.server() || got.Asked[1] != d.MCPURL {
		t.Errorf("it asked its identity provider for %q", got.Asked)
	}
}
