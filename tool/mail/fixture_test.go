package mail_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"m365mcp/identity"
	"m365mcp/simulator/dataset"
	"m365mcp/timezone"
	"m365mcp/tool"
	"m365mcp/tool/calendar"
	"m365mcp/tool/mail"
	"m365mcp/tool/tooltest"
)

// spool keeps files in memory.
type spool struct {
	mu      sync.Mutex
	files   map[string]*stored
	onStore func()
}

type stored struct {
	*bytes.Reader

	name, contentType, digest string
	closed                    bool
}

func (s *stored) Name() string        { return s.name }
func (s *stored) ContentType() string { return s.contentType }
func (s *stored) Digest() string      { return s.digest }
func (s *stored) Close() error        { s.closed = true; return nil }

func newSpool() *spool {
	s := &spool{files: map[string]*stored{}}
	s.put("up_small", "Plan “B”.txt", "text/plain", []byte("the small plan"))
	s.put("up_large", "film.bin", "application/octet-stream", bytes.Repeat([]byte("large "), 600_000))
	s.put("up_empty", "empty.txt", "text/plain", nil)
	return s
}

func (s *spool) put(id, name, contentType string, content []byte) *stored {
	sum := sha256.Sum256(content)
	f := &stored{Reader: bytes.NewReader(content), name: name, contentType: contentType, digest: hex.EncodeToString(sum[:])}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[id] = f
	return f
}

// Find implements tool.Uploads.
func (s *spool) Find(_ context.Context, _ identity.Principal, id string) (tool.Source, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.files[id]; ok {
		return f, nil
	}
	return nil, &tool.Error{Code: tool.CodeNotFound, Message: "there is no upload of this id.", Action: "upload it again."}
}

// Store implements tool.Uploads.
func (s *spool) Store(_ context.Context, _ identity.Principal, name, contentType string, r io.Reader) (tool.Source, error) {
	content, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if s.onStore != nil {
		s.onStore()
	}
	return s.put(fmt.Sprintf("up_stored%d", len(s.files)), name, contentType, content), nil
}

// open counts the files that nobody has closed.
func (s *spool) open() (n int) {
	for id, f := range s.files {
		if strings.HasPrefix(id, "up_stored") && !f.closed {
			n++
		}
	}
	return n
}

// reader reads the text of plain files, and of no others.
type reader struct{}

// Text implements tool.Documents.
func (reader) Text(_ context.Context, _ identity.Principal, _, contentType string, content []byte) (tool.Document, error) {
	if strings.HasPrefix(contentType, "text/") {
		return tool.Document{Text: string(content), Notes: []string{"read as " + contentType}}, nil
	}
	return tool.Document{}, fmt.Errorf("%w: this kind of file is not known", tool.ErrUnreadable)
}

// tickets remembers what it gave out.
type tickets struct {
	mu    sync.Mutex
	given []tool.Download
}

// Download implements tool.Tickets.
func (t *tickets) Download(_ context.Context, _ identity.Principal, _ timezone.Zone, d tool.Download) (tool.Link, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.given = append(t.given, d)
	return tool.Link{URL: "https://m365-mcp.example/tickets/1", Expires: time.Date(2026, 11, 19, 10, 15, 0, 0, time.UTC)}, nil
}

// Upload implements tool.Tickets.
func (t *tickets) Upload(context.Context, identity.Principal, timezone.Zone) (tool.Link, error) {
	return tool.Link{}, nil
}

// services are those that a server has beside the tools.
func services(o *tooltest.Options) {
	o.Uploads, o.Documents, o.Tickets, o.Internal = newSpool(), reader{}, &tickets{}, mail.Internal()
	o.Tools = slices.Concat(o.Tools, calendar.Tools())
}

// found is the first mail of the caller's for which the condition holds.
func found(h *tooltest.Harness, what string, condition func(dataset.Message) bool) dataset.Message {
	for _, m := range h.Mailbox().Messages {
		if condition(m) {
			return m
		}
	}
	panic("no mail " + what)
}

