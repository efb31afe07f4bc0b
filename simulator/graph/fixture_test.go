package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"m365mcp/internal/graphdata"
	"m365mcp/internal/testenv"
	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/service/servicetest"
	"m365mcp/simulator/token"
)

const (
	danaID   = "11111111-1111-4111-8111-111111111111"
	rajID    = "22222222-2222-4222-8222-222222222222"
	lenaID   = "33333333-3333-4333-8333-333333333333" // without a mailbox
	tenantID = "99999999-9999-4999-8999-999999999999"
	inboxLen = 47
)

func fixedNow() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }

func testID(kind string, n int) string { return exchange.ID("AAMkAG", kind, fmt.Sprint(n), 120) }

var (
	dana = dataset.Address{Name: "Dana Ito", Address: "dana@contoso.example"}
	raj  = dataset.Address{Name: "Raj Patel", Address: "raj@contoso.example"}
)

// testTenant is small and has one of everything.
func testTenant() *dataset.Tenant {
	tenant := &dataset.Tenant{ID: tenantID, Name: "Contoso", Domain: "contoso.example", Mailbox: map[string]*dataset.Mailbox{}}
	tenant.People = []dataset.Person{
		{ID: danaID, UPN: dana.Address, Mail: dana.Address, DisplayName: dana.Name, GivenName: "Dana", Surname: "Ito", JobTitle: "CFO", TimeZone: "W. Europe Standard Time", PreferredLanguage: "en-GB"},
		{ID: rajID, UPN: raj.Address, Mail: raj.Address, DisplayName: raj.Name, BusinessPhones: []string{"+1 555 0100"}},
		{ID: lenaID, UPN: "lena@contoso.example", Mail: "lena@contoso.example", DisplayName: "Lena Berg"},
	}
	for _, person := range tenant.People[:2] {
		tenant.Mailbox[person.ID] = testMailbox(person.ID)
	}
	return tenant
}

func testMailbox(person string) *dataset.Mailbox {
	folder := func(n int) string { return testID("folder"+person, n) }
	box := &dataset.Mailbox{Folders: []dataset.Folder{
		{ID: folder(1), Name: "Inbox", WellKnown: "inbox"},
		{ID: folder(2), Name: "Sent Items", WellKnown: "sentitems"},
		{ID: folder(3), Name: "Drafts", WellKnown: "drafts"},
		{ID: folder(4), Name: "Archive", WellKnown: "archive"},
		{ID: folder(5), Name: "Projects"},
		{ID: folder(6), ParentID: folder(5), Name: "Alpha & Omega"},
	}}
	for i := range inboxLen {
		at := fixedNow().Add(-time.Duration(i) * time.Hour)
		m := dataset.Message{
			ID: testID("message"+person, i), FolderID: folder(1), ConversationID: testID("conversation", i/3),
			InternetMessageID: fmt.Sprintf("<%d.%s@contoso.example>", i, person), Subject: fmt.Sprintf("Report %02d", i),
			From: raj, To: []dataset.Address{dana}, Sent: at.Add(-time.Minute), Received: at,
			Body: fmt.Sprintf("Numbers of week %d.", i), Preview: "Numbers", Importance: "normal", Read: i%2 == 0,
		}
		switch i {
		case 3:
			m.Subject, m.HTML, m.Importance = "Budget", true, "high"
			m.Body = "<html><head><style>p{}</style></head><body><p>Approve the &lt;travel&gt; budget</p><p>Thanks</p></body></html>"
			m.Attachments = []dataset.Attachment{
				{ID: testID("file", 1), Name: "budget.xlsx", ContentType: "application/vnd.ms-excel", Content: []byte("cells")},
				{ID: testID("file", 2), Name: "logo.png", ContentType: "image/png", Inline: true, ContentID: "logo", Content: []byte("\x89PNG")},
			}
		case 5:
			m.From, m.CC, m.Flagged, m.Categories = dataset.Address{Name: "Vendor", Address: "sales@vendor.example"}, []dataset.Address{raj}, true, []string{"Red"}
			m.Subject = "It's an offer"
		}
		box.Messages = append(box.Messages, m)
	}
	box.Messages = append(box.Messages, dataset.Message{
		ID: testID("alpha"+person, 1), FolderID: folder(6), ConversationID: testID("conversation", 99), Subject: "Alpha plan", From: raj,
		To: []dataset.Address{dana}, Sent: fixedNow().AddDate(0, -1, 0), Received: fixedNow().AddDate(0, -1, 0), Body: "plan", Read: true,
		InternetMessageID: "<alpha@contoso.example>",
	})
	return box
}

// rig is a server with a client whose every described response is held
// against Microsoft's description.
type rig struct {
	server  *Server
	http    *httptest.Server
	storage *httptest.Server
	data    *graphdata.Data
}

const allScopes = "User.Read Mail.ReadWrite Mail.Send MailboxSettings.Read Calendars.Read"

