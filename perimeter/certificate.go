package perimeter

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"m365mcp/identity"
)

// Certificate is a client certificate, as this server's listener or a trusted proxy
// has seen it.
type Certificate struct {
	Roots *x509.CertPool // who may vouch for clients
	// Header carries the certificate of the connection to a proxy in front; empty where
	// TLS ends here. It is read of trusted proxies alone.
	Header string
}

const maxCertificate = 16 << 10

type certificateMode struct {
	Certificate

	now func() time.Time
}

// NewCertificate returns the mode.
func NewCertificate(c Certificate, now func() time.Time) (Mode, error) {
	if c.Roots == nil {
		return nil, errors.New("no certificate authority is named that vouches for clients")
	}
	return &certificateMode{c, now}, nil
}

func (m *certificateMode) name() string { return "a client certificate" }

func (m *certificateMode) header() string { return m.Header }

func (m *certificateMode) refresh(context.Context) error { return nil }

func (m *certificateMode) prove(r *http.Request, peerTrusted bool) (identity.Perimeter, error) {
	var chain []*x509.Certificate
	switch values := r.Header.Values(m.Header); {
	case m.Header == "":
		if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
			return identity.Perimeter{}, errAbsent
		}
		chain = r.TLS.PeerCertificates
	case len(values) == 0 || !peerTrusted:
		return identity.Perimeter{}, errAbsent
	case len(values) > 1:
		return identity.Perimeter{}, refusal{reason: "several_assertions", words: "it carries two client certificates; one is needed"}
	default:
		one, err := readCertificate(values[0])
		if err != nil {
			return identity.Perimeter{}, refusal{reason: "invalid_certificate", words: "its client certificate cannot be read"}
		}
		chain = []*x509.Certificate{one}
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{
		Roots: m.Roots, Intermediates: between, CurrentTime: m.now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}); err != nil {
		return identity.Perimeter{}, refusal{reason: "invalid_certificate", words: "its client certificate is not one that this server takes, now"}
	}
	return holder(chain[0])
}

// holder is a person where the certificate has an address, else a machine, by its URI
// or its common name (RFC 5280 section 4.2.1.6).
func holder(c *x509.Certificate) (identity.Perimeter, error) {
	p := identity.Perimeter{Mode: "mtls", Issuer: c.Issuer.String(), Subject: c.Subject.String()}
	switch {
	case len(c.EmailAddresses) == 1:
		p.Email = c.EmailAddresses[0]
	case len(c.EmailAddresses) > 1:
		return identity.Perimeter{}, refusal{reason: "invalid_certificate", words: "its client certificate names several people"}
	case len(c.URIs) == 1:
		p.Service, p.Subject = true, c.URIs[0].String()
	case c.Subject.CommonName != "":
		p.Service, p.Subject = true, c.Subject.CommonName
	default:
		return identity.Perimeter{}, refusal{reason: "invalid_certificate", words: "its client certificate names nobody"}
	}
	return p, nil
}

// readCertificate reads what proxies write: a byte sequence (RFC 9440 section 2.1), or
// PEM, percent-encoded or on one line.
func readCertificate(value string) (*x509.Certificate, error) {
	if len(value) > maxCertificate {
		return nil, errors.New("it is too long")
	}
	if inner, ok := strings.CutPrefix(value, ":"); ok {
		der, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(inner, ":"))
		if err != nil {
			return nil, fmt.Errorf("a byte sequence: %w", err)
		}
		return parse(der)
	}
	if strings.Contains(value, "%") {
		plain, err := url.PathUnescape(value) // unlike a query, it leaves the + of base64
		if err != nil {
			return nil, fmt.Errorf("percent-encoded: %w", err)
		}
		value = plain
	}
	const begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
	if body, ok := strings.CutPrefix(strings.TrimSpace(value), begin); ok && !strings.Contains(value, "\n") {
		value = begin + "\n" + strings.Join(strings.Fields(strings.TrimSuffix(body, end)), "\n") + "\n" + end + "\n"
	}
	block, rest := pem.Decode([]byte(value))
	if block == nil || block.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("it is not one certificate in PEM")
	}
	return parse(block.Bytes)
}

func parse(der []byte) (*x509.Certificate, error) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return c, nil
}
