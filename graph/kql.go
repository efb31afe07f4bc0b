package graph

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// KQL is a query in the Keyword Query Language, all parts of which must hold
// (https://learn.microsoft.com/sharepoint/dev/general-development/keyword-query-language-kql-syntax-reference).
// Property names are constants of the program; every text stays a text.
//
//	graph.NewKQL().Words(query).Property("from", sender).Is("hasattachments", true)
type KQL struct{ parts []string }

// NewKQL is a query without parts.
func NewKQL() KQL { return KQL{} }

// Words looks for what a person wrote: words, "phrases" and wor* for beginnings.
// AND, OR and NOT in capitals are operators where they stand between or before
// words, and words elsewhere. All else is text: from:bob looks for that text and
// restricts no property, a minus sign excludes nothing, and parentheses are
// dropped. Words without a letter or digit are left out.
func (k KQL) Words(text string) KQL {
	words, alternatives := arrange(split(text))
	switch {
	case words == "":
		return k
	case alternatives:
		return k.with("(" + words + ")")
	}
	return k.with(words)
}

// Property restricts a property to a text: from, to, cc, subject, participants,
// attachment. Quotes and control characters in value become blanks; what is
// blank altogether restricts nothing.
func (k KQL) Property(name, value string) KQL {
	value = blank(value, ends)
	if value == "" {
		return k
	}
	return k.with(name + `:"` + value + `"`)
}

// Is restricts a property that is true or false, such as hasattachments.
func (k KQL) Is(name string, value bool) KQL { return k.with(name + ":" + strconv.FormatBool(value)) }

// Range restricts a date, such as received, to from and later, before until; a
// zero time leaves that side open.
func (k KQL) Range(name string, from, until time.Time) KQL {
	if !from.IsZero() {
		k = k.with(name + ">=" + date(from))
	}
	if !until.IsZero() {
		k = k.with(name + "<" + date(until))
	}
	return k
}

// IsZero reports whether the query restricts nothing.
func (k KQL) IsZero() bool { return len(k.parts) == 0 }

// String is the query.
func (k KQL) String() string {
	// Spelled out: KQL reads two restrictions of one property side by side as OR.
	return strings.Join(k.parts, " AND ")
}

func (k KQL) with(part string) KQL { return KQL{append(slices.Clip(k.parts), part)} }

func date(t time.Time) string {
	t = t.UTC()
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339)
}

// token is a word or phrase, ready to stand in a query, or an operator.
type token struct{ text, operator string }

// split reads a person's text.
func split(text string) []token {
	var tokens []token
	runes := []rune(text)
	for i := 0; i < len(runes); i++ {
		if quoteMark(runes[i]) {
			length := slices.IndexFunc(runes[i+1:], quoteMark)
			if length < 0 {
				continue // never closed: a stray mark
			}
			if phrase := blank(string(runes[i+1:i+1+length]), ends); searchable(phrase) {
				tokens = append(tokens, token{text: `"` + phrase + `"`})
			}
			i += length + 1
			continue
		}
		length := slices.IndexFunc(runes[i:], separates)
		if length < 0 {
			length = len(runes) - i
		}
		if length == 0 {
			continue
		}
		if word := string(runes[i : i+length]); searchable(word) {
			tokens = append(tokens, wordToken(word))
		}
		i += length - 1
	}
	return tokens
}

// reserved words would be operators of KQL outside of quotes.
var reserved = []string{"NEAR", "ONEAR", "XRANK", "WORDS"}

func wordToken(word string) token {
	if word == "AND" || word == "OR" || word == "NOT" {
		return token{operator: word}
	}
	plain := strings.TrimSuffix(word, "*")
	if slices.Contains(reserved, plain) || strings.ContainsFunc(plain, func(r rune) bool { return !wordRune(r) }) {
		return token{text: `"` + word + `"`}
	}
	return token{text: word}
}

// arrange puts tokens together; an operator that has not what it needs on its
// sides becomes a word.
func arrange(tokens []token) (query string, alternatives bool) {
	term := func(i int) bool { return i < len(tokens) && tokens[i].operator == "" }
	var parts []string
	operand := false // whether the part before can stand left of an operator
	for i, t := range tokens {
		negates := t.operator == "NOT" && term(i+1)
		joins := (t.operator == "AND" || t.operator == "OR") && operand &&
			(term(i+1) || i+1 < len(tokens) && tokens[i+1].operator == "NOT" && term(i+2))
		switch {
		case t.operator == "":
			parts = append(parts, t.text)
		case negates || joins:
			parts = append(parts, t.operator)
			alternatives = alternatives || t.operator == "OR"
		default:
			parts = append(parts, `"`+t.operator+`"`)
		}
		operand = !negates && !joins
	}
	return strings.Join(parts, " "), alternatives
}

// quoteMark reports marks that begin or end a phrase; KQL also takes the curly
// ones that word processors make.
func quoteMark(r rune) bool { return strings.ContainsRune("\"“”„‟«»＂", r) }

// ends are the runes that could end a phrase, or escape its end.
func ends(r rune) bool { return quoteMark(r) || r == '\\' || unicode.IsControl(r) }

func separates(r rune) bool { return ends(r) || unicode.IsSpace(r) || r == '(' || r == ')' }

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

func searchable(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })
}

// blank turns the runes that drop names into blanks, and trims.
func blank(s string, drop func(rune) bool) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if drop(r) {
			return ' '
		}
		return r
	}, s))
}
