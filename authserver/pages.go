package authserver

import (
	"bytes"
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

//go:embed pages/*.html pages/style.css
var pageFiles embed.FS

// pages are the few pages that people see. They have no script and load nothing.
type pages struct {
	templates *template.Template
	policy    string // Content-Security-Policy
}

type consentView struct {
	Client  string // as it calls itself
	Target  string // where the answer goes
	Local   bool   // to an app on the person's computer
	Server  string
	Scopes  []scopeView
	CSRF    string
	Minutes string
}

type scopeView struct{ Name, Text string }

type errorView struct{ Title, Text string }

func newPages() (*pages, error) {
	style, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	t := template.New("").Funcs(template.FuncMap{
		"style": func() template.CSS { return template.CSS(style) }, //nolint:gosec // embedded in the program
	})
	if t, err = t.ParseFS(pageFiles, "pages/*.html"); err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	sum := sha256.Sum256(style)
	// No form-action: browsers hold every redirect after the form's POST to it, and that
	// way goes over Microsoft, perhaps a company's own sign-in, to any client's redirect URI.
	return &pages{templates: t, policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; frame-ancestors 'none'; base-uri 'none'"}, nil
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
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", s.pages.policy)
		h.Set("Referrer-Policy", "no-referrer") // addresses here carry codes and states
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		var err error
		if r.Method == method {
			err = handle(w, r)
		} else {
			h.Set("Allow", method)
			err = refusePage(http.StatusMethodNotAllowed, "This page cannot be opened in this way.")
		}
		if err == nil {
			return
		}
		e := asOAuth(err)
		s.logError(r, e)
		view := errorView{Title: "This did not work", Text: e.description}
		setRetryAfter(w, e)
		if e.status == http.StatusServiceUnavailable {
			view.Title = "Try again later"
		}
		s.pages.render(w, r, s.log, e.status, "error", view)
	})
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
