package directory

import (
	"slices"
	"strings"
	"unicode"

	"m365mcp/simulator/graph/apierror"
)

// searchable are the properties of users that $search may name.
var searchable = []string{"displayName", "givenName", "surname", "mail", "mailNickname", "userPrincipalName"}

// clause is "property:words" of a $search in the directory (Graph, "Use the
// $search query parameter", directory objects).
type clause struct{ property, words string }

// parseSearch reads clauses in double quotes with AND and OR between them, AND
// first. The result is a list of alternatives.
func parseSearch(text string) ([][]clause, error) {
	alternatives := [][]clause{nil}
	expectClause := true
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		if !expectClause {
			word, after, _ := strings.Cut(rest, " ")
			switch word {
			case "OR":
				alternatives = append(alternatives, nil)
			case "AND":
			default:
				return nil, badSearch(text)
			}
			rest, expectClause = after, true
			continue
		}
		phrase, size, ok := quotedPhrase(rest)
		if !ok {
			return nil, badSearch(text)
		}
		property, words, found := strings.Cut(phrase, ":")
		i := slices.IndexFunc(searchable, func(name string) bool { return strings.EqualFold(name, property) })
		if !found || i < 0 || strings.TrimSpace(words) == "" {
			return nil, badSearch(text)
		}
		last := &alternatives[len(alternatives)-1]
		*last = append(*last, clause{searchable[i], words})
		rest, expectClause = rest[size:], false
	}
	if expectClause {
		return nil, badSearch(text)
	}
	return alternatives, nil
}

func badSearch(text string) error {
	return apierror.BadRequest("Request_BadRequest", `Invalid search: '%s'. Write it as "property:text", in double quotes, with AND or OR in between.`, text)
}

// quotedPhrase reads a phrase in double quotes, in which a backslash escapes.
func quotedPhrase(text string) (phrase string, size int, ok bool) {
	if text[0] != '"' {
		return "", 0, false
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return b.String(), i + 1, true
		case text[i] == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(text[i])
		}
	}
	return "", 0, false
}

// matches holds a clause against a value: a display name word by word, other
// properties from their beginning.
func (c clause) matches(value string) bool {
	if c.property != "displayName" {
		return strings.HasPrefix(strings.ToLower(value), strings.ToLower(strings.TrimSpace(c.words)))
	}
	have := words(value)
	for _, word := range words(c.words) {
		if !slices.ContainsFunc(have, func(h string) bool { return strings.HasPrefix(h, word) }) {
			return false
		}
	}
	return true
}

func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
