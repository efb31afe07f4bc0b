package ticket_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"m365mcp/blob"
	"m365mcp/identity"
	"m365mcp/internal/headless"
	"m365mcp/ticket"
)

// TestDownloadByBearer: a program presents the ticket with the token of its grant.
func TestDownloadByBearer(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	access, p := h.connect(t, ann)
	sameName, _ := h.connect(t, ann) // hers as well, by another client
	stranger, _ := h.connect(t, bob)
	h.serve(func(ctx context.Context, who identity.Principal, tool string, args json.RawMessage, begin func(string, int64) (io.Writer, error)) error {
		if who.GrantID != p.GrantID || tool != report.Tool || string(args) != string(report.Args) {
			t.Errorf("fetch %s %s for %+v", tool, args, who)
		}
		return delivering("text/html", content)(ctx, who, tool, args, begin)
	})
	link := h.issue(t, p, report)
	upload := h.issue(t, p, ticket.Item{Kind: ticket.Upload})
	for name, a := range map[string]headless.Answer{
		"another grant":  h.redeem(t, sameName, link),
		"another person": h.redeem(t, stranger, link),
		"an upload":      h.redeem(t, access, upload),
		"nothing":        h.redeem(t, access, ""),
	} {
		t.Log(name)
		wantError(t, a, http.StatusNotFound, "not_found")
	}
	if e := h.audit.last(t); e.Type != "ticket.refused" || e.Attr["reason"] != "another grant" {
		t.Errorf("event %+v", e)
	}
	wantError(t, h.bearer(t, access, "/download", "text/plain", link), http.StatusUnsupportedMediaType, "invalid_request")
	wantError(t, h.bearer(t, access, "/download", "application/json", `{"ticket":1}`), http.StatusBadRequest, "invalid_request")
	wantError(t, h.bearer(t, access, "/download", "application/json", `{"ticket":"`+strings.Repeat("a", 9000)+`"}`), http.StatusBadRequest, "invalid_request")
	if a := h.redeem(t, "forged", link); a.Status != http.StatusUnauthorized || a.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("no bearer: %d", a.Status)
	}
	for _, path := range []string{"/download", "/upload"} {
		a := h.browser().get(t, h.URL+path+"?ticket="+url.QueryEscape(link), "Authorization", "Bearer "+access)
		wantError(t, a, http.StatusMethodNotAllowed, "invalid_request")
	}

	wantFile(t, h.redeem(t, access, link))
	h.settled()
	wantError(t, h.redeem(t, access, link), http.StatusNotFound, "not_found")
	token := strings.TrimPrefix(h.issue(t, p, report), h.URL+"/tickets/")
	wantFile(t, h.bearer(t, access, "/download", "application/json", `{"ticket":"`+token+`"}`))
}

// TestTwoAtOnce: of many redemptions at once one runs, and then the ticket is used.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	access, p := h.connect(t, ann)
	link := h.issue(t, p, report)
	const others = 7
	refused := make(chan struct{}, others)
	h.serve(func(ctx context.Context, p identity.Principal, tool string, args json.RawMessage, begin func(string, int64) (io.Writer, error)) error {
		for range others { // the first one ends when all others have been answered
			<-refused
		}
		return delivering("", content)(ctx, p, tool, args, begin)
	})
	var mu sync.Mutex
	status := map[int]int{}
	var wg sync.WaitGroup
	for range others + 1 {
		wg.Go(func() {
			a := h.redeem(t, access, link)
			if a.Status == http.StatusConflict {
				refused <- struct{}{}
			}
			mu.Lock()
			defer mu.Unlock()
			status[a.Status]++
		})
	}
	wg.Wait()
	h.settled()
	if status[http.StatusOK] != 1 || status[http.StatusConflict] != others {
		t.Errorf("answers %v", status)
	}
	wantError(t, h.redeem(t, access, link), http.StatusNotFound, "not_found")
}

