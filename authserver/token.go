package authserver

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Grant types of the token endpoint.
const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
	grantClient  = "client_credentials"                          // RFC 6749 section 4.4
	grantJWT     = "urn:ietf:params:oauth:grant-type:jwt-bearer" // RFC 7523 section 2.1
)

// tokenAnswer is RFC 6749 section 5.1.
type tokenAnswer struct {
	Access    string `json:"access_token"`
	Type      string `json:"token_type"`
	ExpiresIn int64  `json:"expires_in"`
	Refresh   string `json:"refresh_token,omitempty"`
	Scope     string `json:"scope"`
}

// token is the token endpoint.
func (s *Server) token(w http.ResponseWriter, r *http.Request) error {
	p, err := s.readForm(w, r)
	if err != nil {
		return err
	}
	var redeem func(context.Context, Client, parameters) (tokenAnswer, error)
	switch kind := p["grant_type"]; {
	case kind == grantCode:
		redeem = s.redeemCode
	case kind == grantRefresh:
		redeem = s.refresh
	case kind == grantClient && s.some(configured.isService):
		redeem = s.serve
	case kind == grantJWT && len(s.providers) > 0:
		redeem = func(ctx context.Context, client Client, p parameters) (tokenAnswer, error) {
			return s.redeemAssertion(ctx, client, p, s.fetchPermit(r))
		}
	case kind == "":
		return refuse(codeInvalidRequest, "grant_type is missing.")
	default:
		return refuse(codeUnsupportedGrant, "This grant_type is not supported.")
	}
	client, err := s.authenticate(r, p)
	if err != nil {
		return err
	}
	// One who goes on with a dead token waits; what others of the address hold is not counted.
	attempt := s.failureKey(r, cmp.Or(p["code"], p["refresh_token"], p["assertion"], client.ID))
	if wait := s.limits.failures.wait(attempt, s.now()); wait > 0 {
		return tooOften(wait)
	}
	answer, err := redeem(r.Context(), client, p)
	if err != nil {
		if asOAuth(err).status < http.StatusInternalServerError {
			s.limits.failures.take(attempt, s.now())
		}
		return err
	}
	return writeJSON(w, http.StatusOK, answer)
}

var errBadCode = refuse(codeInvalidGrant, "The authorization code is unknown, expired, used before or bound to other values.")

// redeemCode exchanges an authorization code for the first pair of tokens.
func (s *Server) redeemCode(ctx context.Context, client Client, p parameters) (tokenAnswer, error) {
	if p["code"] == "" || p["code_verifier"] == "" {
		return tokenAnswer{}, refuse(codeInvalidRequest, "code and code_verifier are required.")
	}
	code, err := s.store.Code(ctx, digest(p["code"]))
	switch {
	case errors.Is(err, ErrNotFound):
		return tokenAnswer{}, errBadCode
	case err != nil:
		return tokenAnswer{}, unavailable(err)
	case code.ClientID != client.ID:
		return tokenAnswer{}, s.codeOfAnother(ctx, client, code)
	// OAuth 2.1 no longer sends it here; if it is sent, it has to agree.
	case p["redirect_uri"] != "" && p["redirect_uri"] != code.RedirectURI:
		return tokenAnswer{}, errBadCode
	case !code.UsedAt.IsZero():
		return tokenAnswer{}, s.codeReused(ctx, code)
	case !verifies(p["code_verifier"], code.Challenge):
		return tokenAnswer{}, errBadCode
	}
	grant, err := s.store.Grant(ctx, code.GrantID)
	if err != nil {
		return tokenAnswer{}, refused(err, errBadCode)
	}
	if err := s.redeemedBy(ctx, grant, errBadCode); err != nil {
		return tokenAnswer{}, err
	}
	now := s.now()
	pair, answer := s.mint(grant, 1, grant.Scopes, now)
	grant, err = s.store.RedeemCode(ctx, code.Digest, pair, now)
	if errors.Is(err, ErrAlreadyUsed) {
		return tokenAnswer{}, s.codeReused(ctx, code)
	}
	if err != nil {
		return tokenAnswer{}, refused(err, errBadCode)
	}
	return answer, s.record(ctx, eventCodeRedeemed, grant.principal(now), nil)
}

// refused turns "not there any more" into the client's answer, and leaves a store
// that cannot be asked what it is.
func refused(err error, answer *oauthError) error {
	if errors.Is(err, ErrNotFound) {
		return answer
	}
	return unavailable(err)
}

// mint derives the tokens of a generation, and what is stored of them. An access
// token lives an hour at most. It may outlive Microsoft's, which is refreshed
// behind it; where Microsoft gave nothing to refresh with, it ends with Microsoft's
// and comes without a refresh token.
func (s *Server) mint(grant Grant, generation int64, scopes []string, now time.Time) (Pair, tokenAnswer) {
	access, refresh := s.keys.pair(grant.ID, generation)
	pair := Pair{Generation: generation, Scopes: scopes, Access: digest(access), AccessExpires: now.Add(s.lifetimes.Access)}
	if grant.refreshable() {
		pair.Refresh, pair.RefreshExpires = digest(refresh), now.Add(s.lifetimes.Refresh)
	} else {
		refresh = ""
		if grant.EndsAt.Before(pair.AccessExpires) {
			pair.AccessExpires = grant.EndsAt
		}
	}
	return pair, tokenAnswer{
		Access: access, Type: "Bearer", ExpiresIn: secondsUntil(pair.AccessExpires, now), Refresh: refresh, Scope: strings.Join(scopes, " "),
	}
}

