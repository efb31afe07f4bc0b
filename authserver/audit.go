package authserver

import (
	"context"
	"fmt"

	"m365mcp/audit"
	"m365mcp/identity"
)

// Types of audit events. What is given out is recorded before it leaves.
const (
	eventRegistered   = "oauth.client_registered"
	eventApproved     = "oauth.consent_approved"
	eventDenied       = "oauth.consent_denied"
	eventSignInFailed = "oauth.signin_failed"
	eventGranted      = "oauth.grant_created"
	eventCodeRedeemed = "oauth.code_redeemed"
	eventRefreshed    = "oauth.token_refreshed"
	eventCodeReuse    = "oauth.code_reuse"
	eventRefreshReuse = "oauth.refresh_reuse"
	eventRevoked      = "oauth.revoked"
)

// record writes one event. Its failure is an [oauthError]: no evidence, no action.
func (s *Server) record(ctx context.Context, event string, who identity.Principal, attributes map[string]string) error {
	err := s.audit.Event(ctx, audit.Event{Time: s.now(), Type: event, Principal: who, Attributes: attributes})
	if err != nil {
		return unavailable(fmt.Errorf("audit %s: %w", event, err))
	}
	return nil
}