// TestFailedDownload: what did not arrive can be fetched again.
func TestFailedDownload(t *testing.T) {
	t.Parallel()
	type begin = func(string, int64) (io.Writer, error)
	for name, c := range map[string]struct {
		fetch  func(begin) error
		status int
		code   string
	}{
		"not reached":  {func(begin) error { return errors.New("connection refused") }, http.StatusBadGateway, "upstream_error"},
		"refused":      {func(begin) error { return &ticket.RefusalError{Text: "Policy says no."} }, http.StatusForbidden, "refused"},
		"nothing came": {func(begin) error { return nil }, http.StatusBadGateway, "upstream_error"},
		"breaks off": {func(b begin) error {
			w, err := b("", int64(len(content)))
			if err == nil {
				_, err = w.Write(content[:100])
			}
			return errors.Join(err, errors.New("connection reset"))
		}, 0, ""},
		"too short": {func(b begin) error {
			w, err := b("", int64(len(content)))
			if err == nil {
				_, err = w.Write(content[:100_000])
			}
			return err
		}, 0, ""},
		"breaks off, of unknown length": {func(b begin) error {
			w, err := b("", -1)
			if err == nil {
				_, err = w.Write(content)
			}
			return errors.Join(err, errors.New("connection reset"))
		}, 0, ""},
		"begins twice": {func(b begin) error {
			_, first := b("", -1)
			_, second := b("", -1)
			return errors.Join(first, second)
		}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			access, p := h.connect(t, ann)
			link := h.issue(t, p, report)
			h.serve(func(_ context.Context, _ identity.Principal, _ string, _ json.RawMessage, b func(string, int64) (io.Writer, error)) error {
				return c.fetch(b)
			})
			a, err := h.browser().PostBearer(t, access, link)
			if c.status == 0 {
				if err == nil {
					t.Errorf("a part passes for the whole: %d, %d bytes", a.Status, len(a.Body))
				}
			} else {
				must(t, err)
				wantError(t, a, c.status, c.code)
				if c.code == "refused" && !strings.Contains(a.Body, "Policy says no.") {
					t.Error(a.Body)
				}
			}
			h.serve(delivering("", content))
			wantFile(t, h.redeem(t, access, link))
			wantEvents(t, h, "ticket.issued", "ticket.redeemed", "ticket.failed", "ticket.redeemed")
		})
	}
}

// PostBearer redeems a link and may fail.
func (b browser) PostBearer(t *testing.T, access, link string) (headless.Answer, error) {
	t.Helper()
	return b.Fetch(t.Context(), http.MethodPost, b.h.URL+"/download", url.Values{"ticket": {link}}.Encode(),
		"Authorization", "Bearer "+access, "Content-Type", "application/x-www-form-urlencoded")
}

// TestLostLease: a transfer that stood still for too long ends when another took its place.
func TestLostLease(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	access, p := h.connect(t, ann)
	link := h.issue(t, p, report)
	claimed, resume, lost := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	h.serve(func(_ context.Context, _ identity.Principal, _ string, _ json.RawMessage, begin func(string, int64) (io.Writer, error)) error {
		w, err := begin("", -1)
		if err != nil {
			return err
		}
		h.advance(30 * time.Second)
		if _, err := w.Write(content); err != nil { // renewed in time
			return err
		}
		close(claimed)
		<-resume
		_, err = w.Write(content)
		lost <- err
		return err
	})
	first := make(chan error, 1)
	go func() {
		_, err := h.browser().PostBearer(t, access, link)
		first <- err
	}()
	<-claimed
	h.serve(delivering("", content))
	h.advance(59 * time.Second)
	wantError(t, h.redeem(t, access, link), http.StatusConflict, "busy")
	h.advance(2 * time.Second)
	wantFile(t, h.redeem(t, access, link))
	close(resume)
	// The second one has all its bytes a moment before it has used up the ticket.
	if err := <-lost; !errors.Is(err, ticket.ErrNotFound) && !errors.Is(err, ticket.ErrBusy) {
		t.Errorf("writing without the claim: %v", err)
	}
	if err := <-first; err == nil {
		t.Error("half of the file passes for the whole")
	}
	h.settled()
	wantError(t, h.redeem(t, access, link), http.StatusNotFound, "not_found")
}

// TestNoEvidence: what cannot be recorded does not happen.
func TestNoEvidence(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	access, p := h.connect(t, ann)
	link := h.issue(t, p, report)
	h.audit.fail(errDown)
	if link, err := h.tickets.Issue(t.Context(), p, report); !errors.Is(err, errDown) || link.URL != "" {
		t.Errorf("issued %v, %v", link, err)
	}
	wantError(t, h.redeem(t, access, link), http.StatusServiceUnavailable, "temporarily_unavailable")
	stranger, other := h.connect(t, bob)
	wantError(t, h.redeem(t, stranger, link), http.StatusNotFound, "not_found")
	wantError(t, h.bearer(t, stranger, "/upload?name=a.txt", "text/plain", "x"), http.StatusServiceUnavailable, "temporarily_unavailable")
	h.audit.fail(nil)
	info, err := h.spool.Create(t.Context(), other, blob.NewID(), "b", "", strings.NewReader(""))
	must(t, err)
	must(t, h.spool.Delete(t.Context(), other, info.ID))
	wantFile(t, h.redeem(t, access, link))
}

