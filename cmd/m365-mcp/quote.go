package main

import (
	"path/filepath"
	"strings"
)

// program is what a person types to start this program once more: "go run"
// builds it in a temporary folder that is gone by then.
func program(arg0 string) string {
	if strings.Contains(filepath.ToSlash(arg0), "/go-build") {
		return "go run ./cmd/m365-mcp"
	}
	return quote(arg0)
}

// quote writes text so that a POSIX shell reads it back as one word.
func quote(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:=@%,", r)
	}
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool { return !plain(r) }) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
