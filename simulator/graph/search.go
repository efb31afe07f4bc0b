package graph

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/kql"
)

// searchMessages answers $search: KQL, at most 1000 messages, by sent date.
func (s *Server) searchMessages(c *call, candidates []*message) ([]*message, error) {
	for option, code := range map[string]string{"$orderby": "SearchWithOrderBy", "$filter": "SearchWithFilter", "$skip": "SearchWithSkip"} {
		if c.opts.has(option) {
			name := map[string]string{"$orderby": "$orderBy"}[option]
			return nil, badRequest(code, "The query parameter '%s' is not supported with '$search'.", orElse(name, option))
		}
	}
	if c.basicOnly() { // "does not include permissions to search messages"
		return nil, accessDenied()
	}
	text, err := searchExpression(c.opts.values["$search"])
	if err != nil {
		return nil, err
	}
	query, err := kql.Parse(text)
	if err != nil {
		return nil, badRequest("BadRequest", "%s", err)
	}
	var found []*message
	for _, m := range candidates {
		if query.Match(m.document(), s.opts.Now()) {
			found = append(found, m)
		}
	}
	slices.SortStableFunc(found, func(a, b *message) int { return b.Sent.Compare(a.Sent) })
	return found[:min(len(found), maxSearch)], nil
}

// searchExpression takes OData's layer off $search (Part 2, section 5.1.1.9):
// double-quoted phrases with \" and \\ inside, bare words of letters, AND, OR,
// NOT and parentheses. What is left is KQL.
func searchExpression(text string) (string, error) {
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
				return "", badRequest("BadRequest", "Syntax error: unterminated string literal at position %d in '%s'.", i, text)
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
					return "", badRequest("BadRequest", "Syntax error: character '%c' is not valid at position %d in '%s'.", r, i+at, text)
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

// document is the message as the content index sees it.
func (m *message) document() *kql.Document {
	people := func(list ...dataset.Address) []string {
		var out []string
		for _, a := range list {
			out = append(out, fmt.Sprintf("%s %s", a.Name, a.Address), a.Address)
		}
		return out
	}
	doc := &kql.Document{
		From: people(m.From), To: people(m.To...), CC: people(m.CC...), BCC: people(m.BCC...), Subject: m.Subject, Body: m.Body,
		HasAttachments: m.hasAttachments(), Categories: m.Categories, Importance: orElse(m.Importance, "normal"),
		Size: len(m.Body), Sent: m.Sent, Received: m.Received,
	}
	if m.HTML {
		doc.Body = textOfHTML(m.Body)
	}
	for _, a := range m.Attachments {
		doc.Attachments = append(doc.Attachments, a.Name)
		doc.Size += len(a.Content)
	}
	return doc
}
