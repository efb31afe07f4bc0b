// Package ticket lets bytes out to, and in from, one person: a link that a model
// may hand on, because by itself it opens nothing.
//
//	Issue            a tool's read, sealed -> <public URL>/tickets/<256 random bits>
//	GET  /tickets/T  a page: sign in, or what the link is for and a button; no bytes
//	POST /tickets/T  the button, from the signed-in page of the ticket's own person
//	POST /download   the same for the bearer of the grant that the ticket was issued to
//	POST /upload     bytes in from any bearer; needs no ticket
//
//	redeem: claim (one at a time, leased) -> audit -> bytes -> consume
//
// A ticket is bound to a grant and its person, lives ten minutes, and is used up by
// the first transfer that completes; one that breaks off leaves it. The store has the
// token's SHA-256, and seals what the ticket is for. Links are looked at by scanners
// and previews on their way: a GET changes nothing and shows nothing.
package ticket

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"m365mcp/blob"
	"m365mcp/identity"
	"m365mcp/internal/seal"
)

// Kind is what a ticket is for.
type Kind string

// The kinds of tickets.
const (
	Download Kind = "download"
	Upload   Kind = "upload"
)

// Item is what a ticket gives its person.
type Item struct {
	Kind Kind   `json:"kind"`
	Zone string `json:"zone,omitempty"` // of the times on the page; UTC where it is empty

	// UploadID is the id that the file of an upload will have; Issue draws it.
	UploadID string `json:"uploadId,omitempty"`

	// The rest is of downloads: the tool that reads the bytes, and what the page says.
	Tool        string          `json:"tool,omitempty"`
	Args        json.RawMessage `json:"args,omitempty"`
	Name        string          `json:"name,omitempty"`
	ContentType string          `json:"type,omitempty"`
	Size        int64           `json:"size,omitempty"` // 0: not known
}

// Link is a ticket as its person gets it.
type Link struct {
	URL      string
	Expires  time.Time
	UploadID string // of an upload: the file's id, once it is there
}

// Session is the person who is signed in at a browser.
type Session struct {
	TenantID, UserID string
	UPN              string // for showing
	CSRF             string // what the person's forms have to carry
}

// People knows who uses a ticket.
type People interface {
	// Session returns who is signed in at the request's browser.
	Session(r *http.Request) (Session, bool)
	// SignInForm returns the csrf_token of a form that posts to /signin and leads
	// back to the path next. It may set a cookie.
	SignInForm(w http.ResponseWriter, r *http.Request, next string) (string, error)
	// Principal returns on whose behalf a grant is, or an error unless it is alive.
	Principal(ctx context.Context, grantID string) (identity.Principal, error)
	// RequireBearer admits requests with a valid access token, and answers others.
	RequireBearer(next func(http.ResponseWriter, *http.Request, identity.Principal)) http.Handler
	// ShowPage answers with a page in the server's look.
	ShowPage(w http.ResponseWriter, r *http.Request, status int, title string, body template.HTML)
}

// Files is where uploads go; blob.Spool is one.
type Files interface {
	Create(ctx context.Context, p identity.Principal, id, name, contentType string, r io.Reader) (blob.Info, error)
	Delete(ctx context.Context, p identity.Principal, id string) error
	MaxSize() int64
}

// Fetch has an internal tool read bytes for the person. It calls begin once, before
// the first byte, with size -1 where that is not known. An error that is a *[RefusalError]
// is shown to the person.
type Fetch func(ctx context.Context, p identity.Principal, tool string, args json.RawMessage,
	begin func(contentType string, size int64) (io.Writer, error)) error

// RefusalError is an error whose text is for the person.
type RefusalError struct{ Text string }

func (e *RefusalError) Error() string { return e.Text }

// Auditor records evidence. Where it cannot, nothing is given out. Attributes hold
// no personal data.
type Auditor interface {
	Event(ctx context.Context, event string, who identity.Principal, attributes map[string]string) error
}

// Types of audit events.
const (
	eventIssued   = "ticket.issued"
	eventRedeemed = "ticket.redeemed" // its bytes are about to move
	eventFailed   = "ticket.failed"   // and did not arrive: it can be used again
	eventRefused  = "ticket.refused"  // somebody known tried one of another
	eventUploaded = "upload.stored"
)

// Options is all that a [Service] needs.
type Options struct {
	PublicURL string
	Store     Store
	Keys      blob.Keys // seals what tickets are for
	People    People
	Files     Files
	Fetch     Fetch
	Audit     Auditor
	Now       func() time.Time
	Logger    *slog.Logger
	Life      time.Duration // of a ticket; zero means 10 minutes
	Most      int           // of one person's at a time; zero means 100
	Stall     time.Duration // how long a transfer may stand still; zero means a minute
}

const (
	maxItem     = 32 << 10
	maxTransfer = 30 * time.Minute
	tokenLength = 43 // 256 bits in base64url
	pathPrefix  = "/tickets/"
)