// newRig verifies tokens of the form "person scope scope"; "expired" and
// "stranger" are persons too.
func newRig(t *testing.T, change ...func(*Options)) *rig {
	t.Helper()
	r := &rig{data: microsoft(t)}
	opts := Options{Tenant: testTenant(), Now: fixedNow, Verify: func(raw string) (token.Claims, error) {
		person, scopes, _ := strings.Cut(raw, " ")
		switch person {
		case "expired":
			return token.Claims{}, fmt.Errorf("checking: %w", token.ErrExpired)
		case danaID, rajID, lenaID, "stranger":
			return token.Claims{TenantID: tenantID, UserID: person, ClientID: "app", Scopes: strings.Fields(scopes), Expires: fixedNow().Add(time.Hour)}, nil
		default:
			return token.Claims{}, token.ErrInvalid
		}
	}}
	r.http, r.storage = httptest.NewUnstartedServer(nil), httptest.NewUnstartedServer(nil)
	opts.StorageURL = "http://" + r.storage.Listener.Addr().String()
	opts.BaseURL = "http://" + r.http.Listener.Addr().String()
	for _, f := range change {
		f(&opts)
	}
	r.server = New(opts)
	r.http.Config.Handler, r.storage.Config.Handler = r.server, r.server.Storage()
	r.http.Start()
	r.storage.Start()
	t.Cleanup(r.storage.Close)
	t.Cleanup(r.http.Close)
	return r
}

// shippedRig serves the data set that ships; who finds a person by local part.
func shippedRig(t *testing.T) (r *rig, who func(string) string) {
	t.Helper()
	tenant := dataset.Load(fixedNow())
	r = newRig(t, func(o *Options) { o.Tenant, o.Verify = tenant, servicetest.Verifier(tenant, fixedNow) })
	return r, func(local string) string {
		t.Helper()
		p, ok := tenant.PersonByUPN(local + "@" + tenant.Domain)
		if !ok {
			t.Fatalf("nobody is called %s", local)
		}
		return p.ID
	}
}

// reply is a response with its body read.
type reply struct {
	status int
	header http.Header
	body   []byte
	json   map[string]any
}

func (r reply) code() string {
	e, ok := r.json["error"].(map[string]any)
	if !ok {
		return ""
	}
	code, _ := e["code"].(string)
	return code
}

func (r reply) values(t *testing.T) []map[string]any {
	t.Helper()
	list, ok := r.json["value"].([]any)
	if !ok {
		t.Fatalf("no list: %d %s", r.status, r.body)
	}
	var out []map[string]any
	for _, item := range list {
		object, ok := item.(map[string]any)
		if !ok {
			t.Fatalf("not an object: %v", item)
		}
		out = append(out, object)
	}
	return out
}

func (r reply) column(t *testing.T, name string) []string {
	t.Helper()
	var out []string
	for _, object := range r.values(t) {
		out = append(out, fmt.Sprint(object[name]))
	}
	return out
}

// do sends a request; path is below /v1.0 or an absolute URL. Headers are
// "Name: value".
func (r *rig) do(t *testing.T, bearer, method, path, body string, headers ...string) reply {
	t.Helper()
	target := path
	if !strings.HasPrefix(path, "http") {
		target = r.http.URL + "/v1.0" + path
	}
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := r.http.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	out := reply{status: resp.StatusCode, header: resp.Header}
	out.body, err = io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(out.body, &out.json); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, out.body)
		}
	}
	if !strings.HasPrefix(target, r.storage.URL) {
		r.checkDescribed(t, method, req.URL.EscapedPath(), out)
	}
	return out
}

// checkDescribed holds an answer against Microsoft's description. The time zone
// property is a part of mailboxSettings and described by it.
func (r *rig) checkDescribed(t *testing.T, method, path string, out reply) {
	t.Helper()
	template := r.server.Match(method, path)
	if template == "" || strings.HasSuffix(template, "/timeZone") {
		return
	}
	found, err := described(r.data, method, template)
	if err == nil {
		err = r.data.CheckResponse(method, found, out.status, out.header.Get("Content-Type"), out.body)
	}
	if err != nil {
		t.Errorf("%s %s: %d contradicts Microsoft's description: %v", method, path, out.status, err)
	}
}

var (
	placeholder = regexp.MustCompile(`\{[^}]+\}`)
	namedItem   = regexp.MustCompile(`/(root|special/x)(/|$)`)
)

// described is the template by which Microsoft describes an operation. The root
// and the special folders of a drive are items like any other.
func described(data *graphdata.Data, method, template string) (string, error) {
	path := placeholder.ReplaceAllString(template, "x")
	found, err := data.Find(method, path)
	if err != nil {
		if item, again := data.Find(method, namedItem.ReplaceAllString(path, "/items/x$2")); again == nil {
			return item.Template, nil
		}
	}
	return found.Template, err
}

// microsoft loads Microsoft's description, or skips the test.
func microsoft(t *testing.T) *graphdata.Data {
	t.Helper()
	data, err := graphdata.Load(testenv.GraphData(t))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (r *rig) get(t *testing.T, path string, headers ...string) reply {
	t.Helper()
	return r.do(t, danaID+" "+allScopes, "GET", path, "", headers...)
}

func q(pairs ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return "?" + values.Encode()
}

func wantError(t *testing.T, r reply, status int, code string) {
	t.Helper()
	if r.status != status || r.code() != code {
		t.Errorf("got %d %s (%s), want %d %s", r.status, r.code(), r.body, status, code)
	}
	if r.header.Get("request-id") == "" {
		t.Error("an error without request-id")
	}
}
