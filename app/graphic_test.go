package app

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"m365mcp/audit"
)

func TestGraphic(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                       "",
		"Grüße, 世界 \U0001F600":   "Grüße, 世界 \U0001F600",
		"a\tb\n":                 "a\tb\n",
		"\x1b[2J":                `\u001b[2J`,
		"\x7f\u0085\u009b31m":    `\u007f\u0085\u009b31m`,
		"\u202egnp.exe\u2066":    `\u202egnp.exe\u2066`,
		"a\u200bb\u00ad\ufeff":   `a\u200bb\u00ad\ufeff`,
		"\u2028\ue000":           `\u2028\ue000`,
		"\U000e0041":             `\udb40\udc41`, // a tag: an invisible letter
		"lone \x9b and \xe2\x80": "lone \ufffd and \ufffd",
	} {
		if got := Graphic(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

// What came from outside means the same in the line, and does nothing in a terminal.
func TestAuditLinesAreGraphic(t *testing.T) {
	t.Parallel()
	line := audit.Line{
		ID: "1", Kind: audit.KindIntent, DisplayName: "Ada\u202e\u009b2J\x1b]0;x\x07\u200b \U000e0041 <b>",
		Recipients: []string{"\u0080@tideline.example"}, Attributes: map[string]string{"a\u2066": "\x7f"},
	}
	var b strings.Builder
	if err := writeLine(&b, line); err != nil {
		t.Fatal(err)
	}
	for _, r := range strings.TrimSuffix(b.String(), "\n") {
		if !unicode.IsGraphic(r) {
			t.Errorf("%U stands in %q", r, b.String())
		}
	}
	var got audit.Line
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(line, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzGraphic(f *testing.F) {
	f.Add("\u202e\x1b[0m\xff")
	f.Fuzz(func(t *testing.T, text string) {
		encoded, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var want, got string
		if err := json.Unmarshal(encoded, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(Graphic(string(encoded))), &got); err != nil || got != want {
			t.Errorf("%q became %q, %v", want, got, err)
		}
	})
}
