package entra

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"

	"m365mcp/internal/secret"
)

const (
	minKeyBits     = 2048
	expiryNotice   = 30 * 24 * time.Hour // how long before its end a certificate is warned of
	assertionLife  = 5 * time.Minute
	thumbprintName = "x5t#S256"
)

// certificate signs client assertions as Microsoft's page on certificate
// credentials describes them.
type certificate struct {
	leaf   *x509.Certificate
	signer jose.Signer
}

// ParseCertificate reads a certificate and its private RSA key from PEM. Whether
// it is in its time says Status: a server that runs must tell people then, not end.
func ParseCertificate(text secret.String) (Credential, error) {
	leaves, key, err := parsePEM([]byte(text.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("client certificate: %w", err)
	}
	if bits := key.N.BitLen(); bits < minKeyBits {
		return nil, fmt.Errorf("client certificate: weak key: RSA with %d bits, and Entra wants %d; make a new one", bits, minKeyBits)
	}
	for _, leaf := range leaves {
		if !key.PublicKey.Equal(leaf.PublicKey) {
			continue // of the chain
		}
		sum := sha256.Sum256(leaf.Raw)
		signer, err := jose.NewSigner(
			jose.SigningKey{Algorithm: jose.PS256, Key: key},
			(&jose.SignerOptions{}).WithType("JWT").WithHeader(thumbprintName, base64.RawURLEncoding.EncodeToString(sum[:])),
		)
		if err != nil {
			return nil, fmt.Errorf("client certificate: %w", err)
		}
		return &certificate{leaf: leaf, signer: signer}, nil
	}
	return nil, errors.New("client certificate: the private key does not belong to the certificate; put the two that were made together into one file")
}

const convert = "convert it with: openssl pkcs12 -in FILE.pfx -nodes -out FILE.pem"

// parsePEM never quotes the text, which holds a private key.
func parsePEM(text []byte) (leaves []*x509.Certificate, key *rsa.PrivateKey, err error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "CERTIFICATE":
			leaf, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, nil, errors.New("the certificate in the PEM text cannot be read")
			}
			leaves = append(leaves, leaf)
		case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
			return nil, nil, errors.New("the private key is encrypted; remove the password with: openssl pkey -in FILE.pem, and keep the file from others instead")
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			if key != nil {
				return nil, nil, errors.New("there are two private keys; keep the one of the certificate")
			}
			if key, err = parseKey(block.Bytes); err != nil {
				return nil, nil, err
			}
		}
	}
	switch {
	case len(leaves) == 0 && key == nil:
		return nil, nil, errors.New("is not PEM; a PFX (PKCS #12) file is not read: " + convert)
	case len(leaves) == 0:
		return nil, nil, errors.New("there is a private key and no certificate; put both into one PEM file")
	case key == nil:
		return nil, nil, errors.New("there is a certificate and no private key; put both into one PEM file")
	}
	return leaves, key, nil
}

func parseKey(der []byte) (*rsa.PrivateKey, error) {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		if _, ecErr := x509.ParseECPrivateKey(der); ecErr != nil {
			return nil, errors.New("the private key in the PEM text cannot be read")
		}
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("the private key is not RSA, the only kind that Entra takes")
	}
	return key, nil
}

func (c *certificate) Status(now time.Time) (detail, warning string, err error) {
	switch {
	case now.Before(c.leaf.NotBefore):
		return "", "", fmt.Errorf("client certificate: it is valid from %s on; look at this machine's clock", day(c.leaf.NotBefore))
	case !now.Before(c.leaf.NotAfter):
		return "", "", fmt.Errorf("client certificate: it expired on %s; make a new one, register it in Entra and replace it here", day(c.leaf.NotAfter))
	case now.After(c.leaf.NotAfter.Add(-expiryNotice)):
		warning = fmt.Sprintf("the client certificate expires on %s; register a new one in Entra and replace it here before", day(c.leaf.NotAfter))
	}
	return fmt.Sprintf("certificate %q, valid until %s", c.leaf.Subject, day(c.leaf.NotAfter)), warning, nil
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func (c *certificate) form(clientID, tokenEndpoint string, now time.Time) (url.Values, error) {
	if _, _, err := c.Status(now); err != nil {
		return nil, err
	}
	raw, err := jwt.Signed(c.signer).Claims(jwt.Claims{
		Issuer: clientID, Subject: clientID, Audience: jwt.Audience{tokenEndpoint}, ID: uuid.NewString(),
		IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(assertionLife)),
	}).Serialize()
	if err != nil {
		return nil, fmt.Errorf("client certificate: sign: %w", err)
	}
	return assertionForm(raw), nil
}