func TestIssue(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *ticket.Options, _ *blob.Options) { o.Most = 2 })
	_, p := h.connect(t, ann)
	nobody, noGrant, service := p, p, p
	nobody.UserID, noGrant.GrantID, service.Service = "", "", "build"
	for name, c := range map[string]struct {
		p    identity.Principal
		item ticket.Item
	}{
		"no person":  {nobody, report},
		"no grant":   {noGrant, report},
		"a service":  {service, report},
		"no kind":    {p, ticket.Item{Tool: "x"}},
		"no tool":    {p, ticket.Item{Kind: ticket.Download}},
		"huge":       {p, ticket.Item{Kind: ticket.Download, Tool: "x", Args: json.RawMessage(`"` + strings.Repeat("a", 40_000) + `"`)}},
		"broken":     {p, ticket.Item{Kind: ticket.Download, Tool: "x", Args: json.RawMessage(`{`)}},
		"other kind": {p, ticket.Item{Kind: "both", Tool: "x"}},
	} {
		if link, err := h.tickets.Issue(t.Context(), c.p, c.item); err == nil || link.URL != "" {
			t.Errorf("%s: issued", name)
		}
	}
	link, err := h.tickets.Issue(t.Context(), p, report)
	must(t, err)
	if left := link.Expires.Sub(h.now()); left > 10*time.Minute || left < 9*time.Minute {
		t.Errorf("it lives %v", left)
	}
	h.issue(t, p, report)
	if _, err := h.tickets.Issue(t.Context(), p, report); !errors.Is(err, ticket.ErrTooMany) {
		t.Errorf("the third: %v, want ErrTooMany", err)
	}
	h.advance(10 * time.Minute)
	must(t, h.tickets.Sweep(t.Context()))
	h.issue(t, p, report)
	if _, err := ticket.New(ticket.Options{}); err == nil {
		t.Error("a service of nothing")
	}
}

// TestUploadByBearer takes files in all the forms that programs send them in.
func TestUploadByBearer(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	access, p := h.connect(t, ann)
	form, formType := multipartBody(t, url.Values{"note": {"x"}}, "from form.bin", content)
	for _, c := range []struct {
		path, contentType, body, disposition string
		wantName, wantType                   string
	}{
		{"/upload", "text/plain", string(content), `attachment; filename="a b.txt"`, "a b.txt", "text/plain"},
		{"/upload", "text/plain; charset=utf-8", string(content), `attachment; filename*=UTF-8''M%C3%A4rz.txt`, "März.txt", "text/plain"},
		{"/upload?name=..%2Fq.pdf", "application/pdf", string(content), "", "q.pdf", "application/pdf"},
		{"/upload", "", string(content), "", "file", "application/octet-stream"},
		{"/upload", formType, form, "", "from form.bin", "application/octet-stream"},
	} {
		var header []string
		if c.disposition != "" {
			header = []string{"Content-Disposition", c.disposition}
		}
		a := h.bearer(t, access, c.path, c.contentType, c.body, header...)
		var got struct {
			ID      string    `json:"id"`
			Name    string    `json:"name"`
			Size    int64     `json:"size"`
			SHA256  string    `json:"sha256"`
			Expires time.Time `json:"expires"`
		}
		if err := json.Unmarshal([]byte(a.Body), &got); err != nil || a.Status != http.StatusCreated {
			t.Fatalf("%d: %s", a.Status, a.Body)
		}
		file, err := h.spool.Open(t.Context(), p, got.ID)
		must(t, err)
		stored, err := io.ReadAll(io.NewSectionReader(file, 0, file.Size()))
		must(t, errors.Join(err, file.Close()))
		if !bytes.Equal(stored, content) || got.Name != c.wantName || file.Name() != c.wantName || file.ContentType() != c.wantType ||
			got.SHA256 != file.Digest() || got.Size != int64(len(content)) || !got.Expires.After(h.now().Add(50*time.Minute)) {
			t.Errorf("%s: %s %q; stored %d bytes, %+v", c.path, a.Body, c.disposition, len(stored), file.Info())
		}
		if e := h.audit.last(t); e.Type != "upload.stored" || e.Who.GrantID != p.GrantID || e.Attr["size"] != "210000" {
			t.Errorf("event %+v", e)
		}
	}
	if a, err := h.browser().Fetch(t.Context(), http.MethodPost, h.URL+"/upload", "x"); err != nil || a.Status != http.StatusUnauthorized {
		t.Errorf("no bearer: %d, %v", a.Status, err)
	}
	empty, emptyType := multipartBody(t, nil, "", nil)
	wantError(t, h.bearer(t, access, "/upload", emptyType, empty), http.StatusBadRequest, "invalid_request")
	wantError(t, h.bearer(t, access, "/upload", formType, "broken"), http.StatusBadRequest, "invalid_request")
	wantError(t, h.bearer(t, access, "/upload", formType, form[:len(form)-1000]), http.StatusBadRequest, "invalid_request")
}