// about is the mail of the caller's with the subject.
func about(h *tooltest.Harness, subject string) dataset.Message {
	return found(h, subject, func(m dataset.Message) bool { return m.Subject == subject })
}

// withFile is a mail with a file of that ending.
func withFile(h *tooltest.Harness, ending string) (dataset.Message, dataset.Attachment) {
	var file dataset.Attachment
	m := found(h, ending, func(m dataset.Message) bool {
		for _, a := range m.Attachments {
			if strings.HasSuffix(a.Name, ending) && !a.Inline {
				file = a
				return true
			}
		}
		return false
	})
	return m, file
}

// office is a mail of the shared mailbox.
func office(h *tooltest.Harness) dataset.Message {
	return h.Tenant.Mailbox[h.Tenant.Shared[0].ID].Messages[0]
}

const officeAddress = "office@tideline.example"

// of makes arguments with the id of a mail.
func of(subject, more string) func(*tooltest.Harness) string {
	return func(h *tooltest.Harness) string { return `{"id":"` + about(h, subject).ID + `"` + more + `}` }
}

// has wants the parts in the structured answer.
func has(parts ...string) func(tooltest.Reporter, *tooltest.Harness, tooltest.Result) {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		tooltest.Contains(t, res, parts...)
	}
}

// explains wants the part in the error that the model reads.
func explains(part string) func(tooltest.Reporter, *tooltest.Harness, tooltest.Result) {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		if !strings.Contains(res.Text(), part) {
			t.Errorf("%q is missing in: %s", part, res.Text())
		}
	}
}

// lacks wants none of the parts there.
func lacks(parts ...string) func(tooltest.Reporter, *tooltest.Harness, tooltest.Result) {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		res.WantOK(t)
		for _, part := range parts {
			if strings.Contains(string(res.Output.Structured), part) {
				t.Errorf("%s in %s", part, res.Output.Structured)
			}
		}
	}
}

// all runs several checks.
func all(checks ...func(tooltest.Reporter, *tooltest.Harness, tooltest.Result)) func(tooltest.Reporter, *tooltest.Harness, tooltest.Result) {
	return func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		for _, check := range checks {
			check(t, h, res)
		}
	}
}

// emailList is the answer of the lists.
type emailList struct {
	Emails []struct {
		ID, Subject, From, Received, Preview string
		To                                   []string
		Unread, Draft                        bool
	}
	Cursor string
}

// every wants mails, and the condition to hold for each.
func every(what string, condition func(email map[string]any) bool) func(tooltest.Reporter, *tooltest.Harness, tooltest.Result) {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		var got struct{ Emails []map[string]any }
		res.Structured(t, &got)
		if len(got.Emails) == 0 {
			t.Errorf("no mails %s", what)
		}
		for _, e := range got.Emails {
			if !condition(e) {
				t.Errorf("not %s: %v", what, e)
			}
		}
	}
}

// counted wants exactly so many mails.
func counted(n int) func(tooltest.Reporter, *tooltest.Harness, tooltest.Result) {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		var got emailList
		res.Structured(t, &got)
		if len(got.Emails) != n {
			t.Errorf("%d mails, want %d", len(got.Emails), n)
		}
	}
}

// sent wants the parts in the body that was sent to the operation.
func sent(operation string, parts ...string) func(tooltest.Reporter, *tooltest.Harness, tooltest.Result) {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		requests := res.Sent(operation)
		if len(requests) != 1 {
			t.Errorf("%d requests to %s: %v", len(requests), operation, res.Requests)
			return
		}
		text := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(requests[0].Body))
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("no %s in %.1500s", part, text)
			}
		}
	}
}

// recorded wants exactly these recipients in the audit.
func recorded(recipients ...string) func(tooltest.Reporter, *tooltest.Harness, tooltest.Result) {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		if got := strings.Join(res.Intents[0].Recipients, " "); got != strings.Join(recipients, " ") {
			t.Errorf("the audit has the recipients %s, want %v", got, recipients)
		}
	}
}