// Service issues and redeems tickets. It is safe for concurrent use.
type Service struct {
	public string
	store  Store
	keys   blob.Keys
	people People
	files  Files
	fetch  Fetch
	audit  Auditor
	now    func() time.Time
	log    *slog.Logger
	life   time.Duration
	stall  time.Duration
	most   int
	pages  *template.Template
}

// New returns a Service, or an error that says what is missing.
func New(o Options) (*Service, error) {
	if o.PublicURL == "" || o.Store == nil || o.Keys == nil || o.People == nil || o.Files == nil ||
		o.Fetch == nil || o.Audit == nil || o.Now == nil || o.Logger == nil {
		return nil, errors.New("ticket: an option is missing")
	}
	pages, err := parsePages()
	if err != nil {
		return nil, err
	}
	return &Service{
		public: o.PublicURL, store: o.Store, keys: o.Keys, people: o.People, files: o.Files, fetch: o.Fetch, audit: o.Audit,
		now: o.Now, log: o.Logger, life: cmp.Or(o.Life, 10*time.Minute), stall: cmp.Or(o.Stall, time.Minute),
		most: cmp.Or(o.Most, 100), pages: pages,
	}, nil
}

// Issue returns a link for the person of p. [ErrTooMany]: the person has enough.
func (s *Service) Issue(ctx context.Context, p identity.Principal, item Item) (Link, error) {
	switch {
	case !p.IsPerson() || p.GrantID == "":
		return Link{}, errors.New("ticket: needs a person and a grant")
	case item.Kind != Upload && (item.Kind != Download || item.Tool == ""):
		return Link{}, errors.New("ticket: is for an upload, or for a download by a tool")
	}
	if item.Kind == Upload {
		item.UploadID = blob.NewID()
	}
	token := newToken()
	now := s.now()
	row := Row{Digest: sha256.Sum256([]byte(token)), GrantID: p.GrantID, Owner: Person{p.TenantID, p.UserID}, Kind: item.Kind, ExpiresAt: now.Add(s.life)}
	text, err := json.Marshal(item)
	if err != nil {
		return Link{}, fmt.Errorf("ticket: %w", err)
	}
	if len(text) > maxItem {
		return Link{}, fmt.Errorf("ticket: the item has %d bytes, more than %d", len(text), maxItem)
	}
	if row.Item, err = s.keys.Seal(text, row.ItemContext()); err != nil {
		return Link{}, fmt.Errorf("ticket: %w", err)
	}
	if err := s.store.Insert(ctx, row, s.most, now); err != nil {
		return Link{}, fmt.Errorf("ticket: %w", err)
	}
	if err := s.audit.Event(ctx, eventIssued, p, row.attributes("tool", item.Tool)); err != nil {
		return Link{}, fmt.Errorf("ticket: audit: %w", err) // nobody has the token
	}
	return Link{URL: s.public + pathPrefix + token, Expires: row.ExpiresAt, UploadID: item.UploadID}, nil
}

// Sweep deletes tickets that have expired.
func (s *Service) Sweep(ctx context.Context) error {
	if _, err := s.store.DeleteExpired(ctx, s.now()); err != nil {
		return fmt.Errorf("sweep tickets: %w", err)
	}
	return nil
}

// Forget deletes all tickets of a person.
func (s *Service) Forget(ctx context.Context, owner Person) error {
	if err := s.store.DeletePerson(ctx, owner); err != nil {
		return fmt.Errorf("forget a person's tickets: %w", err)
	}
	return nil
}

// find returns the ticket, or [ErrNotFound].
func (s *Service) find(ctx context.Context, token string) (Row, Item, error) {
	if raw, err := base64.RawURLEncoding.Strict().DecodeString(token); err != nil || len(raw) != 32 || len(token) != tokenLength {
		return Row{}, Item{}, ErrNotFound
	}
	row, err := s.store.Find(ctx, sha256.Sum256([]byte(token)), s.now())
	if err != nil {
		return Row{}, Item{}, err
	}
	text, err := s.keys.Open(row.Item, row.ItemContext())
	if err != nil {
		return Row{}, Item{}, fmt.Errorf("ticket: %w", err)
	}
	var item Item
	if err := json.Unmarshal(text, &item); err != nil || item.Kind != row.Kind {
		return Row{}, Item{}, fmt.Errorf("ticket: the sealed item is none: %w", err)
	}
	return row, item, nil
}

// tokenOf takes a ticket as a client has it: the link, or its last part.
func (s *Service) tokenOf(given string) string {
	return strings.TrimPrefix(strings.TrimSpace(given), s.public+pathPrefix)
}

func newToken() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// ItemContext is what the item is sealed for: all else that the row says.
func (r Row) ItemContext() []byte {
	return seal.AAD("m365-mcp ticket v1", string(r.Digest[:]), r.GrantID, r.Owner.TenantID, r.Owner.UserID, string(r.Kind))
}

// attributes name the ticket in the audit: by its digest's first half, of which
// nobody can make a token.
func (r Row) attributes(pairs ...string) map[string]string {
	a := map[string]string{"ticket": hex.EncodeToString(r.Digest[:8]), "kind": string(r.Kind)}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			a[pairs[i]] = pairs[i+1]
		}
	}
	return a
}