func TestUploadLimits(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(_ *ticket.Options, o *blob.Options) {
		o.Limits = blob.Limits{Each: 1000, Person: 1500, Total: 2000}
	})
	access, _ := h.connect(t, ann)
	other, _ := h.connect(t, bob)
	send := func(access string, size int) headless.Answer {
		return h.bearer(t, access, "/upload", "text/plain", string(content[:size]))
	}
	wantError(t, send(access, 1001), http.StatusRequestEntityTooLarge, "too_large")
	wantError(t, send(access, 100_000), http.StatusRequestEntityTooLarge, "too_large") // refused by its announced length
	if a := send(access, 1000); a.Status != http.StatusCreated {
		t.Errorf("%d: %s", a.Status, a.Body)
	}
	wantError(t, send(access, 501), http.StatusRequestEntityTooLarge, "too_large")
	if a := send(other, 1000); a.Status != http.StatusCreated {
		t.Errorf("%d: %s", a.Status, a.Body)
	}
	full := send(access, 1)
	wantError(t, full, http.StatusServiceUnavailable, "no_room")
	if full.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	wantEvents(t, h, "upload.stored", "upload.stored")
}

// TestLongDecision: a file is looked at before its first byte goes out, and only then
// do the bytes have to keep moving. Whoever has lost the ticket meanwhile sends none.
func TestLongDecision(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *ticket.Options, _ *blob.Options) { o.Stall = 300 * time.Millisecond })
	access, p := h.connect(t, ann)
	deliver := delivering("application/pdf", content)
	h.serve(func(ctx context.Context, p identity.Principal, tool string, args json.RawMessage, begin func(string, int64) (io.Writer, error)) error {
		<-time.After(450 * time.Millisecond)
		return deliver(ctx, p, tool, args, begin)
	})
	wantFile(t, h.redeem(t, access, h.issue(t, p, report)))

	link := h.issue(t, p, report)
	overtake := func() {
		h.serve(deliver)
		h.advance(2 * time.Minute) // the claim lapses
		wantFile(t, h.redeem(t, access, link))
	}
	h.serve(func(ctx context.Context, p identity.Principal, tool string, args json.RawMessage, begin func(string, int64) (io.Writer, error)) error {
		overtake()
		return deliver(ctx, p, tool, args, begin)
	})
	wantError(t, h.redeem(t, access, link), http.StatusBadGateway, "upstream_error")
}

// TestStalledUpload: who stops sending is cut off, and nothing of it stays.
func TestStalledUpload(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *ticket.Options, _ *blob.Options) { o.Stall = 30 * time.Millisecond })
	access, p := h.connect(t, ann)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", h.Listener.Addr().String())
	must(t, err)
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprintf(conn, "POST /upload HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Length: 1000000\r\n\r\n%s", h.Listener.Addr(), access, content)
	must(t, err) // and then silence
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	wantError(t, headless.Answer{Status: resp.StatusCode, Body: string(body)}, http.StatusBadRequest, "invalid_request")
	info, err := h.spool.Create(t.Context(), p, blob.NewID(), "", "", strings.NewReader(""))
	must(t, err)
	must(t, h.spool.Delete(t.Context(), p, info.ID))
	wantEvents(t, h)
}

// TestForget: the links of a person who is forgotten open nothing any more.
func TestForget(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	access, p := h.connect(t, ann)
	others, q := h.connect(t, bob)
	hers, his := h.issue(t, p, report), h.issue(t, q, report)
	must(t, h.tickets.Forget(t.Context(), ticket.Person{TenantID: p.TenantID, UserID: p.UserID}))
	wantError(t, h.redeem(t, access, hers), http.StatusNotFound, "not_found")
	wantFile(t, h.redeem(t, others, his))
}
