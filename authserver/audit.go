package authserver

import (
	"context"
	"fmt"

	"m365mcp/audit"
	"m365mcp/identity"
)

// Types of audit events. What is given out is recorded before it leaves.
//
// The audit is kept for ever and synced at each event, so nothing that anybody may
// do without a sign-in is an event: registrations, answers to the consent page and
// sign-ins that end before Microsoft has said who it is are lines of the log. The
// first event of a sign-in says what the person had approved.
const (
	eventSignInFailed = "oauth.signin_failed"
	eventGranted      = "oauth.grant_created"
	eventCodeRedeemed = "oauth.code_redeemed"
	eventRefreshed    = "oauth.token_refreshed"
	eventCodeReuse    = "oauth.code_reuse"
	eventCodeForeign  = "oauth.code_foreign_client"
	eventRefreshReuse = "oauth.refresh_reuse"
	eventRevoked      = "oauth.revoked"
	eventPageSignIn   = "page.signed_in"
	eventOtherPerson  = "oauth.other_person" // came back from Microsoft than the one expected: nothing was given out
	eventStepUp       = "oauth.scope_asked"
	eventWidened      = "oauth.grant_widened"
	eventService      = "oauth.service_token"
	eventAsserted     = "oauth.person_asserted" // by an identity provider (ID-JAG)
)

// record writes one event. Its failure is an [oauthError]: no evidence, no action.
func (s *Server) record(ctx context.Context, event string, who identity.Principal, attributes map[string]string) error {
	err := s.audit.Event(ctx, audit.Event{Time: s.now(), Type: event, Principal: who, Attributes: attributes})
	if err != nil {
		return unavailable(fmt.Errorf("audit %s: %w", event, err))
	}
	return nil
}
