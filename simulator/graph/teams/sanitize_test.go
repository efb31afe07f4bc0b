package teams

import (
	"slices"
	"testing"
)

func TestSanitize(t *testing.T) {
	t.Parallel()
	for html, want := range map[string]string{
		`<b>bold</b> <a href="https://x.example">x</a>`:       `<b>bold</b> <a href="https://x.example">x</a>`,
		`a<script>alert(1)</script>b`:                         `ab`,
		`a<SCRIPT src=x>`:                                     `a`,
		`<scr<script></script>ipt>alert(1)</script>`:          `alert(1)`,
		`<p onclick="x()" title='t'>x</p>`:                    `<p title='t'>x</p>`,
		`<a href=" javascript:alert(1)">x</a>`:                `<a>x</a>`,
		`<style>p{}</style><!-- hidden -->x`:                  `x`,
		`<at id="0">Ada</at><attachment id="1"></attachment>`: `<at id="0">Ada</at><attachment id="1"></attachment>`,
	} {
		if got := sanitize(html); got != want {
			t.Errorf("%s: %q, want %q", html, got, want)
		}
	}
}

func TestOperators(t *testing.T) {
	t.Parallel()
	for filter, want := range map[string][]string{
		"lastModifiedDateTime gt 2026-11-01T00:00:00Z and lastModifiedDateTime lt 2026-11-02T00:00:00Z": {"gt", "and", "lt"},
		"not (createdDateTime lt 2026-11-01T00:00:00Z)":                                                 {"not", "lt"},
		"contains(x,'it''s gt')": {"contains("},
	} {
		if got := operators(filter); !slices.Equal(got, want) {
			t.Errorf("%s: %q", filter, got)
		}
	}
}
