package content_test

import (
	"testing"

	"m365mcp/content"
)

func TestAddress(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"Ada Ndiaye", "ada@tideline.example", "Ada Ndiaye <ada@tideline.example>"},
		{"", "ada@tideline.example", "ada@tideline.example"},
		{"ada@tideline.example", "ada@tideline.example", "ada@tideline.example"},
		{"Ada", "", "Ada"},
		{"CEO <ceo@tideline.example>", "eve@evil.example", "CEO ceo@tideline.example <eve@evil.example>"},
		{"A\r\nB\u202e", "a@b.example\n", "A B <a@b.example>"},
		{"", "", ""},
	} {
		if got := content.Address(c[0], c[1]); got != c[2] {
			t.Errorf("Address(%q, %q) = %q, want %q", c[0], c[1], got, c[2])
		}
	}
}
