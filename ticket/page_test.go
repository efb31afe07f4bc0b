package ticket_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"m365mcp/authserver"
	"m365mcp/blob"
	"m365mcp/identity"
	"m365mcp/internal/headless"
	"m365mcp/ticket"
)

// TestDownloadByPage is the whole way of a person who clicks on a link in a chat.
func TestDownloadByPage(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	_, p := h.connect(t, ann)
	link := h.issue(t, p, report)
	if !regexp.MustCompile(`^` + regexp.QuoteMeta(h.URL) + `/tickets/[A-Za-z0-9_-]{43}$`).MatchString(link) {
		t.Fatalf("link %q", link)
	}
	b := h.browser()
	page := b.get(t, link)
	wantPage(t, page, http.StatusOK, "Sign in to continue")
	if strings.Contains(page.Body, "Bericht") {
		t.Error("a stranger reads the file's name")
	}
	wantPage(t, b.post(t, link, form(t, page)), http.StatusForbidden, "Sign in to continue")

	page = b.signIn(t, link, ann)
	wantPage(t, page, http.StatusOK, "Bericht &lt;März&gt;.pdf", "210 kB", ann, "works once")
	wantFile(t, b.post(t, link, form(t, page)))
	h.settled()
	wantPage(t, b.get(t, link), http.StatusNotFound, "This link does not work")
	wantPage(t, b.post(t, link, form(t, page)), http.StatusNotFound, "This link does not work")
	wantEvents(t, h, "ticket.issued", "ticket.redeemed")
	if e := h.audit.last(t); e.Who.GrantID != p.GrantID || e.Who.UserKey() != p.UserKey() || e.Attr["via"] != "page" || e.Attr["kind"] != "download" || len(e.Attr["ticket"]) != 16 {
		t.Errorf("event %+v", e)
	}
}

// TestLookingChangesNothing: scanners, previews and reloads neither get bytes nor use the link up.
func TestLookingChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	_, p := h.connect(t, ann)
	link := h.issue(t, p, report)
	b := h.browser()
	b.signIn(t, link, ann)
	token := form(t, b.get(t, link)).Get("csrf_token")
	for _, browser := range []browser{b, h.browser()} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			for _, to := range []string{link, link + "?csrf_token=" + token, link + "?download=1"} {
				a, err := browser.Fetch(t.Context(), method, to, "")
				must(t, err)
				wantPage(t, a, http.StatusOK)
				if strings.Contains(a.Body, "quarterly report") || a.Header.Get("Content-Disposition") != "" {
					t.Errorf("%s %s delivers the file", method, to)
				}
			}
		}
		a, err := browser.Fetch(t.Context(), http.MethodPut, link, "")
		must(t, err)
		wantPage(t, a, http.StatusMethodNotAllowed)
	}
	wantEvents(t, h, "ticket.issued")
	wantFile(t, b.post(t, link, form(t, b.get(t, link))))
}

// TestForeignForms: only the person's own page can press the button.
func TestForeignForms(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	_, p := h.connect(t, ann)
	link, upload := h.issue(t, p, report), h.issue(t, p, ticket.Item{Kind: ticket.Upload})
	b, other := h.browser(), h.browser()
	good := form(t, b.signIn(t, link, ann))
	foreign := form(t, other.signIn(t, link, ann)) // another session of hers
	for name, try := range map[string]func() headless.Answer{
		"no token":       func() headless.Answer { return b.post(t, link, url.Values{}) },
		"another token":  func() headless.Answer { return b.post(t, link, foreign) },
		"cross-site":     func() headless.Answer { return b.post(t, link, good, "Sec-Fetch-Site", "cross-site") },
		"same site":      func() headless.Answer { return b.post(t, link, good, "Sec-Fetch-Site", "same-site") },
		"typed address":  func() headless.Answer { return b.post(t, link, good, "Sec-Fetch-Site", "none") },
		"upload":         func() headless.Answer { return b.send(t, upload, url.Values{"csrf_token": {"x"}}, "a.txt", content) },
		"upload, others": func() headless.Answer { return b.send(t, upload, foreign, "a.txt", content) },
	} {
		a := try()
		wantPage(t, a, http.StatusForbidden, "Try once more")
		if strings.Contains(a.Body, "quarterly report") {
			t.Errorf("%s delivers the file", name)
		}
		if e := h.audit.last(t); e.Type != "ticket.refused" || e.Attr["reason"] != "foreign form" {
			t.Errorf("%s: %+v", name, e)
		}
	}
	wantFile(t, b.post(t, link, good, "Sec-Fetch-Site", "same-origin"))
}