func secondsUntil(t, now time.Time) int64 { return max(0, int64(t.Sub(now)/time.Second)) }

var errBadRefresh = refuse(codeInvalidGrant, "The refresh token is unknown, expired, revoked or used before. Connect again.")

// refresh exchanges a refresh token for the next pair. A client that lost the
// answer may repeat it and gets the same pair, until it uses that pair's refresh
// token or ten minutes have passed; a token older than that is in two hands, so
// the whole family ends (OAuth 2.1 section 4.3.1).
func (s *Server) refresh(ctx context.Context, client Client, p parameters) (tokenAnswer, error) {
	if p["refresh_token"] == "" {
		return tokenAnswer{}, refuse(codeInvalidRequest, "refresh_token is required.")
	}
	now := s.now()
	token, err := s.store.Token(ctx, digest(p["refresh_token"]))
	if err != nil {
		return tokenAnswer{}, refused(err, errBadRefresh)
	}
	if token.Kind != RefreshToken || token.Grant.ClientID != client.ID || !token.Grant.Alive() ||
		!now.Before(token.ExpiresAt) || token.Grant.Resource != s.resource {
		return tokenAnswer{}, errBadRefresh
	}
	if err := s.redeemedBy(ctx, token.Grant, errBadRefresh); err != nil {
		return tokenAnswer{}, err
	}
	if err := s.holdRefresh(ctx, token, now); err != nil {
		return tokenAnswer{}, err
	}
	scopes, err := narrow(p["scope"], token.Grant.Scopes)
	if err != nil {
		return tokenAnswer{}, err
	}
	pair, answer := s.mint(token.Grant, token.Generation+1, scopes, now)
	rotated, err := s.store.Rotate(ctx, token.Grant.ID, pair, now, now.Add(-refreshWait))
	switch {
	case errors.Is(err, ErrAlreadyUsed):
		return tokenAnswer{}, s.refreshReused(ctx, token)
	case err != nil:
		return tokenAnswer{}, refused(err, errBadRefresh)
	case rotated.Access != pair.Access:
		// The server's key was replaced in between: the pair cannot be derived again.
		return tokenAnswer{}, errBadRefresh
	}
	answer.ExpiresIn, answer.Scope = secondsUntil(rotated.AccessExpires, now), strings.Join(rotated.Scopes, " ")
	return answer, s.record(ctx, eventRefreshed, token.Grant.principal(now), map[string]string{
		"generation": strconv.FormatInt(pair.Generation, 10), "repeated": strconv.FormatBool(rotated.Replay),
	})
}

func (s *Server) refreshReused(ctx context.Context, token Token) error {
	err := s.record(ctx, eventRefreshReuse, token.Grant.principal(s.now()), map[string]string{
		"generation": strconv.FormatInt(token.Generation, 10), "current": strconv.FormatInt(token.Grant.Generation, 10),
	})
	s.forget(ctx, token.Grant.ID)
	// Its tokens are in two hands: the person decides anew.
	if err := errors.Join(err, s.forgetConsents(ctx, token.Grant)); err != nil {
		return err
	}
	return errBadRefresh
}

// codeOfAnother leaves the grant alone: the code is of no use to this client, and
// whoever saw it must not be able to end what the person gave to the right one.
func (s *Server) codeOfAnother(ctx context.Context, client Client, code Code) error {
	grant, err := s.store.Grant(ctx, code.GrantID)
	if err != nil {
		return refused(err, errBadCode)
	}
	if err := s.record(ctx, eventCodeForeign, grant.principal(s.now()), map[string]string{"presented_by": client.ID}); err != nil {
		return err
	}
	return errBadCode
}

// codeReused ends the grant that the code led to (RFC 6749 section 4.1.2).
func (s *Server) codeReused(ctx context.Context, code Code) error {
	grant, err := s.store.Grant(ctx, code.GrantID)
	if err != nil {
		return refused(err, errBadCode)
	}
	if _, err := s.store.RevokeGrant(ctx, code.GrantID, "code used twice", s.now()); err != nil {
		return unavailable(err)
	}
	if err := errors.Join(s.record(ctx, eventCodeReuse, grant.principal(s.now()), nil), s.forgetConsents(ctx, grant)); err != nil {
		return err
	}
	s.forget(ctx, code.GrantID)
	return errBadCode
}

// validChallenge: the base64url form of 32 bytes.
func validChallenge(challenge string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(challenge)
	return err == nil && len(raw) == sha256.Size
}

// verifies is PKCE's S256 (RFC 7636 sections 4.1 and 4.6).
func verifies(verifier, challenge string) bool {
	if len(verifier) < 43 || len(verifier) > 128 {
		return false
	}
	for i := range len(verifier) {
		c := verifier[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._~", rune(c)) {
			return false
		}
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}
