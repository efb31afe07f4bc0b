package authserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"m365mcp/identity"
)

// revoke is the revocation endpoint (RFC 7009). Either token of a pair ends the
// whole grant. Unknown tokens are answered with success, as section 2.2 asks.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) error {
	p, err := s.readForm(w, r)
	if err != nil {
		return err
	}
	client, err := s.authenticate(r, p)
	if err != nil {
		return err
	}
	if p["token"] == "" {
		return refuse(codeInvalidRequest, "token is missing.")
	}
	token, err := s.store.Token(r.Context(), digest(p["token"]))
	switch {
	case errors.Is(err, ErrNotFound), err == nil && token.Grant.ClientID != client.ID:
		// A foreign token is treated like an unknown one: it is left alone.
	case err != nil:
		return unavailable(err)
	default:
		if _, err := s.revokeGrant(r.Context(), token.Grant, "by its client"); err != nil {
			return unavailable(err)
		}
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// Revoke ends the selected grants: when it returns without an error, no token of
// theirs is accepted on any replica. reason goes to the audit.
//
// The tokens are dead even if the error is about the audit.
func (s *Server) Revoke(ctx context.Context, selector Selector, reason string) error {
	if selector == (Selector{GrantID: selector.GrantID}) && selector.GrantID != "" {
		grant, err := s.store.Grant(ctx, selector.GrantID)
		if err != nil {
			return fmt.Errorf("revoke grant: %w", err)
		}
		_, err = s.revokeGrant(ctx, grant, reason)
		return err
	}
	scope, _, ok := selector.Kill()
	if !ok {
		return errors.New("revoke: a selector names exactly one of grant, user, client, all")
	}
	if err := s.store.Kill(ctx, selector, s.now()); err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	who := identity.Principal{TenantID: selector.User.TenantID, UserID: selector.User.UserID, ClientID: selector.ClientID}
	err := s.record(ctx, eventRevoked, who, map[string]string{"scope": string(scope), "reason": reason})
	if purgeErr := s.purge(ctx); purgeErr != nil {
		s.log.WarnContext(ctx, "revoked grants not deleted yet", "error", purgeErr)
	}
	return err
}

// Forget ends all that a person has granted, and deletes it with the consents and
// with what Microsoft demands of the next sign-in.
func (s *Server) Forget(ctx context.Context, user UserRef) error {
	return errors.Join(s.Revoke(ctx, Selector{User: user}, "erased"), s.Sweep(ctx), s.store.DeleteDemand(ctx, user, ""))
}

// revokeGrant ends a grant, and what its person has allowed the client: whoever
// revokes wants to be asked again.
func (s *Server) revokeGrant(ctx context.Context, grant Grant, reason string) (wasAlive bool, err error) {
	var forgotten error
	if grant.ofPerson() {
		forgotten = s.forgetConsents(ctx, grant)
	}
	wasAlive, err = s.endGrant(ctx, grant, reason)
	return wasAlive, errors.Join(err, forgotten)
}

func (s *Server) endGrant(ctx context.Context, grant Grant, reason string) (wasAlive bool, err error) {
	now := s.now()
	if wasAlive, err = s.store.RevokeGrant(ctx, grant.ID, reason, now); err != nil {
		return false, fmt.Errorf("revoke grant: %w", err)
	}
	if wasAlive {
		err = s.record(ctx, eventRevoked, grant.principal(now), map[string]string{"scope": "grant", "reason": reason})
	}
	s.forget(ctx, grant.ID)
	return wasAlive, err
}

// forget deletes Microsoft's tokens of an ended grant at once; the sweep repeats
// what fails here.
func (s *Server) forget(ctx context.Context, grantID string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := s.vault.Delete(ctx, grantID); err != nil {
		s.log.WarnContext(ctx, "microsoft tokens not deleted yet", "grant", grantID, "error", err)
	}
}

// Sweep deletes what is over: grants with Microsoft's tokens, sign-ins, codes,
// tokens, consents, clients that nobody uses. The app calls it on a timer; replicas may do
// so at the same time.
func (s *Server) Sweep(ctx context.Context) error {
	now := s.now()
	if err := s.purge(ctx); err != nil {
		return err
	}
	// A used code is kept for a day, to notice its second use.
	if err := s.store.DeleteExpired(ctx, now, now.Add(-24*time.Hour)); err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	if _, err := s.store.DeleteIdleClients(ctx, now.Add(-s.lifetimes.Unused), now.Add(-s.lifetimes.Idle)); err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	return nil
}

// purge deletes ended consents and grants, Microsoft's tokens first, for a vault
// elsewhere: a grant is what leads to them. What a sign-in puts there in between goes
// with the grant.
func (s *Server) purge(ctx context.Context) error {
	const batch = 200
	if err := s.store.DeleteConsents(ctx, s.now().Add(-s.lifetimes.Consent)); err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	for {
		ids, err := s.store.EndedGrants(ctx, s.now(), batch)
		if err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
		for _, id := range ids {
			if err := s.vault.Delete(ctx, id); err != nil {
				return fmt.Errorf("sweep: tokens of grant %s: %w", id, err)
			}
		}
		if err := s.store.DeleteGrants(ctx, ids); err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
		if len(ids) < batch {
			return nil
		}
	}
}
