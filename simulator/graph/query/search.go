package query

import (
	"strings"
	"unicode"

	"m365mcp/simulator/graph/apierror"
)

// Search takes OData's layer off $search (Part 2, section 5.1.1.9):
// double-quoted phrases with \" and \\ inside, bare words of letters, AND, OR,
// NOT and parentheses. What is left is KQL.
func (o Options) Search() (string, error) {
	text := o.values["$search"]
	var parts []string
	for i := 0; i < len(text); {
		switch text[i] {
		case ' ', '\t':
			i++
		case '(', ')':
			parts = append(parts, text[i:i+1])
			i++
		case '"':
			phrase, size, ok := unescapePhrase(text[i:])
			if !ok {
				return "", apierror.BadRequest("BadRequest", "Syntax error: unterminated string literal at position %d in '%s'.", i, text)
			}
			if size == len(text) {
				return phrase, nil
			}
			parts = append(parts, "("+phrase+")")
			i += size
		default:
			end := strings.IndexAny(text[i:], " \t()\"")
			if end < 0 {
				end = len(text) - i
			}
			for at, r := range text[i : i+end] {
				if !unicode.IsLetter(r) {
					return "", apierror.BadRequest("BadRequest", "Syntax error: character '%c' is not valid at position %d in '%s'.", r, i+at, text)
				}
			}
			parts = append(parts, text[i:i+end])
			i += end
		}
	}
	return strings.Join(parts, " "), nil
}

func unescapePhrase(s string) (phrase string, size int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), i + 1, true
		case '\\':
			if i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
				i++
			}
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	return "", 0, false
}
