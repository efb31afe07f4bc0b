package config_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/config"
	"m365mcp/internal/golden"
)

func TestReferenceIsCurrent(t *testing.T) {
	golden.Compare(t, "../docs/configuration.md", config.Reference())
}

func TestExampleIsCurrent(t *testing.T) {
	golden.Compare(t, "testdata/example.yaml", config.Example())
}

// The example must be accepted as it is printed, and with every line of it in
// force: then it says nothing but the defaults and the examples.
func TestExampleIsValid(t *testing.T) {
	t.Parallel()
	want, err := config.Load("", complete(), os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	got, err := config.Load("c.yaml", complete(), files{"c.yaml": string(config.Example())}.read)
	if err != nil {
		t.Fatal(err)
	}
	opts := cmp.AllowUnexported()
	if d := cmp.Diff(want.OAuth, got.OAuth, opts); d != "" {
		t.Error(d)
	}
	inForce := regexp.MustCompile(`(?m)^  #([a-z_]+:)`).ReplaceAllString(string(config.Example()), "  $1")
	env := []string{"ENCRYPTION_KEY=" + goodKey, "M365_MCP_ALLOW_PUBLIC_WITHOUT_PERIMETER=true", "M365_MCP_LINKED_APP_SECRET_CRM=of the app"}
	for _, other := range []string{"tenant_id", "allowed_tenants"} { // one tenant, or a list
		text := regexp.MustCompile(`(?m)^  `+other+`:.*$`).ReplaceAllString(inForce, "")
		if _, err := config.Load("c.yaml", env, files{"c.yaml": text}.read); err != nil {
			t.Error(err)
		}
	}
}
