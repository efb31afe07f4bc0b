package entra

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"m365mcp/internal/jwks"
)

// keysLifetime is short enough that a key which Entra has withdrawn is forgotten.
const keysLifetime = 24 * time.Hour

// newKeySet holds the keys that Entra signs id_tokens with; discovery says where they
// are. The last good ones serve on while the endpoint is away.
func newKeySet(client *http.Client, now func() time.Time) *jwks.Set {
	return jwks.New("", jwks.Options{
		HTTP: client, Now: now, Algorithms: []jose.SignatureAlgorithm{jose.RS256}, Lifetime: keysLifetime, Check: keySigns,
	})
}

// keySigns compares the key's issuer with the token's, as Microsoft asks of those
// who take tokens of several tenants. Entra adds it to the members of RFC 7517; it may
// be a template for the tenant, or absent.
func keySigns(key jwks.Key, payload []byte) error {
	var also struct {
		Issuer string `json:"issuer"`
	}
	if err := json.Unmarshal(key.Raw, &also); err != nil {
		return errors.New("the key's issuer cannot be read")
	}
	var claims struct {
		Issuer   string `json:"iss"`
		TenantID string `json:"tid"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return errors.New("the token's claims cannot be read")
	}
	if also.Issuer != "" && strings.Replace(also.Issuer, tenantPlaceholder, claims.TenantID, 1) != claims.Issuer {
		return fmt.Errorf("the key signs for issuer %q only", also.Issuer)
	}
	return nil
}
