package entra

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// claimsRequest is what the claims parameter asks for (OpenID Connect Core,
// section 5.5), as far as it is understood here.
type claimsRequest struct {
	cae      bool     // the client declares that it understands claims challenges
	contexts []string // authentication contexts of Conditional Access (acrs)
}

func parseClaims(raw string) (claimsRequest, *stsError) {
	var out claimsRequest
	if raw == "" {
		return out, nil
	}
	var claims struct {
		AccessToken map[string]*struct {
			Value  any   `json:"value"`
			Values []any `json:"values"`
		} `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(raw), &claims); err != nil {
		return out, invalidRequest(90023, "The 'claims' parameter is not a valid claims request.")
	}
	capabilities := claims.AccessToken["xms_cc"]
	out.cae = capabilities != nil && slices.Contains(capabilities.Values, any("cp1"))
	if asked := claims.AccessToken["acrs"]; asked != nil {
		for _, v := range append(asked.Values, asked.Value) {
			if name, ok := v.(string); ok {
				out.contexts = append(out.contexts, name)
			}
		}
	}
	return out, nil
}

// RequireContext is a Conditional Access policy: from now on Graph wants an
// authentication context (c1 to c99) in the person's tokens, which only a
// sign-in that asks for it gives. An empty context ends the policy.
func (s *Server) RequireContext(oid, context string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.contexts[oid] = context
}

// Evict is [Server.RevokeUser] with continuous access evaluation: Graph refuses
// the access tokens too that were issued so far to apps which understand claims
// challenges.
func (s *Server) Evict(oid string) {
	s.RevokeUser(oid)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.evicted[oid] = s.revocations[oid]
}

// challenge returns the claims challenge with which Graph refuses a token, if it does.
func (s *Server) challenge(c accessClaims) string {
	if !slices.Contains(c.XMSCC, "cp1") {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if out := s.evicted[c.ObjectID]; c.Revision < out.count {
		return fmt.Sprintf(`{"access_token":{"nbf":{"essential":true,"value":%q}}}`, strconv.FormatInt(out.at.Unix(), 10))
	}
	if context := s.contexts[c.ObjectID]; context != "" && !slices.Contains(c.Contexts, context) {
		return fmt.Sprintf(`{"access_token":{"acrs":{"essential":true,"value":%q}}}`, context)
	}
	return ""
}
