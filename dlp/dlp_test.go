package dlp_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/dlp"
)

func TestScan(t *testing.T) {
	t.Parallel()
	has := func(s string) func(string) bool { return func(text string) bool { return strings.Contains(text, s) } }
	p := dlp.New(dlp.Detector{Name: "z", Match: has("zed")}, dlp.Detector{Name: "a", Match: has("aye")})
	if diff := cmp.Diff([]string{"a", "z"}, p.Scan("zed", "and aye")); diff != "" {
		t.Error(diff)
	}
	if got := p.Scan("nothing", ""); got != nil {
		t.Errorf("found %q", got)
	}
	if got := (dlp.Profile{}).Scan("zed"); got != nil {
		t.Errorf("the empty profile found %q", got)
	}
}
