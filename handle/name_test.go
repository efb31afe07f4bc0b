package handle_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"m365mcp/handle"
)

func TestPrefixesAreDistinct(t *testing.T) {
	t.Parallel()
	shape := regexp.MustCompile(`^[a-z]{1,2}$`)
	seen := map[string]handle.Kind{}
	for kind, prefix := range handle.Prefixes {
		if other, taken := seen[prefix]; taken || !shape.MatchString(prefix) {
			t.Errorf("prefix %q of %s is malformed or of %s too", prefix, kind, other)
		}
		seen[prefix] = kind
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"m_abcdefghjk", "EV_ABCDEFGHJK", "m_abcdefghjkmnp", "m_abcdefghjkmnpqrst", "m_abc", "m_abcdefghio", "_", "m_", "ſ_abcdefghjk", "m_K",
		"AAMkAGI2TG93AAA=", "19:a@thread.tacv2", "b!x_y", "inbox", "../x", "a\x00", "\xff", "", strings.Repeat("m_", 600),
	} {
		f.Add(s)
	}
	var known []string
	for _, prefix := range handle.Prefixes {
		known = append(known, prefix)
	}
	whole := regexp.MustCompile(`^(?i:` + strings.Join(known, "|") + `)_[a-hjkmnp-zA-HJKMNP-Z]{10}$`)
	echoed := regexp.MustCompile(`^[a-z]{1,2}_[a-z0-9]*$`)
	stored := regexp.MustCompile(`^[a-z]{1,2}_[abcdefghjkmnpqrstuvwxyz]+$`)
	f.Fuzz(func(t *testing.T, given string) {
		kind, h, err := handle.Parse(given)
		refusal, typed := errors.AsType[*handle.Error](err)
		switch {
		case err != nil:
			if !typed || kind != "" || h != "" {
				t.Fatalf("Parse(%q) = %q, %q, %v", given, kind, h, err)
			}
			// Only what looks like a handle may come back to the model.
			if refusal.Handle != "" && (len(refusal.Handle) > 24 || strings.ToLower(given) != refusal.Handle ||
				!echoed.MatchString(refusal.Handle)) {
				t.Fatalf("Parse(%q) repeats %q", given, refusal.Handle)
			}
		case h == "":
			if given == "" || len(given) > 1024 || kind != "" || whole.MatchString(given) {
				t.Fatalf("Parse(%q) took it for a Graph id", given)
			}
		default:
			if !stored.MatchString(h) || !strings.HasPrefix(h, handle.Prefixes[kind]+"_") || !strings.EqualFold(h, given) {
				t.Fatalf("Parse(%q) = %q, %q", given, kind, h)
			}
			if k, again, err := handle.Parse(h); k != kind || again != h || err != nil {
				t.Fatalf("Parse(%q) = %q, %q, %v the second time", h, k, again, err)
			}
		}
	})
}
