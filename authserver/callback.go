package authserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"m365mcp/entra"
)

// callback is where Microsoft sends the browser back to. The state must be one
// that this server gave to this browser, and works once; only then is anything
// said to the client.
func (s *Server) callback(w http.ResponseWriter, r *http.Request) error {
	if len(r.URL.RawQuery) > 2*maxQuery { // Microsoft's codes are long
		return refusePage(http.StatusRequestURITooLong, "The answer from Microsoft is too long.")
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return refusePage(http.StatusBadRequest, "The answer from Microsoft is not well-formed.")
	}
	state := only(values, "state")
	cookie := signInCookie(digest(state))
	browser := s.cookies.get(r, cookie)
	if state == "" || browser == "" {
		return errForeignSignIn
	}
	signIn, err := s.store.TakeSignIn(r.Context(), digest(state), digest(browser), s.now())
	if errors.Is(err, ErrNotFound) {
		return errForeignSignIn
	}
	if err != nil {
		return unavailable(err)
	}
	s.cookies.clear(w, cookie)
	code, err := s.finishSignIn(r.Context(), state, values, signIn)
	if err != nil {
		return s.redirectError(w, r, signIn.Request, err)
	}
	redirect(w, s.answerURL(signIn.Request, url.Values{"code": {code}}))
	return nil
}

var errForeignSignIn = refusePage(http.StatusForbidden,
	"This sign-in was not started in this browser, was finished before, or took too long. Start the connection in your app again.")

// finishSignIn turns Microsoft's answer into a grant and its code.
func (s *Server) finishSignIn(ctx context.Context, state string, values url.Values, signIn SignIn) (string, error) {
	if upstreamCode := values.Get("error"); upstreamCode != "" {
		return "", refusedByMicrosoft(upstreamCode, values.Get("error_description"))
	}
	upstreamCode := only(values, "code")
	if upstreamCode == "" {
		return "", &oauthError{status: http.StatusBadGateway, code: codeServerError, description: "Microsoft's answer carries no code."}
	}
	account, tokens, err := s.upstream.Exchange(ctx, upstreamCode, s.keys.signIn(state, signIn.Scopes))
	if err != nil {
		return "", exchangeFailed(err)
	}
	if account.TenantID == "" || account.ObjectID == "" || tokens.Access.IsZero() {
		return "", &oauthError{status: http.StatusBadGateway, code: codeServerError, description: "Microsoft did not say who signed in."}
	}
	grant := s.newGrant(signIn, account, tokens)
	code, err := s.createGrant(ctx, signIn, grant, tokens)
	if err != nil {
		// From here on it is known who it was: evidence, and no longer a line of the log.
		who := grant.principal(grant.CreatedAt)
		who.GrantID = ""
		if recordErr := s.record(ctx, eventSignInFailed, who, evidence(signIn, map[string]string{"error": asOAuth(err).code})); recordErr != nil {
			err = recordErr
		}
	}
	return code, err
}

// newGrant is what the person and Microsoft agreed to.
func (s *Server) newGrant(signIn SignIn, account entra.Account, tokens entra.Tokens) Grant {
	now := s.now()
	grant := Grant{
		ID: randomID(), TenantID: account.TenantID, UserID: account.ObjectID,
		UPN: account.UPN, Mail: cmp.Or(account.Mail, account.UPN), Name: account.Name,
		ClientID: signIn.ClientID, Scopes: consented(signIn.Scopes, tokens.Scopes), Resource: signIn.Resource, Epoch: signIn.Epoch,
		CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(s.lifetimes.Code),
	}
	if tokens.Refresh.IsZero() {
		grant.EndsAt = tokens.Expires
	}
	return grant
}

