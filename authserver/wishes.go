package authserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode"
)

const (
	maxClaims    = 2048
	maxLoginHint = 320
)

// Values of prompt (OpenID Connect Core section 3.1.2.1).
const (
	promptNone    = "none"
	promptLogin   = "login"
	promptConsent = "consent"
	promptSelect  = "select_account"
)

// wishes are what a client asks of the sign-in itself, beside the scopes.
type wishes struct {
	Prompt    string `json:"m,omitempty"` // for Microsoft
	LoginHint string `json:"l,omitempty"`
	Claims    string `json:"x,omitempty"`

	silent bool // no page may be shown: prompt=none
	asking bool // the consent page has to be shown: prompt=consent
}

// readWishes checks prompt, login_hint and claims. prompt=consent is about this
// server's page; Microsoft is not asked for its own, which many tenants refuse to people.
func readWishes(p parameters) (wishes, error) {
	w := wishes{LoginHint: p["login_hint"]}
	prompts := strings.Fields(p["prompt"])
	for _, prompt := range prompts {
		switch {
		case prompt == promptNone && len(prompts) == 1:
			w.Prompt, w.silent = promptNone, true
		case prompt == promptNone:
			return w, refuse(codeInvalidRequest, "prompt=none goes with no other prompt.")
		case prompt == promptConsent:
			w.asking = true
		case prompt == promptLogin, prompt == promptSelect && w.Prompt == "":
			w.Prompt = prompt // Microsoft takes one; login asks for more
		case prompt != promptSelect:
			return w, refuse(codeInvalidRequest, "prompt has a value other than none, login, consent and select_account.")
		}
	}
	if len(w.LoginHint) > maxLoginHint || strings.ContainsFunc(w.LoginHint, unicode.IsControl) {
		return w, refuse(codeInvalidRequest, "login_hint is too long, or has control characters.")
	}
	var err error
	w.Claims, err = readClaims(p["claims"])
	return w, err
}

// readClaims returns the claims parameter (OpenID Connect Core section 5.5) written
// anew, with the members that Microsoft knows and no others.
func readClaims(raw string) (string, error) {
	if raw == "" {
		return "", nil
	}
	if len(raw) > maxClaims {
		return "", refuse(codeInvalidRequest, "claims is too long.")
	}
	merged, err := mergeClaims(raw, "")
	if err != nil {
		return "", refuse(codeInvalidRequest, "claims is not the JSON of OpenID Connect Core section 5.5.")
	}
	return merged, nil
}

// mergeClaims unites two claims requests; the second wins. It writes equal ones equally.
func mergeClaims(first, second string) (string, error) {
	merged := map[string]map[string]json.RawMessage{}
	for _, text := range []string{first, second} {
		if text == "" {
			continue
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &members); err != nil || members == nil {
			return "", errors.New("claims are not a JSON object")
		}
		for _, member := range []string{"access_token", "id_token"} {
			claims, err := readMember(members[member])
			if err != nil {
				return "", err
			}
			for name, claim := range claims {
				if merged[member] == nil {
					merged[member] = map[string]json.RawMessage{}
				}
				merged[member][name] = claim
			}
		}
	}
	if len(merged) == 0 {
		return "", nil
	}
	text, err := json.Marshal(merged)
	return string(text), err
}

// readMember reads what is asked for one token: for each claim nothing, or an object.
func readMember(raw json.RawMessage) (map[string]json.RawMessage, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	var claims map[string]json.RawMessage
	if err := json.Unmarshal(raw, &claims); err != nil {
		return nil, errors.New("claims of a token are not a JSON object")
	}
	for name, claim := range claims {
		if claim = bytes.TrimSpace(claim); string(claim) != "null" && claim[0] != '{' {
			return nil, errors.New("a claim is neither null nor a JSON object")
		}
		if name == "" {
			return nil, errors.New("a claim has no name")
		}
	}
	return claims, nil
}

// silentErrors are what Microsoft may answer to prompt=none, and what a client that
// sent it is told (OpenID Connect Core section 3.1.2.6).
var silentErrors = []string{codeLoginRequired, codeConsentRequired, codeInteractionRequired, "account_selection_required"}

// silently words the errors of a sign-in that may show no page.
func silently(code string) *oauthError {
	if !slices.Contains(silentErrors, code) {
		code = codeInteractionRequired
	}
	return refuse(code, "This cannot go on without the person: ask again without prompt=none.")
}
