package entra

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"m365mcp/internal/secret"
)

// assertionType is private_key_jwt's (RFC 7523, section 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// Credential proves to Entra that a token request is this application's. It is
// made by [Secret], [ParseCertificate] or [TokenFile].
type Credential interface {
	// Status says what the credential is and, where it soon ends, that it does.
	// It returns an error that says the way out where it cannot be used now.
	Status(now time.Time) (detail, warning string, err error)

	// form is what a token request carries beside the client id.
	form(clientID, tokenEndpoint string, now time.Time) (url.Values, error)
}

// Secret is a client secret.
func Secret(value secret.String) Credential { return clientSecret(value) }

type clientSecret secret.String

func (clientSecret) Status(time.Time) (detail, warning string, err error) {
	return "client secret", "", nil
}

func (c clientSecret) form(string, string, time.Time) (url.Values, error) {
	return url.Values{"client_secret": {secret.String(c).Reveal()}}, nil
}

// TokenFile is workload identity federation: the file holds a token of an issuer
// that the app registration trusts. Its writer replaces it before it ends, so it
// is read anew for each request.
func TokenFile(path string) Credential { return tokenFile(path) }

type tokenFile string

// maxTokenFile bounds the file; service account tokens have about a KiB.
const maxTokenFile = 64 << 10

func (f tokenFile) Status(now time.Time) (detail, warning string, err error) {
	_, c, err := f.read(now)
	if err != nil {
		return "", "", err
	}
	return fmt.Sprintf("federated token of issuer %q, subject %q, audience %q", c.Issuer, c.Subject, c.Audience), "", nil
}

func (f tokenFile) form(_, _ string, now time.Time) (url.Values, error) {
	raw, _, err := f.read(now)
	if err != nil {
		return nil, err
	}
	return assertionForm(raw), nil
}

// read does not verify the token, which is for Entra to do; it finds out what
// can be said here in clearer words.
func (f tokenFile) read(now time.Time) (raw string, c jwt.Claims, err error) {
	file, err := os.Open(string(f))
	if err != nil {
		return "", c, fmt.Errorf("federated token: %w", err)
	}
	defer func() { _ = file.Close() }() // was only read
	text, err := io.ReadAll(io.LimitReader(file, maxTokenFile))
	if err != nil {
		return "", c, fmt.Errorf("federated token: %w", err)
	}
	raw = strings.TrimSpace(string(text))
	parsed, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err == nil {
		err = parsed.UnsafeClaimsWithoutVerification(&c)
	}
	switch {
	case err != nil:
		return "", c, fmt.Errorf("federated token: %s does not hold a JWT signed with RS256, which is what Entra takes", string(f))
	case c.Expiry == nil || !now.Before(c.Expiry.Time()):
		return "", c, fmt.Errorf("federated token: the one in %s has ended; look at what should replace it", string(f))
	}
	return raw, c, nil
}

func assertionForm(raw string) url.Values {
	return url.Values{"client_assertion": {raw}, "client_assertion_type": {assertionType}}
}
