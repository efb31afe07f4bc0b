package console

import (
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"m365mcp/authserver"
)

//go:embed pages/*.html
var pageFiles embed.FS

// page is one of the pages that people see.
type page struct{ file, title string }

var (
	pageSignIn   = page{"signin.html", "My connections"}
	pageList     = page{"list.html", "My connections"}
	pageEnded    = page{"ended.html", "The connection has ended"}
	pageAllEnded = page{"allended.html", "All connections have ended"}
	pageNotThere = page{"notthere.html", "There is no such connection"}
	pageFailed   = page{"failed.html", "This did not work"}
	pageLater    = page{"failed.html", "Try again later"}
)

// view is all that the pages show; each uses some of it.
type view struct {
	Path, Server string
	UPN, CSRF    string
	Text         string // of a warning or a failure
	Reference    string // finds the log's line
	Items        []item
	More         bool     // there may be more than are shown
	Ended        []string // names
}

// item is one connection on the list.
type item struct {
	authserver.Face

	ID      string
	UPN     string // of the sign-in that it rests on
	Since   when
	Used    string
	Ends    when
	Fixed   bool // it ends then, used or not
	Pending bool // the assistant has not fetched its first tokens yet
	Scopes  []authserver.ScopeGroup
	Number  int // of its permissions
}

// when is a moment, for people and for programs.
type when struct{ Text, Machine string }

func at(t time.Time, layout string) when {
	t = t.UTC()
	return when{t.Format(layout), t.Format(time.RFC3339)}
}

const (
	day    = "2 January 2006"
	minute = "2 January 2006, 15:04 UTC"
)

func parsePages() (*template.Template, error) {
	t, err := template.ParseFS(pageFiles, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("pages of connections: %w", err)
	}
	return t, nil
}

func (c *Console) show(w http.ResponseWriter, r *http.Request, status int, p page, v view) {
	v.Path, v.Server = Path, c.server
	var body strings.Builder
	if err := c.pages.ExecuteTemplate(&body, p.file, v); err != nil {
		c.log.ErrorContext(r.Context(), "page not rendered", "page", p.file, "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	c.people.ShowPage(w, r, status, p.title, template.HTML(body.String())) //nolint:gosec // html/template has escaped it
}

func (c *Console) showSignIn(w http.ResponseWriter, r *http.Request) {
	csrf, err := c.people.SignInForm(w, r, Path)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v, status := view{CSRF: csrf}, http.StatusOK
	if r.Method == http.MethodPost { // the session has ended while the page was open
		v.Text, status = "Your sign-in on this page has ended. Nothing was changed.", http.StatusForbidden
	}
	c.show(w, r, status, pageSignIn, v)
}

func (c *Console) showList(w http.ResponseWriter, r *http.Request, status int, v visitor, list []Connection, text string) {
	now := c.now()
	items := make([]item, len(list))
	for i, connection := range list {
		g := connection.Grant
		ends := at(g.ExpiresAt, day)
		if !g.EndsAt.IsZero() { // Microsoft gave no lasting access
			ends = at(g.EndsAt, minute)
		}
		items[i] = item{
			Face: c.words.Face(connection.Client), ID: g.ID, UPN: g.UPN, Since: at(g.CreatedAt, minute), Used: lastUse(now, g.LastUsedAt),
			Ends: ends, Fixed: !g.EndsAt.IsZero(), Pending: g.Generation == 0, Scopes: c.words.Words(g.Scopes), Number: len(g.Scopes),
		}
	}
	c.show(w, r, status, pageList, view{UPN: v.UPN, CSRF: v.csrf, Text: text, Items: items, More: len(list) == mostShown})
}

// lastUse says when a connection was last used that has got its last tokens at
// issued: an access token lives an hour at most, so it may have been until an hour later.
func lastUse(now, issued time.Time) string {
	switch ago := now.Sub(issued); {
	case ago < time.Hour:
		return "Within the last hour"
	case ago < 2*time.Hour:
		return "Within the last two hours"
	case ago < 48*time.Hour:
		return fmt.Sprintf("About %d hours ago", int(ago.Hours()))
	default:
		return fmt.Sprintf("About %d days ago", int(ago.Hours()/24))
	}
}

// failure is what the person may read of an error.
type failure struct {
	status int
	text   string
}

func (f *failure) Error() string { return f.text }

// fail shows a person what went wrong, and how its line in the log is found.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	reference := rand.Text()[:8] // 40 bits
	if f, ok := errors.AsType[*failure](err); ok {
		c.log.LogAttrs(r.Context(), slog.LevelInfo, "request to the page of connections refused", slog.String("reference", reference), slog.String("reason", f.text))
		c.show(w, r, f.status, pageFailed, view{Text: f.text, Reference: reference})
		return
	}
	c.log.LogAttrs(r.Context(), slog.LevelWarn, "page of connections failed", slog.String("reference", reference), slog.Any("error", err))
	w.Header().Set("Retry-After", "5")
	const text = "The server cannot do this at the moment. Open the page again in a few seconds: it shows what has ended and what has not."
	c.show(w, r, http.StatusServiceUnavailable, pageLater, view{Text: text, Reference: reference})
}
