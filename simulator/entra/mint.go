package entra

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/token"
)

// backdate is how far before the request Entra's tokens begin, for clocks that lag.
const backdate = 5 * time.Minute

// grant is what a person allowed a client: the content of a code, a refresh
// token, and what every token is minted from.
type grant struct {
	Client   string    `json:"c"`
	User     string    `json:"u"`
	Scopes   scopeSet  `json:"s"`
	Issued   time.Time `json:"i"`
	Revision int       `json:"r,omitempty"` // revocations of the person before it was issued
	CAE      bool      `json:"e,omitempty"` // the client understands claims challenges (cp1)
	Contexts []string  `json:"x,omitempty"` // authentication contexts that were satisfied
}

// accessClaims is a version 1.0 access token: Graph's are, whatever the endpoint.
type accessClaims struct {
	Audience   string   `json:"aud"`
	Issuer     string   `json:"iss"`
	IssuedAt   int64    `json:"iat"`
	NotBefore  int64    `json:"nbf"`
	Expires    int64    `json:"exp"`
	AppName    string   `json:"app_displayname"`
	AppID      string   `json:"appid"`
	AppACR     string   `json:"appidacr"` // 0 public client, 1 secret, 2 certificate
	GivenName  string   `json:"given_name,omitempty"`
	FamilyName string   `json:"family_name,omitempty"`
	IDType     string   `json:"idtyp"`
	Name       string   `json:"name"`
	ObjectID   string   `json:"oid"`
	Scopes     string   `json:"scp"`
	Subject    string   `json:"sub"`
	TenantID   string   `json:"tid"`
	UniqueName string   `json:"unique_name"`
	UPN        string   `json:"upn"`
	UTI        string   `json:"uti"`
	Version    string   `json:"ver"`
	XMSCC      []string `json:"xms_cc,omitempty"`
	Contexts   []string `json:"acrs,omitempty"`
	Revision   int      `json:"rev,omitempty"` // the grant's: of this simulator, where Entra compares times
}

// mintAccess signs an access token for Graph. It carries every permission the
// person ever granted to the client, requested this time or not, as Entra's do.
func (s *Server) mintAccess(c *Client, p *dataset.Person, g grant, method authMethod, lifetime time.Duration) (string, error) {
	now, home := s.now().UTC(), s.home[p.ID]
	claims := accessClaims{
		Audience: s.graph, Issuer: accessIssuer(home.ID),
		IssuedAt: now.Add(-backdate).Unix(), NotBefore: now.Add(-backdate).Unix(), Expires: now.Add(lifetime).Unix(),
		AppName: c.Name, AppID: c.ID, AppACR: string(method),
		GivenName: p.GivenName, FamilyName: p.Surname, IDType: "user", Name: p.DisplayName, ObjectID: p.ID,
		Scopes: strings.Join(s.effectiveScopes(c.ID, p.ID), " "), Subject: s.pairwise(graphAppID, p.ID),
		TenantID: home.ID, UniqueName: p.UPN, UPN: p.UPN, UTI: randomID(16), Version: "1.0",
		Contexts: g.Contexts, Revision: g.Revision,
	}
	if g.CAE {
		claims.XMSCC = []string{"cp1"}
	}
	return s.sign(claims)
}

// effectiveScopes is what an access token is good for: offline_access is not
// a permission of the token but the promise of another one.
func (s *Server) effectiveScopes(client, user string) []string {
	return slices.DeleteFunc(s.consented(client, user), func(name string) bool { return name == "offline_access" })
}

type idClaims struct {
	Audience  string `json:"aud"`
	Issuer    string `json:"iss"`
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf"`
	Expires   int64  `json:"exp"`
	Email     string `json:"email,omitempty"`
	Name      string `json:"name,omitempty"`
	Nonce     string `json:"nonce,omitempty"`
	ObjectID  string `json:"oid,omitempty"`
	Username  string `json:"preferred_username,omitempty"`
	Subject   string `json:"sub"`
	TenantID  string `json:"tid"`
	UTI       string `json:"uti"`
	Version   string `json:"ver"`
}

func (s *Server) mintID(c *Client, p *dataset.Person, scopes scopeSet, nonce string) (string, error) {
	now, home := s.now().UTC(), s.home[p.ID]
	claims := idClaims{
		Audience: c.ID, Issuer: s.issuer(home),
		IssuedAt: now.Add(-backdate).Unix(), NotBefore: now.Add(-backdate).Unix(), Expires: now.Add(idTokenLifetime).Unix(),
		Nonce: nonce, Subject: s.pairwise(c.ID, p.ID), TenantID: home.ID, UTI: randomID(16), Version: "2.0",
	}
	if scopes.has("profile") {
		claims.Name, claims.ObjectID, claims.Username = p.DisplayName, p.ID, p.UPN
	}
	if scopes.has("email") {
		claims.Email = p.Mail
	}
	return s.sign(claims)
}

func (s *Server) sign(claims any) (string, error) {
	key := s.keys.current()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("entra: signer: %w", err)
	}
	raw, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		return "", fmt.Errorf("entra: sign token: %w", err)
	}
	return raw, nil
}

// pairwise is the person's sub for one audience: stable there, unrelated elsewhere.
func (s *Server) pairwise(audience, user string) string {
	sum := sha256.Sum256([]byte(s.home[user].ID + "\x00" + audience + "\x00" + user))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// VerifyAccessToken is Graph's side: it accepts what mintAccess signed, until it
// expires. Errors are token.ErrExpired or token.ErrInvalid, possibly wrapped, or
// a token.ChallengeError.
func (s *Server) VerifyAccessToken(raw string) (token.Claims, error) {
	parsed, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return token.Claims{}, fmt.Errorf("%w: %w", token.ErrInvalid, err)
	}
	key, ok := s.keys.find(parsed.Headers[0].KeyID)
	if !ok {
		return token.Claims{}, fmt.Errorf("%w: unknown signing key", token.ErrInvalid)
	}
	var c accessClaims
	if err := parsed.Claims(key, &c); err != nil {
		return token.Claims{}, fmt.Errorf("%w: %w", token.ErrInvalid, err)
	}
	if home := s.home[c.ObjectID]; c.Audience != s.graph || home == nil || c.TenantID != home.ID || c.Issuer != accessIssuer(home.ID) {
		return token.Claims{}, fmt.Errorf("%w: audience, issuer or tenant is not Graph's here", token.ErrInvalid)
	}
	now, expires := s.now(), time.Unix(c.Expires, 0).UTC()
	if !now.Before(expires) {
		return token.Claims{}, token.ErrExpired
	}
	if now.Before(time.Unix(c.NotBefore, 0)) {
		return token.Claims{}, fmt.Errorf("%w: not valid yet", token.ErrInvalid)
	}
	if challenge := s.challenge(c); challenge != "" {
		return token.Claims{}, &token.ChallengeError{Claims: challenge}
	}
	return token.Claims{
		TenantID: c.TenantID, UserID: c.ObjectID, UPN: c.UPN, ClientID: c.AppID,
		Scopes: strings.Fields(c.Scopes), Expires: expires,
	}, nil
}

// publish renders a public key for the JWKS document, RFC 7518 section 6.3.1.
func publish(key jose.JSONWebKey, issuer string) publishedKey {
	out := publishedKey{KeyType: "RSA", Use: key.Use, KeyID: key.KeyID, Issuer: issuer}
	if public, ok := key.Key.(*rsa.PublicKey); ok {
		out.N = base64.RawURLEncoding.EncodeToString(public.N.Bytes())
		out.E = base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes())
	}
	return out
}
