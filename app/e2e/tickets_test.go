package e2e_test

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"time"

	"m365mcp/app"
	"m365mcp/config"
	"m365mcp/internal/headless"
)

// links are the two tools that give a person a link to a file's bytes.
var links = map[string]struct{ tool, args, path string }{
	"a file":        {"getFileLink", `{"id":"${file}"}`, "downloadUrl"},
	"an attachment": {"getAttachment", `{"emailId":"${mail}","attachmentId":"${attachment}","mode":"link"}`, "link"},
	"of an event":   {"getAttachment", `{"eventId":"${review}","attachmentId":"${agenda}","mode":"link"}`, "link"},
}

func (s *session) link(t *testing.T, kind string) string {
	t.Helper()
	from := links[kind]
	r := s.call(t, s.token, from.tool, s.fill(t, from.args))
	link, _ := at(t, r.Structured, from.path).(string)
	if r.IsError || !strings.HasPrefix(link, s.server()+"/tickets/") {
		t.Fatalf("%s: %q in %s", kind, link, r.text())
	}
	return link
}

// fetch sends a request with a bearer token; redirects are not followed.
func (d *demo) fetch(t *testing.T, method, target, token, body string, header ...string) headless.Answer {
	t.Helper()
	if token != "" {
		header = append(header, "Authorization", "Bearer "+token)
	}
	a, err := headless.New(d.transport).Fetch(t.Context(), method, target, body, header...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

func (d *demo) redeem(t *testing.T, token, link string) headless.Answer {
	t.Helper()
	return d.fetch(t, http.MethodPost, d.server()+"/download", token, url.Values{"ticket": {link}}.Encode(), "Content-Type", formType)
}

// A program with the token of its own grant gets the bytes, once; nobody else does,
// and a bare GET gets nothing, not even the name.
func TestDownloadByBearer(t *testing.T) {
	t.Parallel()
	d := startDemo(t, withTools("full"))
	ada, bruno := d.session(t, "ada"), d.session(t, "bruno")
	secondClient := d.signIn(t, "ada").Access
	for kind := range links {
		link := ada.link(t, kind)
		for name, a := range map[string]headless.Answer{
			"another person":  d.redeem(t, bruno.token, link),
			"another grant":   d.redeem(t, secondClient, link),
			"no ticket":       d.redeem(t, ada.token, ""),
			"a made-up one":   d.redeem(t, ada.token, d.server()+"/tickets/"+strings.Repeat("A", 43)),
			"a longer one":    d.redeem(t, ada.token, link+"A"),
			"of another host": d.redeem(t, ada.token, strings.Replace(link, d.server(), "https://evil.example", 1)),
		} {
			if a.Status != http.StatusNotFound || !strings.Contains(a.Body, `"not_found"`) {
				t.Errorf("%s, %s: %d %s", kind, name, a.Status, a.Body)
			}
		}
		if a := d.redeem(t, "", link); a.Status != http.StatusUnauthorized {
			t.Errorf("%s, no bearer: %d", kind, a.Status)
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			a := d.fetch(t, method, link, ada.token, "")
			if a.Status != http.StatusOK || a.Header.Get("Content-Disposition") != "" || strings.Contains(a.Body, ".pdf") || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
				t.Errorf("%s, a bare %s: %d %v %s", kind, method, a.Status, a.Header, a.Body)
			}
		}
		for name, tc := range map[string]struct {
			contentType, body string
			status            int
		}{
			"plain text":  {"text/plain", link, http.StatusUnsupportedMediaType},
			"no type":     {"", link, http.StatusBadRequest},
			"broken JSON": {jsonType, `{"ticket":`, http.StatusBadRequest},
			"a number":    {jsonType, `{"ticket":7}`, http.StatusBadRequest},
			"too long":    {formType, "ticket=" + strings.Repeat("x", 9000), http.StatusBadRequest},
		} {
			a := d.fetch(t, http.MethodPost, d.server()+"/download", ada.token, tc.body, "Content-Type", tc.contentType)
			if a.Status != tc.status || !strings.Contains(a.Body, `"invalid_request"`) {
				t.Errorf("%s, %s: %d %s", kind, name, a.Status, a.Body)
			}
		}
		if a := d.fetch(t, http.MethodGet, d.server()+"/download?ticket="+url.QueryEscape(link), ada.token, ""); a.Status != http.StatusMethodNotAllowed {
			t.Errorf("%s, GET /download: %d %s", kind, a.Status, a.Body)
		}
		a := d.redeem(t, ada.token, link)
		if a.Status != http.StatusOK || len(a.Body) < 100 || !strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment; ") ||
			a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d, %d bytes, %v", kind, a.Status, len(a.Body), a.Header)
		}
		if a := d.redeem(t, ada.token, link); a.Status != http.StatusNotFound {
			t.Errorf("%s, for the second time: %d", kind, a.Status)
		}
	}
}

