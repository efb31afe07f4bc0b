package authserver

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// demandLife bounds how long Microsoft's claims challenge is carried: what it was
// about, a password or a place, is over by then, or demanded again.
const demandLife = 24 * time.Hour

// SignInAgain ends a grant that Microsoft wants a new sign-in for; claims is what that
// has to carry, as JSON, or nothing (continuous access evaluation). What the person
// has allowed the client stays: nobody took it back.
func (s *Server) SignInAgain(ctx context.Context, grantID, claims string) error {
	grant, err := s.store.Grant(ctx, grantID)
	if err != nil {
		return fmt.Errorf("sign-in again: %w", err)
	}
	if !grant.ofPerson() {
		return errors.New("sign-in again: the grant names no person")
	}
	if claims != "" {
		err = s.store.PutDemand(ctx, Demand{
			User: grant.user(), ClientID: grant.ClientID, Claims: claims, At: s.now(),
		})
	}
	// The grant ends also where the claims are lost: then Microsoft demands them again.
	_, endErr := s.endGrant(ctx, grant, "sign-in required by Microsoft")
	return errors.Join(endErr, err)
}

// withDemand adds to a claims request what Microsoft demands of this person's next
// sign-in with the client.
func (s *Server) withDemand(ctx context.Context, who UserRef, clientID, claims string) (string, error) {
	if who == (UserRef{}) {
		return claims, nil
	}
	demand, err := s.store.Demand(ctx, who, clientID)
	switch {
	case errors.Is(err, ErrNotFound):
		return claims, nil
	case err != nil:
		return "", unavailable(err)
	case !s.now().Before(demand.At.Add(demandLife)):
		return claims, nil
	}
	merged, err := mergeClaims(claims, demand.Claims)
	if err != nil {
		s.log.WarnContext(ctx, "unreadable claims challenge of Microsoft's", "error", err)
		return claims, nil
	}
	return merged, nil
}

// demandMet forgets what Microsoft demanded, once a sign-in has carried it.
func (s *Server) demandMet(ctx context.Context, who UserRef, clientID, claims string) {
	if claims == "" {
		return
	}
	if err := s.store.DeleteDemand(ctx, who, clientID); err != nil {
		s.log.WarnContext(ctx, "claims challenge not forgotten: the next sign-in carries it too", "error", err)
	}
}
