package authserver

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"m365mcp/identity"
)

// A call whose token lacks scopes is answered with 403 and the scopes that it needs,
// once: then the client asks its person for them. The next call gets the tool's own
// answer in words, because the client cannot ask, or the person or Microsoft said no;
// a client that has got the scopes comes with another grant.
const (
	askPause = time.Hour
	// askWindow is how soon a client that would rather refresh does so.
	askWindow = time.Minute
)

// MayAsk reports whether people may be asked for the scope.
func (s *Server) MayAsk(scope string) bool { return slices.Contains(s.most, scope) }

// StepUp answers a request that needs more scopes than the principal's token has
// (RFC 6750 section 3.1), naming all that are needed at once, and reports whether it
// did. Where it did not, asking is no use: one of the scopes is none that people may
// be asked for, or was asked lately.
func (s *Server) StepUp(w http.ResponseWriter, r *http.Request, p identity.Principal, missing []string) bool {
	if len(missing) == 0 || !widens(p) || !s.mayAskAll(missing) {
		return false
	}
	ctx, now := r.Context(), s.now()
	asked, err := s.store.Ask(ctx, p.GrantID, missing, now, now.Add(-askPause))
	if err == nil && asked {
		err = s.record(ctx, eventStepUp, p, map[string]string{"scopes": strings.Join(missing, " ")})
	}
	if err != nil {
		s.log.WarnContext(ctx, "client not told to ask for scopes", "grant", p.GrantID, "scopes", missing, "error", err)
		return false
	}
	if !asked {
		return false
	}
	text := "This needs permissions that the connection does not have: " + strings.Join(missing, ", ") +
		". The app can ask for them by a new authorization request. If it cannot, call again: the answer then says what to do."
	s.refuseBearer(w, r, http.StatusForbidden, Challenge{Error: codeInsufficientScope, Description: text, Scopes: union(p.Scopes, missing)}, text)
	return true
}

func (s *Server) mayAskAll(scopes []string) bool {
	return !slices.ContainsFunc(scopes, func(scope string) bool { return !s.MayAsk(scope) })
}

// holdRefresh refuses a refresh right after StepUp, once, while the access token still
// lives: the client hopes that it brings the scopes, which it cannot (RFC 6749
// section 6). With this error it asks its person; Microsoft has it for the same. The
// refresh token stays good.
func (s *Server) holdRefresh(ctx context.Context, token Token, now time.Time) error {
	if token.Generation != token.Grant.Generation || !now.Before(token.Grant.LastUsedAt.Add(s.lifetimes.Access)) {
		return nil
	}
	asked, err := s.store.TakeAsked(ctx, token.Grant.ID, now.Add(-askWindow))
	if err != nil {
		return unavailable(err)
	}
	if !asked {
		return nil
	}
	return refuse(codeInteractionRequired, "The person has to agree to more permissions: send an authorization request with the scope of the last challenge.")
}