// TestAnotherPerson is told, learns nothing else, and can change accounts.
func TestAnotherPerson(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	_, p := h.connect(t, ann)
	link := h.issue(t, p, report)
	b := h.browser()
	page := b.signIn(t, link, bob)
	wantPage(t, page, http.StatusForbidden, "another person", bob)
	again := b.post(t, link, form(t, page))
	wantPage(t, again, http.StatusForbidden, "another person")
	for _, a := range []headless.Answer{page, again} {
		if strings.Contains(a.Body, "Bericht") || strings.Contains(a.Body, ann) || strings.Contains(a.Body, "quarterly") {
			t.Errorf("bob reads %s", a.Body)
		}
	}
	wantEvents(t, h, "ticket.issued", "ticket.refused", "ticket.refused")
	if e := h.audit.last(t); e.Who.UPN != bob || e.Attr["reason"] != "another person" {
		t.Errorf("event %+v", e)
	}
	page = b.follow(t, b.post(t, h.URL+"/signin", form(t, page)), h.URL, ann)
	wantPage(t, page, http.StatusOK, ann)
	wantFile(t, b.post(t, link, form(t, page)))
}

// TestGoneLooksTheSame: whoever asks learns nothing about which tickets there were.
func TestGoneLooksTheSame(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	access, p := h.connect(t, ann)
	used, expired, open := h.issue(t, p, report), h.issue(t, p, report), h.issue(t, p, report)
	b := h.browser()
	b.signIn(t, open, ann)
	wantFile(t, h.redeem(t, access, used))
	h.settled()
	h.advance(10 * time.Minute)
	unknown := h.URL + "/tickets/" + strings.Repeat("A", 43)
	var first string
	for _, browser := range []browser{b, h.browser()} {
		for _, link := range []string{used, expired, unknown, h.URL + "/tickets/", h.URL + "/tickets/x", unknown + "/x", unknown[:len(unknown)-1] + "B", used + "A"} {
			a := browser.get(t, link)
			wantPage(t, a, http.StatusNotFound, "Ask your assistant for a new one")
			if first == "" {
				first = a.Body
			}
			if a.Body != first || a.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s looks different: %v %s", link, a.Header, a.Body)
			}
			if a := browser.post(t, link, url.Values{}); a.Status != http.StatusNotFound || a.Body != first {
				t.Errorf("POST %s looks different: %d %s", link, a.Status, a.Body)
			}
			wantError(t, h.redeem(t, access, link), http.StatusNotFound, "not_found")
		}
	}
}

// TestRevoked: a link ends with the connection it was made for, though the person's
// browser is signed in.
func TestRevoked(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	access, p := h.connect(t, ann)
	link, upload := h.issue(t, p, report), h.issue(t, p, ticket.Item{Kind: ticket.Upload})
	b := h.browser()
	page := b.signIn(t, link, ann)
	must(t, h.auth.Revoke(t.Context(), authserver.Selector{GrantID: p.GrantID}, "test"))
	wantPage(t, b.post(t, link, form(t, page)), http.StatusForbidden, "has ended")
	wantPage(t, b.send(t, upload, form(t, page), "a.txt", content), http.StatusForbidden, "has ended")
	if e := h.audit.last(t); e.Type != "ticket.refused" || e.Attr["reason"] != "no grant" {
		t.Errorf("event %+v", e)
	}
	if a := h.redeem(t, access, link); a.Status != http.StatusUnauthorized {
		t.Errorf("bearer: %d", a.Status)
	}
}

// send submits the upload form with a file.
func (b browser) send(t *testing.T, link string, fields url.Values, name string, content []byte) headless.Answer {
	t.Helper()
	body, contentType := multipartBody(t, fields, name, content)
	a, err := b.Fetch(t.Context(), http.MethodPost, link, body, "Content-Type", contentType)
	must(t, err)
	return a
}

func multipartBody(t *testing.T, fields url.Values, name string, content []byte) (body, contentType string) {
	t.Helper()
	var buffer bytes.Buffer
	w := multipart.NewWriter(&buffer)
	for field := range fields {
		must(t, w.WriteField(field, fields.Get(field)))
	}
	part, err := w.CreateFormFile("file", name)
	must(t, err)
	_, err = part.Write(content)
	must(t, err)
	must(t, w.Close())
	return buffer.String(), w.FormDataContentType()
}

// TestUploadByPage takes a file from the form into the person's spool.
func TestUploadByPage(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	_, p := h.connect(t, ann)
	issued, err := h.tickets.Issue(t.Context(), p, ticket.Item{Kind: ticket.Upload})
	must(t, err)
	if _, err := h.spool.Open(t.Context(), p, issued.UploadID); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("before the upload: %v", err)
	}
	link, b := issued.URL, h.browser()
	page := b.signIn(t, link, ann)
	wantPage(t, page, http.StatusOK, `enctype="multipart/form-data"`, `type="file"`, "150 MB")
	wantPage(t, b.send(t, link, form(t, page), "", nil), http.StatusBadRequest, "No file was sent")
	wantPage(t, b.post(t, link, form(t, page)), http.StatusBadRequest, "not well-formed")

	done := b.send(t, link, form(t, page), `..\<b>Plan.txt`, content)
	wantPage(t, done, http.StatusOK, "Tell your assistant", "&lt;b&gt;", "210 kB", `value="`+issued.UploadID+`" readonly`)
	file, err := h.spool.Open(t.Context(), p, issued.UploadID)
	must(t, err)
	defer func() { must(t, file.Close()) }()
	got := make([]byte, file.Size())
	if _, err := file.ReadAt(got, 0); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	wantPage(t, b.send(t, link, form(t, page), "a.txt", content), http.StatusNotFound)
	wantEvents(t, h, "ticket.issued", "ticket.redeemed")
}

