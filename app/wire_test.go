package app

import (
	"slices"
	"testing"
)

// The consent page says every scope of the tools in words, and no others.
func TestScopesAreSaidInWords(t *testing.T) {
	t.Parallel()
	registry, err := newRegistry()
	if err != nil {
		t.Fatal(err)
	}
	scopes := registry.Scopes()
	if len(scopes) == 0 {
		t.Fatal("the tools need no scopes")
	}
	for _, scope := range scopes {
		if scopeText[scope] == "" {
			t.Errorf("scopeText has no words for %s", scope)
		}
	}
	for scope := range scopeText {
		if !slices.Contains(scopes, scope) {
			t.Errorf("scopeText has words for %s, which no tool needs", scope)
		}
	}
}
