package ticket

import (
	"context"
	"crypto/hmac"
	"errors"
	"net/http"
	"strings"

	"m365mcp/identity"
)

// Register adds the routes to mux.
func (s *Service) Register(mux *http.ServeMux) {
	mux.HandleFunc(pathPrefix, s.ticketPage)
	mux.Handle("/download", s.api(s.bearerDownload))
	mux.Handle("/upload", s.api(s.bearerUpload))
}

// use is a ticket in the hands of a browser.
type use struct {
	row     Row
	item    Item
	token   string
	session Session
}

func (u use) person() identity.Principal {
	return identity.Principal{TenantID: u.session.TenantID, UserID: u.session.UserID, UPN: u.session.UPN}
}

// ticketPage is for people. What does not exist, is over or was used looks the same.
func (s *Service) ticketPage(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, HEAD, POST")
		s.fail(w, r, &failure{http.StatusMethodNotAllowed, "invalid_request", "This page cannot be opened in this way."})
		return
	}
	u := use{token: strings.TrimPrefix(r.URL.Path, pathPrefix)}
	var err error
	if u.row, u.item, err = s.find(r.Context(), u.token); err != nil {
		s.fail(w, r, err)
		return
	}
	var signedIn bool
	if u.session, signedIn = s.people.Session(r); !signedIn {
		status := http.StatusOK
		if r.Method == http.MethodPost { // the session has ended while the page was open
			status = http.StatusForbidden
		}
		s.showSignIn(w, r, status, pageSignIn, u)
		return
	}
	if (Person{u.session.TenantID, u.session.UserID}) != u.row.Owner {
		if err := s.refuse(r.Context(), u.row, u.person(), viaPage, "another person"); err != nil {
			s.fail(w, r, err)
			return
		}
		s.showSignIn(w, r, http.StatusForbidden, pageOther, u)
		return
	}
	switch {
	case r.Method != http.MethodPost:
		s.showItem(w, r, http.StatusOK, u, "")
	case u.row.Kind == Upload:
		s.pageUpload(w, r, u)
	default:
		s.pageDownload(w, r, u)
	}
}

// ownForm reports whether the form came from the person's own page: the browser says
// so, if it says anything, and the token is that of the session.
func (s *Service) ownForm(r *http.Request, u use, token string) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return (site == "" || site == "same-origin") && u.session.CSRF != "" && hmac.Equal([]byte(token), []byte(u.session.CSRF))
}

// refuseForm answers a form that another site may have sent.
func (s *Service) refuseForm(w http.ResponseWriter, r *http.Request, u use) {
	if err := s.refuse(r.Context(), u.row, u.person(), viaPage, "foreign form"); err != nil {
		s.fail(w, r, err)
		return
	}
	s.showItem(w, r, http.StatusForbidden, u, "The page was no longer valid. Try once more.")
}

// principal returns on whose behalf the ticket is redeemed, as of now.
func (s *Service) principal(ctx context.Context, u use) (identity.Principal, error) {
	p, err := s.people.Principal(ctx, u.row.GrantID)
	if err == nil && (p.GrantID != u.row.GrantID || Person{p.TenantID, p.UserID} != u.row.Owner) {
		err = errors.New("ticket: the grant is another person's")
	}
	if err != nil {
		if auditErr := s.refuse(ctx, u.row, u.person(), viaPage, "no grant"); auditErr != nil {
			return identity.Principal{}, auditErr
		}
		s.log.InfoContext(ctx, "ticket refused", "error", err)
		return identity.Principal{}, errNoGrant
	}
	return p, nil
}

// bearerTicket finds the ticket for the bearer of its own grant; to all others it
// does not exist.
func (s *Service) bearerTicket(ctx context.Context, p identity.Principal, given string, kind Kind) (Row, Item, error) {
	row, item, err := s.find(ctx, s.tokenOf(given))
	if err != nil {
		return Row{}, Item{}, err
	}
	if row.GrantID != p.GrantID || row.Owner != (Person{p.TenantID, p.UserID}) {
		return Row{}, Item{}, errors.Join(ErrNotFound, s.refuse(ctx, row, p, viaBearer, "another grant"))
	}
	if row.Kind != kind {
		return Row{}, Item{}, ErrNotFound
	}
	return row, item, nil
}
