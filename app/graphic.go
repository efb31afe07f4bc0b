package app

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
)

// Graphic writes as \uXXXX what a terminal would act on or would not show:
// control characters, and those that hide or turn around the text beside them
// (U+202E). Line ends and tabs stay, so that JSON means the same afterwards.
func Graphic(text string) string {
	text = strings.ToValidUTF8(text, "\ufffd") // a lone 0x9b starts a command too
	plain := func(r rune) bool { return unicode.IsGraphic(r) || r == '\n' || r == '\t' }
	if !strings.ContainsFunc(text, func(r rune) bool { return !plain(r) }) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if plain(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}