// A ticket ends with its ten minutes, and with the grant that it was issued to.
func TestTicketsEnd(t *testing.T) {
	t.Parallel()
	c := &clock{}
	d := startDemo(t, app.DemoOptions{App: app.Options{Now: c.now}, Configure: func(c *config.Config) { c.Tools.Preset = "full" }})
	id, err := d.browser.Register(t.Context(), d.server(), "Short-lived")
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := d.browser.SignInTo(t.Context(), d.server(), id, d.upn(t, "ada"))
	if err != nil {
		t.Fatal(err)
	}
	ada := d.sessionOf(tokens.Access)
	late := ada.link(t, "a file")
	c.advance(11 * time.Minute)
	if a := d.redeem(t, ada.token, late); a.Status != http.StatusNotFound {
		t.Errorf("after eleven minutes: %d", a.Status)
	}
	if a := d.fetch(t, http.MethodGet, late, "", ""); a.Status != http.StatusNotFound {
		t.Errorf("its page after eleven minutes: %d", a.Status)
	}

	// Ada has the page open in her browser, signed in, when the connection is revoked.
	link := ada.link(t, "a file")
	page := d.person(t, "ada", link)
	if !strings.Contains(page.body, "Download") {
		t.Fatalf("the page is %s", page.body)
	}
	start := c.now()
	if a, err := d.browser.PostForm(t.Context(), d.server()+"/revoke", url.Values{"token": {tokens.Refresh}, "client_id": {id}}); err != nil || a.Status != http.StatusOK {
		t.Fatalf("revoke: %+v, %v", a, err)
	}
	if a := page.submit(t); a.Status != http.StatusForbidden && a.Status != http.StatusNotFound || strings.Contains(a.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("the page's button after the revocation: %d %s", a.Status, a.Body)
	}
	if a := d.redeem(t, ada.token, link); a.Status != http.StatusUnauthorized {
		t.Errorf("the bearer after the revocation: %d %s", a.Status, a.Body)
	}
	d.stop() // every request has its record then
	if asked := d.asked(start); len(asked) > 0 {
		t.Errorf("after the revocation %d requests reached Graph: %+v", len(asked), asked[0])
	}
}

// ticketPage is a ticket's page in the browser of somebody who has signed in there.
type ticketPage struct {
	demo       *demo
	browser    *headless.Browser
	link, body string
}

// person opens a link, presses the sign-in button and signs in.
func (d *demo) person(t *testing.T, name, link string) ticketPage {
	t.Helper()
	b := headless.New(d.transport)
	get := func(a headless.Answer, err error) headless.Answer {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := get(b.Fetch(t.Context(), http.MethodGet, link, ""))
	a = get(b.PostForm(t.Context(), d.server()+"/signin", hiddenOf(a.Body)))
	at, err := url.Parse(link)
	for range 10 {
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case a.Header.Get("Location") != "":
			at, err = at.Parse(a.Header.Get("Location"))
			if err == nil {
				a = get(b.Fetch(t.Context(), http.MethodGet, at.String(), ""))
			}
		case at.Host == hostOf(t, d.EntraURL):
			form := hiddenOf(a.Body)
			form.Set("user", d.upn(t, name))
			_, action, _ := strings.Cut(a.Body, `action="`)
			action, _, _ = strings.Cut(action, `"`)
			if at, err = at.Parse(action); err == nil {
				a = get(b.PostForm(t.Context(), at.String(), form))
			}
		default:
			return ticketPage{d, b, link, a.Body}
		}
	}
	t.Fatalf("the sign-in ends at %s with %d", at, a.Status)
	return ticketPage{}
}

func (p ticketPage) submit(t *testing.T) headless.Answer {
	t.Helper()
	a, err := p.browser.PostForm(t.Context(), p.link, hiddenOf(p.body))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func hiddenOf(page string) url.Values {
	form := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], m[2])
	}
	return form
}

