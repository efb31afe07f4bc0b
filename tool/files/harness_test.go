package files_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"m365mcp/blob"
	"m365mcp/content/document"
	"m365mcp/identity"
	"m365mcp/internal/seal"
	"m365mcp/store/sqlite"
	"m365mcp/timezone"
	"m365mcp/tool"
	"m365mcp/tool/files"
	"m365mcp/tool/tooltest"
)

// services are what the tools need beside Graph: a real spool, the real reader of
// documents in this process, and tickets that remember what they are for.
type services struct {
	spool *blob.Spool

	mu      sync.Mutex
	tickets map[string]tool.Download // by URL
	zones   map[string]timezone.Zone
	stored  []string // names of what was fetched
}

func newServices(t testing.TB) *services {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "spool.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	keys, err := seal.ParseKeyring(seal.GenerateKey())
	if err != nil {
		t.Fatal(err)
	}
	folder, err := blob.Folder(filepath.Join(t.TempDir(), "spool"))
	if err != nil {
		t.Fatal(err)
	}
	spool, err := blob.New(blob.Options{
		Files: folder, Store: db.Blobs(), Keys: keys, Now: func() time.Time { return tooltest.Now },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = spool.Close() })
	return &services{spool: spool, tickets: map[string]tool.Download{}, zones: map[string]timezone.Zone{}}
}

func (s *services) setup(o *tooltest.Options) {
	o.Uploads, o.Tickets, o.Documents, o.Internal, o.Resources = s, s, s, files.Internal(), files.Resources()
}

// Find implements tool.Uploads.
func (s *services) Find(ctx context.Context, p identity.Principal, id string) (tool.Source, error) {
	b, err := s.spool.Open(ctx, p, id)
	if errors.Is(err, blob.ErrNotFound) {
		return nil, &tool.Error{Code: tool.CodeNotFound, Message: "there is no upload of this id.", Action: "upload the file again."}
	}
	return b, err
}

// Store implements tool.Uploads.
func (s *services) Store(ctx context.Context, p identity.Principal, name, contentType string, r io.Reader) (tool.Source, error) {
	info, err := s.spool.Create(ctx, p, blob.NewID(), name, contentType, r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.stored = append(s.stored, name)
	s.mu.Unlock()
	return s.Find(ctx, p, info.ID)
}

// Text implements tool.Documents.
func (s *services) Text(ctx context.Context, _ identity.Principal, name, contentType string, content []byte) (tool.Document, error) {
	doc, err := document.Extract(ctx, name, contentType, content, document.Limits{})
	for _, reason := range []error{document.ErrUnsupported, document.ErrTooLarge, document.ErrDamaged, document.ErrEncrypted} {
		if errors.Is(err, reason) {
			return tool.Document{}, fmt.Errorf("%w: %w", tool.ErrUnreadable, reason)
		}
	}
	return tool.Document{Text: doc.Text, Notes: doc.Notes}, err
}

// Download implements tool.Tickets.
func (s *services) Download(_ context.Context, _ identity.Principal, zone timezone.Zone, d tool.Download) (tool.Link, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	url := fmt.Sprintf("https://mcp.example/tickets/%d", len(s.tickets))
	s.tickets[url], s.zones[url] = d, zone
	return tool.Link{URL: url, Expires: tooltest.Now.Add(10 * time.Minute)}, nil
}

// Upload implements tool.Tickets.
func (s *services) Upload(_ context.Context, _ identity.Principal, zone timezone.Zone) (tool.Link, error) {
	const url = "https://mcp.example/tickets/up"
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zones[url] = zone
	return tool.Link{URL: url, Expires: tooltest.Now.Add(10 * time.Minute), UploadID: "up_abcdefghjk"}, nil
}

func (s *services) ticket(url string) tool.Download {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tickets[url]
}

// upload puts a file of size bytes into the caller's spool and returns its id.
func (s *services) upload(h *tooltest.Harness, name string, size int) string {
	info, err := s.spool.Create(context.Background(), h.Principal(nil), blob.NewID(), name, "text/plain", strings.NewReader(strings.Repeat("0123456789abcdef", size/16+1)[:size]))
	if err != nil {
		return err.Error()
	}
	return info.ID
}

// listing is the answer of listFiles and searchFiles.
type listing struct {
	Files []struct {
		ID, Name, Path, Modified, ModifiedBy, Summary, URL, Created, CreatedBy string
		Folder                                                                 bool
		Children                                                               int
		Size                                                                   int64
	}
	Libraries []struct{ DriveID, Name string }
	Cursor    string
}

func listed(res tooltest.Result) (out listing) {
	if res.Output != nil {
		_ = json.Unmarshal(res.Output.Structured, &out)
	}
	return out
}

// own is the short id of a file in the caller's drive.
func own(h *tooltest.Harness, at string) string {
	folder := strings.TrimPrefix(path.Dir(at), ".")
	return in(listed(h.Call("listFiles", args("path", folder, "count", 200))), path.Base(at))
}

func in(l listing, name string) string {
	for _, f := range l.Files {
		if f.Name == name {
			return f.ID
		}
	}
	return "no file " + name
}

// anywhere is the short id of a file of a colleague or a site, by a word of it.
func anywhere(h *tooltest.Harness, word, name string) string {
	return in(listed(h.With("Files.Read.All").Call("searchFiles", args("query", word, "scope", "everywhere", "count", 50))), name)
}

// siteID is the short id of the site of operations.
func siteID(h *tooltest.Harness) string {
	var out struct{ Sites []struct{ ID string } }
	if res := h.Call("searchSites", `{"query":"operations"}`); res.Output != nil {
		_ = json.Unmarshal(res.Output.Structured, &out)
	}
	if len(out.Sites) == 0 {
		return "no site"
	}
	return out.Sites[0].ID
}

// args writes names and values as JSON.
func args(pairs ...any) string {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

type check = func(tooltest.Reporter, *tooltest.Harness, tooltest.Result)

func has(parts ...string) check {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		t.Helper()
		tooltest.Contains(t, res, parts...)
	}
}

// names wants exactly these files, in this order.
func names(want ...string) check {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		t.Helper()
		var got []string
		for _, f := range listed(res).Files {
			got = append(got, f.Name)
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("files %q, want %q", got, want)
		}
	}
}

// says wants parts in the text of an answer or an error.
func says(parts ...string) check {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(res.Text(), part) {
				t.Errorf("no %q in %s", part, res.Text())
			}
		}
	}
}

// all is several checks.
func all(checks ...check) check {
	return func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		t.Helper()
		for _, c := range checks {
			c(t, h, res)
		}
	}
}