// TestZone: the pages' times are those of the person's mailbox, with the zone.
func TestZone(t *testing.T) {
	t.Parallel()
	for zone, want := range map[string]string{"Asia/Tokyo": "Asia/Tokyo", "": "UTC", "Mars/Olympus": "UTC"} {
		h := newHarness(t)
		_, p := h.connect(t, ann)
		for _, item := range []ticket.Item{{Kind: ticket.Upload, Zone: zone}, {Kind: ticket.Download, Tool: "file_bytes", Zone: zone}} {
			link, err := h.tickets.Issue(t.Context(), p, item)
			must(t, err)
			place, err := time.LoadLocation(want)
			must(t, err)
			page := h.browser().signIn(t, link.URL, ann)
			wantPage(t, page, http.StatusOK, "until "+link.Expires.In(place).Format("15:04")+" ("+want+").")
		}
		link, b := h.issue(t, p, ticket.Item{Kind: ticket.Upload, Zone: zone}), h.browser()
		wantPage(t, b.send(t, link, form(t, b.signIn(t, link, ann)), "a.txt", content), http.StatusOK, "("+want+")")
	}
}

// TestReference: what a page says of its failure finds the line in the log. What is
// gone has none: its page is the same for everybody.
func TestReference(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	h := newHarness(t, func(o *ticket.Options, _ *blob.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	_, p := h.connect(t, ann)
	link := h.issue(t, p, report)
	b := h.browser()
	page := b.signIn(t, link, ann)
	seen := map[string]bool{}
	for name, try := range map[string]func() headless.Answer{
		"refused": func() headless.Answer {
			h.serve(func(context.Context, identity.Principal, string, json.RawMessage, func(string, int64) (io.Writer, error)) error {
				return &ticket.RefusalError{Text: "Not allowed."}
			})
			return b.post(t, link, form(t, page))
		},
		"failed": func() headless.Answer {
			h.serve(func(context.Context, identity.Principal, string, json.RawMessage, func(string, int64) (io.Writer, error)) error {
				return errDown
			})
			return b.post(t, link, form(t, page))
		},
		"a wrong method": func() headless.Answer {
			a, err := b.Fetch(t.Context(), http.MethodDelete, link, "")
			must(t, err)
			return a
		},
	} {
		a := try()
		m := regexp.MustCompile(`Reference: ([A-Z2-7]{8})<`).FindStringSubmatch(a.Body)
		if m == nil || seen[m[1]] {
			t.Fatalf("%s: the page has no reference of its own: %s", name, a.Body)
		}
		seen[m[1]] = true
		if !strings.Contains(log.String(), "reference="+m[1]+"\n") {
			t.Errorf("%s: no line has %s: %s", name, m[1], log.String())
		}
	}
}

// lockedBuffer is a log that is written and read at once.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string { b.mu.Lock(); defer b.mu.Unlock(); return b.Buffer.String() }

// TestUploadTooLarge: the refusal does not use the link up.
func TestUploadTooLarge(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(_ *ticket.Options, o *blob.Options) { o.Limits.Each = 1000 })
	_, p := h.connect(t, ann)
	link := h.issue(t, p, ticket.Item{Kind: ticket.Upload})
	b := h.browser()
	page := b.signIn(t, link, ann)
	wantPage(t, b.send(t, link, form(t, page), "a.txt", content[:1001]), http.StatusRequestEntityTooLarge, "larger than")
	wantEvents(t, h, "ticket.issued", "ticket.redeemed", "ticket.failed")
	wantPage(t, b.send(t, link, form(t, page), "a.txt", content[:1000]), http.StatusOK)
}

// TestSealed: the database holds neither tokens nor what they are for.
func TestSealed(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	_, p := h.connect(t, ann)
	token := h.issue(t, p, report)[len(h.URL)+len("/tickets/"):]
	h.browser().signIn(t, h.URL+"/tickets/"+token, ann) // its way back holds the token
	for _, suffix := range []string{"", "-wal"} {
		stored, err := os.ReadFile(h.path + suffix)
		must(t, err)
		for _, text := range []string{token, token[:20], "secret-item", "file_bytes", "Bericht"} {
			if bytes.Contains(stored, []byte(text)) {
				t.Errorf("test.db%s holds %q", suffix, text)
			}
		}
	}
}
