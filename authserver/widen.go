package authserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"m365mcp/entra"
)

var (
	errNotYours = refusePage(http.StatusForbidden,
		"Somebody else came back from Microsoft than the person of this connection. Nothing was changed. Open a new link and sign in with the right account.")
	errNoneGranted = refusePage(http.StatusForbidden,
		"Microsoft granted none of the new permissions: an administrator may have to consent to them first. Nothing was changed.")
	errNoRefresh = refusePage(http.StatusBadGateway, "Microsoft gave no lasting access this time. Nothing was changed.")
)

// finishWidening adds to a grant what its person and Microsoft have agreed to. The
// state was this browser's, and nobody can use it again.
func (s *Server) finishWidening(w http.ResponseWriter, r *http.Request, state string, values url.Values, signIn SignIn) error {
	added, err := s.widen(r.Context(), state, values, signIn)
	if err != nil {
		s.showError(w, r, err, true)
		return nil
	}
	s.setPerson(w, r, signIn.Expected)
	s.showDone(w, r, "It may do more now", added.granted, added.refused)
	return nil
}

// widened is what came of the scopes that were asked for.
type widened struct{ granted, refused []string }

func (s *Server) widen(ctx context.Context, state string, values url.Values, signIn SignIn) (widened, error) {
	account, tokens, err := s.exchange(ctx, values, s.keys.upstreamSignIn(state, signIn))
	if err != nil {
		return widened{}, err
	}
	if refOf(account) != signIn.Expected {
		// Of no use to anybody: the tokens are dropped.
		return widened{}, errors.Join(errNotYours, s.record(ctx, eventOtherPerson, principalOf(account, ""), map[string]string{"grant": signIn.GrantID}))
	}
	grant, err := s.aliveGrant(ctx, signIn.GrantID)
	if errors.Is(err, ErrRevoked) || err == nil && (grant.user() != signIn.Expected || grant.RestsOn != "") {
		return widened{}, refusePage(http.StatusNotFound, linkGone)
	}
	if err != nil {
		return widened{}, unavailable(err)
	}
	asked := without(signIn.Scopes, grant.Scopes)
	out := widened{granted: consented(asked, tokens.Scopes)}
	out.refused = without(asked, out.granted)
	switch {
	case len(out.granted) == 0:
		s.refusedScopes(ctx, grant.ID, out.refused)
		return widened{}, errNoneGranted
	case tokens.Refresh.IsZero() && grant.refreshable():
		return widened{}, errNoRefresh
	}
	s.refusedScopes(ctx, grant.ID, out.refused)
	if err := s.keepWidened(ctx, grant, tokens, out.granted); err != nil {
		return widened{}, err
	}
	s.demandMet(ctx, signIn.Expected, grant.ClientID, signIn.Claims)
	if err := s.store.DeleteLink(ctx, ticketLink(signIn.Ticket)); err != nil { // its ticket is used up anyway
		s.log.WarnContext(ctx, "link not deleted", "grant", grant.ID, "error", err)
	}
	return out, nil
}

// keepWidened puts Microsoft's tokens first: they may do more than the grant until its
// scopes follow, and the grant's are what counts.
func (s *Server) keepWidened(ctx context.Context, grant Grant, tokens entra.Tokens, added []string) error {
	if err := s.vault.Put(ctx, grant.ID, tokens); err != nil {
		return unavailable(fmt.Errorf("vault: %w", err))
	}
	if err := s.record(ctx, eventWidened, grant.principal(s.now()), map[string]string{"added": strings.Join(added, " ")}); err != nil {
		return err
	}
	err := s.store.Widen(ctx, grant.ID, grant.Scopes, union(grant.Scopes, added))
	if errors.Is(err, ErrNotFound) { // it has ended meanwhile, or was widened by another link
		if _, alive := s.aliveGrant(ctx, grant.ID); errors.Is(alive, ErrRevoked) {
			s.forget(ctx, grant.ID)
		}
		return refusePage(http.StatusConflict, "The connection has changed meanwhile. Ask your assistant for a new link.")
	}
	if err != nil {
		return unavailable(err)
	}
	return nil
}
