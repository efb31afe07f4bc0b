package app

import (
	"slices"
	"testing"
)

// The consent page says every scope of the tools in words, and no others.
func TestScopesAreSaidInWords(t *testing.T) {
	t.Parallel()
	scopes := consented() // of every tool, whatever is selected
	if len(scopes) == 0 {
		t.Fatal("the tools need no scopes")
	}
	words := map[string]bool{}
	for _, text := range scopeText {
		if !slices.Contains(scopes, text.Name) {
			t.Errorf("scopeText has words for %s, which no tool needs", text.Name)
		}
		if text.Text == "" || text.Group == "" || words[text.Name] || words[text.Text] {
			t.Errorf("scopeText says nothing, or the same twice: %+v", text)
		}
		words[text.Name], words[text.Text] = true, true
	}
	for _, scope := range scopes {
		if !words[scope] {
			t.Errorf("scopeText has no words for %s", scope)
		}
	}
}
