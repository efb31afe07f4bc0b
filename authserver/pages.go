package authserver

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"unicode"
)

//go:embed pages/*.html pages/style.css pages/copy.js
var pageFiles embed.FS

// pages are the few pages that people see. They load nothing and work without script;
// consent and errors have none.
type pages struct {
	templates *template.Template
	policy    string // Content-Security-Policy
	scripted  string // the same for pages with copy.js
}

// consentView is what a person agrees to.
type consentView struct {
	Client       string // as it calls itself
	Vouched      string // who says so: "", a host, or administrator
	Target       string // where the answer goes
	Local        bool   // to an app on the person's computer
	Server       string
	Person       string // who is proven to be there
	New, Allowed []ScopeGroup
	Names        string // of the scopes asked for, at Microsoft
	CSRF, Link   string
	Minutes      string
	Connections  string // the address where it is taken back, or empty
}

// Speaks reports whether something new reaches other people in the person's name.
func (v consentView) Speaks() bool {
	return slices.ContainsFunc(v.New, func(g ScopeGroup) bool {
		return slices.ContainsFunc(g.Scopes, ScopeText.Speaks)
	})
}

type signInView struct{ Title, Person, CSRF string }

type doneView struct {
	Title          string
	Added, Refused []ScopeGroup
	Connections    string // as a path
}

type errorView struct {
	Title, Text string
	Page        bool   // no app waits for the answer
	Reference   string // finds the log's line
}

type pageView struct {
	Title string
	Body  template.HTML
}

func newPages() (*pages, error) {
	style, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	script, err := pageFiles.ReadFile("pages/copy.js")
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	t := template.New("").Funcs(template.FuncMap{
		"style": func() template.CSS { return template.CSS(style) }, //nolint:gosec // embedded in the program
		"copy":  func() template.JS { return template.JS(script) },  //nolint:gosec // likewise
	})
	if t, err = t.ParseFS(pageFiles, "pages/*.html"); err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	// No form-action: browsers hold every redirect after the form's POST to it, and that
	// way goes over Microsoft, perhaps a company's own sign-in, to any client's redirect URI.
	policy := "default-src 'none'; style-src " + source(style) + "; frame-ancestors 'none'; base-uri 'none'"
	return &pages{templates: t, policy: policy, scripted: policy + "; script-src " + source(script)}, nil
}

// source is a hash-source of a Content-Security-Policy (CSP Level 3, section 2.3.1).
func source(text []byte) string {
	sum := sha256.Sum256(text)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func (p *pages) render(w http.ResponseWriter, r *http.Request, log *slog.Logger, status int, name string, view any) {
	var out bytes.Buffer
	if err := p.templates.ExecuteTemplate(&out, name+".html", view); err != nil {
		log.ErrorContext(r.Context(), "page not rendered", "page", name, "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if _, err := w.Write(out.Bytes()); err != nil {
		log.DebugContext(r.Context(), "page not sent", "page", name, "error", err)
	}
}

// refusePage is an error that is shown to the person; no client is to blame or to tell.
func refusePage(status int, text string) *oauthError {
	return &oauthError{status: status, code: codeInvalidRequest, description: text}
}

// page wraps an endpoint that people's browsers visit.
func (s *Server) page(handle func(http.ResponseWriter, *http.Request) error, method string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.pages.protect(w.Header())
		var err error
		if r.Method == method {
			if err = s.personHere(r); err == nil {
				err = handle(w, r)
			}
		} else {
			w.Header().Set("Allow", method)
			err = refusePage(http.StatusMethodNotAllowed, "This page cannot be opened in this way.")
		}
		if err != nil {
			s.showError(w, r, err, false)
		}
	})
}

// protect sets what every page carries.
func (p *pages) protect(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", p.policy)
	h.Set("Referrer-Policy", "no-referrer") // addresses here carry codes and states
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}

// referenceLength is 40 bits, and short enough to be read out.
const referenceLength = 8

// showError tells the person; page says that no app waits for an answer.
func (s *Server) showError(w http.ResponseWriter, r *http.Request, err error, page bool) {
	e := asOAuth(err)
	view := errorView{Title: "This did not work", Text: e.description, Page: page, Reference: rand.Text()[:referenceLength]}
	// Refusals too: this is the line that the person's administrator looks for.
	s.logError(r, e, slog.LevelInfo, slog.String("reference", view.Reference))
	setRetryAfter(w, e)
	if e.status == http.StatusServiceUnavailable || e.status == http.StatusTooManyRequests {
		view.Title = "Try again later"
	}
	s.pages.render(w, r, s.log, e.status, "error", view)
}

// ShowPage answers with a page in this server's look, and under its content security
// policy: with its one script, and without anything from elsewhere.
func (s *Server) ShowPage(w http.ResponseWriter, r *http.Request, status int, title string, body template.HTML) {
	s.pages.protect(w.Header())
	w.Header().Set("Content-Security-Policy", s.pages.scripted)
	s.pages.render(w, r, s.log, status, "page", pageView{Title: title, Body: body})
}

// displayText makes a name that a stranger chose fit to be shown: no control,
// format or direction characters, one line, at most the given number of characters.
func displayText(text string, most int) string {
	visible := strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return ' '
		case c == unicode.ReplacementChar, unicode.In(c, unicode.C, unicode.Zl, unicode.Zp), invisible(c):
			return -1
		default:
			return c
		}
	}, strings.ToValidUTF8(text, ""))
	runes := []rune(strings.Join(strings.Fields(visible), " "))
	if len(runes) > most {
		runes = append(runes[:most-1], '…')
	}
	return string(runes)
}

// invisible lists what Unicode counts as letters or marks and fonts draw as nothing.
func invisible(c rune) bool {
	return slices.Contains([]rune{0x034f, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x3164, 0xffa0}, c) ||
		unicode.Is(unicode.Variation_Selector, c)
}
