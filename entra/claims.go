package entra

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// maxClaims bounds a claims challenge: it travels on in a URL.
const maxClaims = 4096

// DecodeClaims returns a claims challenge as JSON. The WWW-Authenticate header
// of Graph carries it in base64, answers of Entra carry it plainly.
func DecodeClaims(challenge string) (string, error) {
	if len(challenge) > maxClaims {
		return "", errors.New("claims challenge is too long")
	}
	text := strings.TrimSpace(challenge)
	if text != "" && text[0] != '{' {
		raw := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
		b, err := base64.RawStdEncoding.DecodeString(raw)
		if err != nil {
			return "", errors.New("claims challenge is neither JSON nor base64")
		}
		text = string(b)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &object); err != nil || object == nil {
		return "", errors.New("claims challenge is not a JSON object")
	}
	return text, nil
}

// withCapability adds the client capability cp1 to a claims challenge, or makes
// a claims request of it alone: this client answers challenges, so Graph may
// revoke access at once and give long-lived tokens (continuous access evaluation).
func withCapability(claims string) (string, error) {
	object := map[string]json.RawMessage{}
	if claims != "" {
		text, err := DecodeClaims(claims)
		if err != nil {
			return "", err
		}
		if err := json.Unmarshal([]byte(text), &object); err != nil {
			return "", fmt.Errorf("claims: %w", err)
		}
	}
	access := map[string]json.RawMessage{}
	if raw, ok := object["access_token"]; ok {
		if err := json.Unmarshal(raw, &access); err != nil || access == nil {
			return "", errors.New("claims: access_token is not a JSON object")
		}
	}
	access["xms_cc"] = json.RawMessage(`{"values":["cp1"]}`)
	raw, err := json.Marshal(access)
	if err != nil {
		return "", fmt.Errorf("claims: %w", err)
	}
	object["access_token"] = raw
	out, err := json.Marshal(object)
	if err != nil {
		return "", fmt.Errorf("claims: %w", err)
	}
	return string(out), nil
}