// multipartForm is a form with one file in it.
func multipartForm(t *testing.T, name, contentType string, content []byte) (formType, body string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="` + name + `"`}, "Content-Type": {contentType},
	})
	if err == nil {
		_, err = part.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.String()
}

type uploadAnswer struct {
	ID, Name, SHA256 string
	Size             int64
}

// upload sends a file with the bearer.
func (s *session) upload(t *testing.T, query, body string, header ...string) (out uploadAnswer) {
	t.Helper()
	a := s.fetch(t, http.MethodPost, s.server()+"/upload"+query, s.token, body, header...)
	if err := json.Unmarshal([]byte(a.Body), &out); err != nil || a.Status != http.StatusCreated {
		t.Fatalf("upload: %d %s", a.Status, a.Body)
	}
	return out
}

// A program uploads a file, and the tools save and attach it, for its person alone.
func TestUploadByBearer(t *testing.T) {
	t.Parallel()
	d := startDemo(t, withTools("full"))
	ada, bruno := d.session(t, "ada"), d.session(t, "bruno")
	content := strings.Repeat("Bytes of a file, \x00 ones too.\n", 1000)

	raw := ada.upload(t, "?name=plan.bin", content, "Content-Type", "application/octet-stream")
	formType, form := multipartForm(t, "r\u00e9sum\u00e9 \u4e00.txt", "text/plain", []byte("words of the form's file"))
	posted := ada.upload(t, "", form, "Content-Type", formType)
	climbing := ada.upload(t, "?name="+url.QueryEscape("../../etc/passwd\r\nX: y"), "x", "Content-Type", "text/plain")
	if raw.Name != "plan.bin" || raw.Size != int64(len(content)) || posted.Name != "résumé 一.txt" || strings.ContainsAny(climbing.Name, "/\r\n") {
		t.Errorf("uploads: %+v, %+v, %+v", raw, posted, climbing)
	}

	var saved struct{ ID string }
	decodeResult(t, ada.call(t, ada.token, "uploadFile", `{"uploadId":"`+raw.ID+`","name":"saved plan.bin","path":"Documents"}`), &saved)
	link, _ := at(t, ada.call(t, ada.token, "getFileLink", `{"id":"`+saved.ID+`"}`).Structured, "downloadUrl").(string)
	if a := d.redeem(t, ada.token, link); a.Body != content {
		t.Errorf("what was saved has %d bytes, not %d", len(a.Body), len(content))
	}
	draft := ada.thing(t, "draft")
	if r := ada.call(t, ada.token, "addDraftAttachment", `{"emailId":"`+draft+`","attachment":"`+posted.ID+`"}`); r.IsError {
		t.Errorf("attach: %s", r.text())
	}
	var mails struct {
		Value []struct {
			Subject     string
			Attachments []struct{ Name, ContentBytes string }
		}
	}
	d.witness(t, "ada").get(t, "/me/mailFolders/drafts/messages?$expand=attachments&$orderby=createdDateTime desc&$top=1", &mails)
	if m := mails.Value; len(m) != 1 || len(m[0].Attachments) != 1 || m[0].Attachments[0].Name != posted.Name {
		t.Errorf("the draft at Microsoft: %+v", m)
	}

	for name, r := range map[string]result{
		"saved":    bruno.call(t, bruno.token, "uploadFile", `{"uploadId":"`+raw.ID+`","name":"stolen.bin"}`),
		"attached": bruno.call(t, bruno.token, "addDraftAttachment", `{"emailId":"`+bruno.thing(t, "draft")+`","attachment":"`+raw.ID+`"}`),
		"made up":  ada.call(t, ada.token, "uploadFile", `{"uploadId":"up_aaaaaaaaaa","name":"x.bin"}`),
	} {
		if !r.IsError || !strings.Contains(r.text(), "What to do:") {
			t.Errorf("%s: %s", name, r.text())
		}
	}
}

func TestBadUploads(t *testing.T) {
	t.Parallel()
	d := startDemo(t, withTools("full"))
	ada := d.session(t, "ada")
	_, form := multipartForm(t, "a.txt", "text/plain", []byte("x"))
	for name, tc := range map[string]struct {
		method, token, body string
		header              []string
		status              int
	}{
		"GET":                 {http.MethodGet, ada.token, "", nil, http.StatusMethodNotAllowed},
		"no bearer":           {http.MethodPost, "", "x", nil, http.StatusUnauthorized},
		"a wrong bearer":      {http.MethodPost, "wrong", "x", nil, http.StatusUnauthorized},
		"a form without file": {http.MethodPost, ada.token, "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--b--\r\n", []string{"Content-Type", "multipart/form-data; boundary=b"}, http.StatusBadRequest},
		"no boundary":         {http.MethodPost, ada.token, form, []string{"Content-Type", "multipart/form-data"}, http.StatusBadRequest},
		"a cut form":          {http.MethodPost, ada.token, "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n1", []string{"Content-Type", "multipart/form-data; boundary=b"}, http.StatusBadRequest},
		"another host":        {http.MethodPost, ada.token, "x", []string{"Host", "evil.example"}, http.StatusForbidden},
	} {
		if a := d.fetch(t, tc.method, d.server()+"/upload?name=a.txt", tc.token, tc.body, tc.header...); a.Status != tc.status {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	// 150 MB are allowed; the announced length is refused before anything is sent.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.server()+"/upload?name=large.bin", neverRead{t})
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = 200e6
	req.Header.Set("Authorization", "Bearer "+ada.token)
	req.Header.Set("Expect", "100-continue")
	transport := &http.Transport{ExpectContinueTimeout: 20 * time.Second}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("200 MB: %d, %v", resp.StatusCode, err)
	}
}

// neverRead is a body that nobody may ask for.
type neverRead struct{ t *testing.T }

func (n neverRead) Read([]byte) (int, error) {
	n.t.Error("the body was sent")
	return 0, http.ErrBodyNotAllowed
}
