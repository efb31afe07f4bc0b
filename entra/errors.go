package entra

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxDescription bounds the text of an error; Entra's run to a few hundred letters.
const maxDescription = 600

var (
	// ErrSignInRequired means that only the person can go on, by signing in anew.
	ErrSignInRequired = errors.New("a new sign-in at Microsoft is required")

	// ErrCredential means that this server cannot prove itself to Entra: its own
	// credential has ended or cannot be read. No person can help that, and none
	// is signed out over it.
	ErrCredential = errors.New("the credential of this server cannot be used")

	// ErrNoTokens means that the vault holds nothing for the grant.
	ErrNoTokens = errors.New("no Microsoft tokens are stored for this grant")
)

// Error is an answer of the identity platform that is not what was asked for,
// or the lack of one. It contains no token, code or secret.
type Error struct {
	Op          string // discovery, code exchange, refresh
	Status      int    // of HTTP; 0 where there was no answer
	Code        string // OAuth error code (RFC 6749, section 5.2); empty where the answer was not Entra's
	Suberror    string
	Description string // the AADSTS text: for logs and people, never to branch on
	Claims      string // JSON, to be passed on to the next sign-in
	RetryAfter  time.Duration
	Err         error // of the network
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("entra: " + e.Op + ": ")
	switch {
	case e.Code != "":
		b.WriteString(e.Code)
		if e.Suberror != "" {
			b.WriteString(" (" + e.Suberror + ")")
		}
		if e.Description != "" {
			b.WriteString(": " + e.Description)
		}
	case e.Err != nil:
		b.WriteString(e.Err.Error())
	default:
		b.WriteString("unexpected answer, status " + strconv.Itoa(e.Status))
	}
	return b.String()
}

// Unwrap gives the network's error.
func (e *Error) Unwrap() error { return e.Err }

// SignInError is [ErrSignInRequired] with the reason and what the sign-in has to carry.
type SignInError struct {
	Reason string // OAuth error code, or insufficient_claims (CAE)
	Claims string // for SignIn.Claims; may be empty
}

func (e *SignInError) Error() string { return ErrSignInRequired.Error() + ": " + e.Reason }

// Is makes errors.Is(err, ErrSignInRequired) hold.
func (*SignInError) Is(target error) bool { return target == ErrSignInRequired }

// signInCodes are the codes that no retry and no administrator's setting will
// change, only the person (OpenID Connect Core, section 3.1.2.6, and Microsoft's
// error reference).
var signInCodes = []string{
	"invalid_grant", "interaction_required", "login_required", "consent_required", "account_selection_required",
}

// IsSignInRequired reports whether the person has to sign in anew.
func IsSignInRequired(err error) bool {
	if errors.Is(err, ErrSignInRequired) {
		return true
	}
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status < http.StatusInternalServerError && e.Status != http.StatusTooManyRequests && slices.Contains(signInCodes, e.Code)
}

// IsTransient reports whether the same request may succeed a little later: no
// answer, a server's trouble, or an answer that is not from Entra at all, as
// proxies in between give it in HTML.
func IsTransient(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return errors.Is(err, context.DeadlineExceeded)
	}
	switch {
	case e.Code == "", e.Status >= http.StatusInternalServerError, e.Status == http.StatusTooManyRequests:
		return true
	}
	return e.Code == "temporarily_unavailable" || e.Code == "server_error"
}

// answer is the error part of any answer of Entra.
type answer struct {
	Code        string `json:"error"`
	Suberror    string `json:"suberror"`
	Description string `json:"error_description"`
	Claims      string `json:"claims"`
}

// failure makes the error of an answer. decodeErr is why the body is not JSON,
// if it is not; sent are the secrets of the request, which the text must not echo.
func (a answer) failure(op string, resp *http.Response, decodeErr error, sent ...string) *Error {
	e := &Error{Op: op, Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header)}
	if decodeErr != nil || a.Code == "" {
		return e
	}
	e.Code, e.Suberror = clean(a.Code, sent), clean(a.Suberror, sent)
	e.Description = clean(a.Description, sent)
	if claims, err := DecodeClaims(a.Claims); err == nil {
		e.Claims = claims
	}
	return e
}

// clean makes text fit for one log line, without the secrets.
func clean(text string, secrets []string) string {
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "[redacted]")
		}
	}
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }), " ")
	if len(text) > maxDescription {
		text = strings.ToValidUTF8(text[:maxDescription], "")
	}
	return text
}

// retryAfter reads the delay in seconds; the form with a date is not Entra's.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, 3600)) * time.Second
}
