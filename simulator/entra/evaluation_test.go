package entra_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"m365mcp/simulator/token"
)

func decodePayload(t *testing.T, raw string, into any) {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(payload, into); err != nil {
		t.Fatal(err)
	}
}

// accessFor signs in with a claims request and returns the tokens.
func (s *sim) accessFor(claims string) *oauth2.Token {
	s.t.Helper()
	tok, err := s.oauth.Exchange(s.t.Context(), s.code(ada, oauth2.SetAuthURLParam("claims", claims)))
	if err != nil {
		s.t.Fatal(err)
	}
	return tok
}

func (s *sim) wantChallenge(raw, want string) {
	s.t.Helper()
	_, err := s.VerifyAccessToken(raw)
	e, challenged := errors.AsType[*token.ChallengeError](err)
	switch {
	case want == "" && err != nil:
		s.t.Errorf("refused: %v", err)
	case want != "" && (!challenged || e.Claims != want):
		s.t.Errorf("got %v %+v, want the challenge %s", err, e, want)
	}
}

const capable = `{"access_token":{"xms_cc":{"values":["cp1"]}}}`

// Only a sign-in that asks for the context gives it; a refresh keeps what there was.
func TestAuthenticationContext(t *testing.T) {
	t.Parallel()
	const challenge = `{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`
	s := start(t)
	tok, deaf := s.accessFor(capable), s.tokens(ada)
	s.wantChallenge(tok.AccessToken, "")
	s.RequireContext(adaID, "c1")
	s.wantChallenge(tok.AccessToken, challenge)
	s.wantChallenge(s.refresh(tok.RefreshToken, "").AccessToken, challenge)
	s.wantChallenge(deaf.AccessToken, "") // a client that does not say cp1 is not challenged
	// The session is there, and not enough.
	const asking = `{"access_token":{"acrs":{"essential":true,"value":"c1"},"xms_cc":{"values":["cp1"]}}}`
	p := s.get(s.oauth.AuthCodeURL("st", oauth2.SetAuthURLParam("claims", asking)))
	if !strings.Contains(p.body, "<form") {
		t.Errorf("signed in silently: %d %s", p.status, p.header.Get("Location"))
	}
	if q := s.location(s.get(s.oauth.AuthCodeURL("st", oauth2.SetAuthURLParam("claims", asking), oauth2.SetAuthURLParam("prompt", "none")))); q.Get("error") != "interaction_required" {
		t.Errorf("prompt=none: %v", q)
	}
	stronger := s.accessFor(asking)
	s.wantChallenge(stronger.AccessToken, "")
	s.wantChallenge(s.refresh(stronger.RefreshToken, "").AccessToken, "")
	s.RequireContext(adaID, "")
	s.wantChallenge(tok.AccessToken, "")
}

func TestEviction(t *testing.T) {
	t.Parallel()
	s := start(t)
	tok, deaf := s.accessFor(capable), s.tokens(ada)
	s.Evict(adaID)
	s.wantChallenge(tok.AccessToken, `{"access_token":{"nbf":{"essential":true,"value":"1772442000"}}}`)
	s.wantChallenge(deaf.AccessToken, "") // it lives on until it expires
	if got := s.refresh(tok.RefreshToken, ""); got.Error != "invalid_grant" {
		t.Errorf("refresh after the eviction: %+v", got)
	}
	s.wantChallenge(s.accessFor(capable).AccessToken, "") // in the same instant
}
