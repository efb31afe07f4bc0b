package ticket

import (
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"m365mcp/timezone"
)

//go:embed pages/*.html
var pageFiles embed.FS

// page is one of the pages that people see.
type page struct{ file, title string }

var (
	pageSignIn   = page{"signin.html", "Sign in to continue"}
	pageOther    = page{"other.html", "This link is another person's"}
	pageDownload = page{"download.html", "A file for you"}
	pageUpload   = page{"upload.html", "Send a file to your assistant"}
	pageUploaded = page{"uploaded.html", "Your file is here"}
	pageGone     = page{"gone.html", "This link does not work"}
	pageFailed   = page{"failed.html", "This did not work"}
)

// view is all that the pages show; each uses some of it.
type view struct {
	Name, Size, MaxSize string
	UploadID            string
	UPN                 string
	CSRF                string
	Expires             string
	Text                string
	Reference           string // finds the log's line
}

func parsePages() (*template.Template, error) {
	t, err := template.ParseFS(pageFiles, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("ticket pages: %w", err)
	}
	return t, nil
}

func (s *Service) show(w http.ResponseWriter, r *http.Request, status int, p page, v view) {
	var body strings.Builder
	if err := s.pages.ExecuteTemplate(&body, p.file, v); err != nil {
		s.log.ErrorContext(r.Context(), "page not rendered", "page", p.file, "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	s.people.ShowPage(w, r, status, p.title, template.HTML(body.String())) //nolint:gosec // html/template has escaped it
}

// showItem says what the ticket is for, with the form that redeems it.
func (s *Service) showItem(w http.ResponseWriter, r *http.Request, status int, u use, text string) {
	v := view{
		Name: u.item.Name, UPN: u.session.UPN, CSRF: u.session.CSRF, Text: text,
		Expires: u.item.clock(u.row.ExpiresAt), MaxSize: sizeText(s.files.MaxSize()),
	}
	if u.item.Size > 0 {
		v.Size = sizeText(u.item.Size)
	}
	if u.row.Kind == Upload {
		s.show(w, r, status, pageUpload, v)
		return
	}
	s.show(w, r, status, pageDownload, v)
}

// showSignIn offers a sign-in, and says nothing about the ticket.
func (s *Service) showSignIn(w http.ResponseWriter, r *http.Request, status int, p page, u use) {
	token, err := s.people.SignInForm(w, r, pathPrefix+u.token)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.show(w, r, status, p, view{CSRF: token, UPN: u.session.UPN})
}

// sizeText is a size for people, in the units that file managers use.
func sizeText(size int64) string {
	switch {
	case size < 1000:
		return fmt.Sprintf("%d bytes", size)
	case size < 1_000_000:
		return fmt.Sprintf("%.0f kB", float64(size)/1e3)
	default:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(size)/1e6), ".0") + " MB"
	}
}

// clock is a time within the hour, in the zone of the person's mailbox.
func (i Item) clock(t time.Time) string {
	zone, err := timezone.Find(i.Zone)
	if err != nil {
		zone = timezone.UTC
	}
	return t.In(zone.Location()).Format("15:04") + " (" + zone.Label() + ")"
}
