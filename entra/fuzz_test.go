package entra

import (
	"strings"
	"testing"

	"m365mcp/internal/secret"
)

func FuzzParseCertificate(f *testing.F) {
	f.Add("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
	f.Add("0\x82canary-canary")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCertificate(secret.New(text))
		if (c == nil) == (err == nil) {
			t.Errorf("%v, %v", c, err)
		}
		if err != nil && len(text) > 40 && strings.Contains(err.Error(), text) {
			t.Errorf("the error quotes what may be a key: %v", err)
		}
	})
}