// createGrant stores the grant before the Microsoft tokens, which the vault keeps
// only as long as there is one, and gives the code out last.
func (s *Server) createGrant(ctx context.Context, signIn SignIn, grant Grant, tokens entra.Tokens) (string, error) {
	if len(grant.Scopes) == 0 {
		return "", refuse(codeAccessDenied, "Microsoft granted none of the permissions that were asked for.")
	}
	code := randomToken()
	err := s.store.InsertGrant(ctx, grant, Code{
		Digest: digest(code), GrantID: grant.ID, RedirectURI: signIn.RedirectURI,
		Challenge: signIn.Challenge, ExpiresAt: grant.ExpiresAt,
	})
	if errors.Is(err, ErrRevoked) {
		return "", refuse(codeAccessDenied, "Access was revoked while the sign-in was under way. Connect again.")
	}
	if err != nil {
		return "", unavailable(err)
	}
	err = s.vault.Put(ctx, grant.ID, tokens)
	if err != nil {
		err = unavailable(fmt.Errorf("vault: %w", err))
	} else {
		err = s.record(ctx, eventGranted, grant.principal(grant.CreatedAt), evidence(signIn, map[string]string{"scopes": strings.Join(grant.Scopes, " ")}))
	}
	if err != nil {
		s.discard(ctx, grant.ID, "sign-in failed")
		return "", err
	}
	return code, nil
}

// discard ends a grant that nobody got anything of; the sweep repeats what fails here.
func (s *Server) discard(ctx context.Context, grantID, reason string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, err := s.store.RevokeGrant(ctx, grantID, reason, s.now()); err != nil {
		s.log.WarnContext(ctx, "grant not discarded", "grant", grantID, "error", err)
	}
	s.forget(ctx, grantID)
}

// evidence adds what the person approved, and where the answer goes.
func evidence(signIn SignIn, attributes map[string]string) map[string]string {
	attributes["approved"] = strings.Join(signIn.Scopes, " ")
	attributes["redirect_host"], _ = redirectTarget(signIn.RedirectURI)
	return attributes
}

// consented is what both sides agreed to: Microsoft answers with everything that
// the person ever consented to, or with less than was asked.
func consented(asked, granted []string) []string {
	return slices.DeleteFunc(slices.Clone(asked), func(scope string) bool {
		return !slices.ContainsFunc(granted, func(g string) bool { return strings.EqualFold(g, scope) })
	})
}

// aadsts is the number that an administrator can look up.
var aadsts = regexp.MustCompile(`\bAADSTS[0-9]{4,8}\b`)

// refusedByMicrosoft words the errors that people and administrators can act on.
// Microsoft's own description goes to the log only: it may name people.
func refusedByMicrosoft(code, description string) *oauthError {
	e := &oauthError{status: http.StatusBadGateway, code: codeAccessDenied, cause: fmt.Errorf("microsoft: %.80q: %.500q", code, description)}
	switch code {
	case "access_denied":
		e.description = "The sign-in at Microsoft was cancelled, or Microsoft refused access."
	case "consent_required", "interaction_required", "login_required", "invalid_scope", "unauthorized_client":
		e.description = "Microsoft did not allow the app: an administrator may have to consent to its permissions first."
	case "temporarily_unavailable":
		e.code, e.description = codeUnavailable, "Microsoft's sign-in is unavailable at the moment. Try again."
	default:
		e.code, e.description = codeServerError, "The sign-in at Microsoft failed."
	}
	if number := aadsts.FindString(description); number != "" {
		e.description += " (" + number + ")"
	}
	return e
}

func exchangeFailed(err error) *oauthError {
	e := &oauthError{
		status: http.StatusBadGateway, code: codeServerError,
		description: "The sign-in at Microsoft could not be completed. Connect again.", cause: err,
	}
	if answer, ok := errors.AsType[*entra.Error](err); ok && answer.Code != "" && answer.Code != "invalid_grant" {
		e = refusedByMicrosoft(answer.Code, answer.Description)
		e.cause = err
	}
	if entra.IsTransient(err) {
		e.code, e.description = codeUnavailable, "Microsoft's sign-in did not answer. Try again."
	}
	return e
}
