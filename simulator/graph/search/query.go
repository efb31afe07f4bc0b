package search

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/kql"
)

// Query is the text of a search, read.
type Query struct {
	words []string   // of the text, for ranking and highlights
	query *kql.Query // nil: everything
}

// managed are properties of SharePoint's index, and which of the mail index's
// takes their place in the documents of the sources: KQL is one language, only
// the properties differ.
var managed = map[string]string{
	"filename": "subject", "title": "subject", "author": "from", "createdby": "from", "lastmodifiedtime": "received", "write": "received",
	"created": "sent", "filetype": "attachment", "fileextension": "attachment", "path": "category", "isdocument": "hasattachment",
}

var restriction = regexp.MustCompile(`(?i)(^|[\s(-])(` + strings.Join(keys(managed), "|") + `)(:|=|<)`)

func keys(m map[string]string) []string {
	var out []string
	for key := range m {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}

// parse reads KQL; "*" stands for everything.
func parse(text string) (*Query, error) {
	if strings.TrimSpace(text) == "" {
		return nil, apierror.BadRequest("BadRequest", "The queryString is empty.")
	}
	q := &Query{}
	parts := strings.Split(text, `"`)
	for i := 0; i < len(parts); i += 2 { // outside of quotes
		for token := range strings.FieldsSeq(parts[i]) {
			if word, _, isProperty := strings.Cut(token, ":"); !isProperty && word != "AND" && word != "OR" && word != "NOT" && !strings.HasPrefix(word, "-") {
				q.words = append(q.words, words(word)...)
			}
		}
		parts[i] = renamed(parts[i])
	}
	for i := 1; i < len(parts); i += 2 {
		if !strings.HasSuffix(parts[i-1], ":") {
			q.words = append(q.words, words(parts[i])...)
		}
	}
	rewritten := strings.TrimSpace(strings.Join(parts, `"`))
	if rewritten == "" {
		return q, nil
	}
	var err error
	if q.query, err = kql.Parse(rewritten); err != nil {
		return nil, apierror.BadRequest("BadRequest", "%s", err)
	}
	return q, nil
}

// renamed puts the mail index's names, and takes a lone asterisk out.
func renamed(text string) string {
	text = restriction.ReplaceAllStringFunc(text, func(found string) string {
		m := restriction.FindStringSubmatch(found)
		return m[1] + managed[strings.ToLower(m[2])] + m[3]
	})
	var out strings.Builder
	for i, c := range text {
		before := i == 0 || text[i-1] == ' '
		after := i+1 == len(text) || text[i+1] == ' '
		if c != '*' || !before || !after {
			out.WriteRune(c)
		}
	}
	return out.String()
}

// Match reports whether a document answers the query.
func (q *Query) Match(doc *kql.Document, now time.Time) bool {
	return q.query == nil || q.query.Match(doc, now)
}

// Matches is Match for what has a name and a text only.
func (q *Query) Matches(name, text string, now time.Time) bool {
	return q.Match(&kql.Document{Subject: name, Body: text}, now)
}

// score counts the words of the query; those in the name count ten times.
func (q *Query) score(h Hit) int {
	total := 0
	for _, wanted := range q.words {
		for _, w := range words(h.Name) {
			if strings.HasPrefix(w, wanted) {
				total += 10
			}
		}
		for _, w := range words(h.Text) {
			if strings.HasPrefix(w, wanted) {
				total++
			}
		}
	}
	return total
}

// around is how many characters a summary shows before and after what it found.
const around = 80

// summary is the text around the first word that was found, with the words marked.
func (q *Query) summary(h Hit) string {
	text := strings.Join(strings.Fields(h.Text), " ")
	start, end, found := 0, len(text), false
	eachWord(text, func(from, to int) bool {
		if q.marks(text[from:to]) {
			start, end, found = from-around, to+around, true
		}
		return !found
	})
	if !found {
		end = 2 * around
	}
	start, end = boundary(text, start), boundary(text, end)
	var b strings.Builder
	if start > 0 {
		b.WriteString("<ddd/>")
	}
	cut := text[start:end]
	at := 0
	eachWord(cut, func(from, to int) bool {
		if q.marks(cut[from:to]) {
			b.WriteString(cut[at:from] + "<c0>" + cut[from:to] + "</c0>")
			at = to
		}
		return true
	})
	b.WriteString(cut[at:])
	if end < len(text) {
		b.WriteString("<ddd/>")
	}
	return b.String()
}

func (q *Query) marks(word string) bool {
	lower := strings.ToLower(word)
	return slices.ContainsFunc(q.words, func(wanted string) bool { return strings.HasPrefix(lower, wanted) })
}

// boundary moves a place into the text and to the beginning of a character.
func boundary(text string, at int) int {
	at = min(max(at, 0), len(text))
	for at > 0 && at < len(text) && text[at]&0xc0 == 0x80 {
		at--
	}
	return at
}

// eachWord visits the words of a text until visit says no.
func eachWord(text string, visit func(from, to int) bool) {
	from := -1
	for i, c := range text {
		inside := unicode.IsLetter(c) || unicode.IsDigit(c)
		switch {
		case inside && from < 0:
			from = i
		case !inside && from >= 0:
			if !visit(from, i) {
				return
			}
			from = -1
		}
	}
	if from >= 0 {
		visit(from, len(text))
	}
}

func words(text string) []string {
	var out []string
	lower := strings.ToLower(text)
	eachWord(lower, func(from, to int) bool {
		out = append(out, lower[from:to])
		return true
	})
	return out
}
