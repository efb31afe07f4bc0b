package entra

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"

	"m365mcp/simulator/dataset"
)

//go:embed pages
var pageFiles embed.FS

// pages renders what people see. Style and the one script (form_post's) are
// inline and allowed by their hashes: nothing else loads or runs.
type pages struct {
	templates *template.Template
	policy    string
}

type signInPage struct {
	App         string
	Action      string
	Transaction string
	Scopes      []string
	People      []personChoice
	Reason      string
}

type personChoice struct {
	*dataset.Person

	Initials string
	Hinted   bool
}

type formPostPage struct {
	Action string
	Fields []formField
}

type formField struct{ Name, Value string }

type errorPage struct{ Code, Text, TraceID, CorrelationID, Timestamp string }

func newPages(tenant *dataset.Tenant) (*pages, error) {
	style, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		return nil, fmt.Errorf("entra: style: %w", err)
	}
	script, err := pageFiles.ReadFile("pages/formpost.js")
	if err != nil {
		return nil, fmt.Errorf("entra: script: %w", err)
	}
	// Both files are part of this program: no outside input reaches them.
	templates, err := template.New("").Funcs(template.FuncMap{
		"style":  func() template.CSS { return template.CSS(style) }, //nolint:gosec // embedded file
		"script": func() template.JS { return template.JS(script) },  //nolint:gosec // embedded file
		"tenant": func() string { return tenant.Name },
	}).ParseFS(pageFiles, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("entra: pages: %w", err)
	}
	return &pages{
		templates: templates,
		// No form-action: browsers apply it to the whole chain of redirects
		// behind the sign-in, which ends at addresses unknown here.
		policy: "default-src 'none'; style-src '" + sourceHash(style) + "'; script-src '" + sourceHash(script) +
			"'; base-uri 'none'; frame-ancestors 'none'",
	}, nil
}

func sourceHash(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	var body bytes.Buffer
	if err := s.pages.templates.ExecuteTemplate(&body, name+".html", data); err != nil {
		s.log.ErrorContext(r.Context(), "page failed", "page", name, "error", err.Error())
		http.Error(w, "The page could not be rendered.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", s.pages.policy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	w.WriteHeader(status)
	if _, err := body.WriteTo(w); err != nil {
		s.log.DebugContext(r.Context(), "client went away", "error", err.Error())
	}
}

// showError is Entra's own error page, for what must not be redirected.
func (s *Server) showError(w http.ResponseWriter, r *http.Request, t trace, e *stsError) {
	s.recordFailure(r, t, e)
	s.render(w, r, http.StatusBadRequest, "error", errorPage{
		Code: fmt.Sprintf("AADSTS%d", e.code), Text: e.text,
		TraceID: t.id, CorrelationID: t.correlation, Timestamp: t.timestamp(),
	})
}

// fail answers a defect of this server.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, t trace, err error) {
	s.log.ErrorContext(r.Context(), "entra failed", "error", err.Error(), "trace_id", t.id)
	http.Error(w, "AADSTS90033: A transient error has occurred. Please try again.", http.StatusInternalServerError)
}
