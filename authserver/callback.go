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
	"m365mcp/identity"
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
	if s.perimeter != nil && !signIn.Perimeter.Same(identity.PerimeterOf(r.Context())) {
		return errForeignSignIn
	}
	switch {
	case signIn.GrantID != "":
		return s.finishWidening(w, r, state, values, signIn)
	case signIn.forPage():
		return s.finishPage(w, r, state, values)
	default:
		return s.finishClient(w, r, state, values, signIn)
	}
}

var errForeignSignIn = refusePage(http.StatusForbidden,
	"This sign-in was not started in this browser, was finished before, or took too long. Start the connection in your app again.")

// finishClient answers the client that waits; or asks the person before that, where
// the one who came back is not the one who agreed.
func (s *Server) finishClient(w http.ResponseWriter, r *http.Request, state string, values url.Values, signIn SignIn) error {
	ctx := r.Context()
	// Both may have changed while the person was at Microsoft.
	client, err := s.clientOf(r, signIn.Request)
	if err != nil {
		return err
	}
	if upstreamCode := values.Get("error"); signIn.Silent && slices.Contains(silentErrors, upstreamCode) {
		return s.redirectError(w, r, signIn.Request, silently(upstreamCode))
	}
	account, tokens, err := s.exchange(ctx, values, s.keys.upstreamSignIn(state, signIn))
	if err != nil {
		return s.redirectError(w, r, signIn.Request, err)
	}
	again, err := s.asksAgain(ctx, signIn, client, refOf(account))
	if err != nil {
		return s.redirectError(w, r, signIn.Request, err)
	}
	if again {
		return s.askAgain(w, r, signIn, client, account)
	}
	code, err := s.finishSignIn(ctx, signIn, account, tokens)
	if err != nil {
		return s.redirectError(w, r, signIn.Request, err)
	}
	s.setPerson(w, r, refOf(account))
	s.remember(ctx, signIn, account)
	s.demandMet(ctx, refOf(account), signIn.ClientID, signIn.Claims)
	redirect(w, s.answerURL(signIn.Request, url.Values{"code": {code}}))
	return nil
}

// finishSignIn turns Microsoft's answer into a grant and its code.
func (s *Server) finishSignIn(ctx context.Context, signIn SignIn, account entra.Account, tokens entra.Tokens) (string, error) {
	grant := s.newGrant(signIn, account, tokens)
	code, err := s.createGrant(ctx, signIn, grant, tokens)
	if err != nil {
		// From here on it is known who it was: evidence, and no longer a line of the log.
		who := principalOf(account, signIn.ClientID)
		if recordErr := s.record(ctx, eventSignInFailed, who, evidence(signIn, map[string]string{"error": asOAuth(err).code})); recordErr != nil {
			err = recordErr
		}
	}
	return code, err
}

// principalOf is the person alone, without a grant.
func principalOf(account entra.Account, clientID string) identity.Principal {
	return identity.Principal{
		TenantID: account.TenantID, UserID: account.ObjectID, UPN: account.UPN, Mail: cmp.Or(account.Mail, account.UPN), Name: account.Name, ClientID: clientID,
	}
}

// exchange learns from Microsoft who it was.
func (s *Server) exchange(ctx context.Context, values url.Values, signIn entra.SignIn) (entra.Account, entra.Tokens, error) {
	if upstreamCode := values.Get("error"); upstreamCode != "" {
		return entra.Account{}, entra.Tokens{}, refusedByMicrosoft(upstreamCode, values.Get("error_description"))
	}
	upstreamCode := only(values, "code")
	if upstreamCode == "" {
		return entra.Account{}, entra.Tokens{}, &oauthError{status: http.StatusBadGateway, code: codeServerError, description: "Microsoft's answer carries no code."}
	}
	account, tokens, err := s.upstream.Exchange(ctx, upstreamCode, signIn)
	if err != nil {
		return entra.Account{}, entra.Tokens{}, exchangeFailed(err)
	}
	if account.TenantID == "" || account.ObjectID == "" || tokens.Access.IsZero() {
		return entra.Account{}, entra.Tokens{}, &oauthError{status: http.StatusBadGateway, code: codeServerError, description: "Microsoft did not say who signed in."}
	}
	return account, tokens, s.samePerson(ctx, account)
}

// newGrant is what the person and Microsoft agreed to.
func (s *Server) newGrant(signIn SignIn, account entra.Account, tokens entra.Tokens) Grant {
	now := s.now()
	grant := Grant{
		ID: randomID(), TenantID: account.TenantID, UserID: account.ObjectID,
		UPN: account.UPN, Mail: cmp.Or(account.Mail, account.UPN), Name: account.Name,
		ClientID: signIn.ClientID, Scopes: consented(signIn.Scopes, tokens.Scopes), Resource: signIn.Resource, Epoch: signIn.Epoch,
		Perimeter: signIn.Perimeter, CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(s.lifetimes.Code),
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
	if err := s.keepClient(ctx, signIn.ClientID); err != nil {
		return "", asOAuth(err)
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
	s.refusedScopes(ctx, grant.ID, without(signIn.Scopes, grant.Scopes))
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
	if signIn.Remembered {
		attributes["consent"] = "remembered"
	}
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
	if refused, ok := errors.AsType[*entra.NotAdmittedError](err); ok {
		e.status, e.code, e.description = http.StatusForbidden, codeAccessDenied, refused.Reason
		return e
	}
	if errors.Is(err, entra.ErrCredential) {
		e.description = "This server cannot prove itself to Microsoft at the moment. Its administrator has to look at its credential."
		return e
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
