package e2e_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"m365mcp/internal/headless"
)

type answer struct {
	status int
	header http.Header
	body   string
}

// send posts a body and reads the answer whole; redirects are not followed.
func (d *demo) send(t *testing.T, target string, body io.Reader, header ...string) answer {
	t.Helper()
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	a, err := d.browser.Fetch(t.Context(), http.MethodPost, target, string(text), header...)
	if err != nil {
		t.Fatal(err)
	}
	return answer{a.Status, a.Header, a.Body}
}

// signIn goes through registration, consent and sign-in in a fresh browser, for
// the person whose address starts with name.
func (d *demo) signIn(t *testing.T, name string) headless.Tokens {
	t.Helper()
	tokens, err := headless.New(d.transport).SignIn(t.Context(), d.server(), d.upn(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// server is the public URL.
func (d *demo) server() string { return strings.TrimSuffix(d.MCPURL, "/mcp") }

func (d *demo) upn(t *testing.T, name string) string {
	t.Helper()
	for _, p := range d.People {
		if strings.HasPrefix(p.UPN, name+"@") {
			return p.UPN
		}
	}
	if len(d.People) > 0 {
		t.Fatalf("nobody is called %s", name)
	}
	return name + "@tideline.example" // a process does not tell its people in JSON
}
