// Package console has the web pages on which people look after what they have
// allowed.
//
//	GET  /connections   sign in; then: which assistants have access in the person's
//	                    name, what they may do, since when, and when they last did
//	POST /connections   from that page of the person's own: end one of them, or all
//
// A page shows the connections of whoever sits at the browser, and of nobody else:
// the person is part of every question that is asked of the store. Another person's
// connection, one that has ended and one that never was get the same answer.
//
// When an assistant was last active is known to the hour, because tokens are renewed
// that often: nothing is written for it when they are used.
package console

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"m365mcp/authserver"
)

// Connection is a grant that can be used, and the client that has it.
type Connection struct {
	Grant  authserver.Grant
	Client authserver.Client
}

// Store knows the connections. It is safe for concurrent use.
type Store interface {
	// Connections returns the person's grants that can be used at now, those first
	// that were used last, and no more than most.
	Connections(ctx context.Context, who authserver.UserRef, now time.Time, most int) ([]Connection, error)
}

// People knows who sits at a browser, and ends what they have granted.
type People interface {
	// Session returns who is signed in, and the token that forms of theirs carry.
	Session(r *http.Request) (who authserver.Person, csrf string, ok bool)
	// SignInForm returns the csrf_token of a form that posts to /signin and leads back
	// to the path next. It may set a cookie.
	SignInForm(w http.ResponseWriter, r *http.Request, next string) (string, error)
	// ShowPage answers with a page in the server's look.
	ShowPage(w http.ResponseWriter, r *http.Request, status int, title string, body template.HTML)
	// Disconnect ends a grant of the person's. [authserver.ErrNotFound]: it is none.
	// False: it had ended before.
	Disconnect(ctx context.Context, who authserver.UserRef, grantID string) (ended bool, err error)
	// DisconnectAll ends all of the person's.
	DisconnectAll(ctx context.Context, who authserver.UserRef) error
}

// Words puts into words what is shown of a connection.
type Words interface {
	Face(c authserver.Client) authserver.Face
	Words(scopes []string) []authserver.ScopeGroup
}

// Options is all that a [Console] needs.
type Options struct {
	PublicURL string
	Store     Store
	People    People
	Words     Words
	Now       func() time.Time
	Logger    *slog.Logger
}

// Console serves the pages. Its methods are safe for concurrent use.
type Console struct {
	origin string
	server string // its host, for people
	store  Store
	people People
	words  Words
	now    func() time.Time
	log    *slog.Logger
	pages  *template.Template
}

// New checks the options.
func New(o Options) (*Console, error) {
	if o.PublicURL == "" || o.Store == nil || o.People == nil || o.Words == nil || o.Now == nil || o.Logger == nil {
		return nil, errors.New("console: an option is missing")
	}
	public, err := url.Parse(o.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("console: public URL: %w", err)
	}
	pages, err := parsePages()
	if err != nil {
		return nil, err
	}
	return &Console{
		origin: o.PublicURL, server: public.Host, store: o.Store, people: o.People, words: o.Words, now: o.Now, log: o.Logger, pages: pages,
	}, nil
}

// Path is the page of connections.
const Path = "/connections"

const (
	mostShown = 200
	maxForm   = 16 << 10
)

// Register adds the routes to mux.
func (c *Console) Register(mux *http.ServeMux) { mux.HandleFunc(Path, c.connections) }

// visitor is the person at the browser.
type visitor struct {
	authserver.Person
	csrf string
}

func (v visitor) ref() authserver.UserRef {
	return authserver.UserRef{TenantID: v.TenantID, UserID: v.UserID}
}

func (c *Console) connections(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, HEAD, POST")
		c.fail(w, r, &failure{http.StatusMethodNotAllowed, "This page cannot be opened in this way."})
		return
	}
	var v visitor
	var signedIn bool
	if v.Person, v.csrf, signedIn = c.people.Session(r); !signedIn {
		c.showSignIn(w, r)
		return
	}
	list, err := c.store.Connections(r.Context(), v.ref(), c.now(), mostShown)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if r.Method == http.MethodPost {
		c.answer(w, r, v, list)
		return
	}
	c.showList(w, r, http.StatusOK, v, list, "")
}

// answer does what the person asks for on the page.
func (c *Console) answer(w http.ResponseWriter, r *http.Request, v visitor, list []Connection) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		c.fail(w, r, &failure{http.StatusBadRequest, "The form was not well-formed, or too large. Nothing was changed."})
		return
	}
	if reason := c.foreign(r, v); reason != "" {
		c.log.InfoContext(r.Context(), "form on the page of connections refused", "reason", reason, "tenant", v.TenantID, "user", v.UserID)
		c.showList(w, r, http.StatusForbidden, v, list, "The page was no longer valid. Nothing was changed. Try once more.")
		return
	}
	switch one(r.PostForm, "action") {
	case "end":
		c.end(w, r, v, list, one(r.PostForm, "connection"))
	case "end all":
		c.endAll(w, r, v, list)
	default:
		c.fail(w, r, &failure{http.StatusBadRequest, "The form was sent without an answer. Nothing was changed."})
	}
}

// foreign says why the form is not one of the person's own page, or "".
func (c *Console) foreign(r *http.Request, v visitor) string {
	// Browsers that send these cannot be made to lie about them. Pages of a server that
	// lets no referrer out have the origin "null", and so have sandboxed ones of others:
	// the token decides.
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return "sent by another site"
	}
	if origin := r.Header.Get("Origin"); origin != "" && origin != "null" && origin != c.origin {
		return "sent by another origin"
	}
	if !authserver.SameToken(one(r.PostForm, "csrf_token"), v.csrf) {
		return "without this session's token"
	}
	return ""
}

// one returns a field that is there exactly once.
func one(form url.Values, name string) string {
	if values := form[name]; len(values) == 1 {
		return values[0]
	}
	return ""
}

// end ends one connection of the person's.
func (c *Console) end(w http.ResponseWriter, r *http.Request, v visitor, list []Connection, id string) {
	for _, connection := range list {
		if connection.Grant.ID != id {
			continue
		}
		ended, err := c.people.Disconnect(r.Context(), v.ref(), id)
		if err != nil && !errors.Is(err, authserver.ErrNotFound) {
			c.fail(w, r, err)
			return
		}
		if ended {
			c.show(w, r, http.StatusOK, pageEnded, view{Ended: []string{c.words.Face(connection.Client).Name}})
			return
		}
	}
	c.show(w, r, http.StatusNotFound, pageNotThere, view{})
}

// endAll ends also what is not on the page, and sign-ins that are under way.
func (c *Console) endAll(w http.ResponseWriter, r *http.Request, v visitor, list []Connection) {
	if err := c.people.DisconnectAll(r.Context(), v.ref()); err != nil {
		c.fail(w, r, err)
		return
	}
	var names []string
	for _, connection := range list {
		names = append(names, c.words.Face(connection.Client).Name)
	}
	c.show(w, r, http.StatusOK, pageAllEnded, view{Ended: names})
}
