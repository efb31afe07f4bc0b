package content

import (
	"strings"
	"unicode"
)

// smuggled is how many tags or variation selectors in a row are text in disguise;
// the flags of England, Scotland and Wales have six.
const smuggled = 8

// visible removes what people do not see, all but line ends and tabs, and counts
// the runs of it that carry text for a model.
func visible(text string) (clean string, hidden int) {
	var b strings.Builder
	b.Grow(len(text))
	run := 0
	for _, r := range text {
		if isTag(r) || unicode.Is(unicode.Variation_Selector, r) {
			if run++; run == smuggled {
				hidden++
			}
			continue
		}
		run = 0
		switch {
		case r == '\n' || r == '\t' || r == ' ':
			b.WriteRune(r)
		case r == '\r' || Invisible(r) && !unicode.IsSpace(r):
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return b.String(), hidden
}

// isTag knows the Unicode block that repeats ASCII invisibly.
func isTag(r rune) bool { return r >= 0xe0000 && r <= 0xe007f }

// entities are what the library's base plugin writes for angle brackets.
var entities = strings.NewReplacer("&lt;", "<", "&gt;", ">")

// finish leaves no HTML, no trailing space and no more than one empty line in a row.
func finish(markdown string) string {
	markdown = entities.Replace(markdown)
	var b strings.Builder
	b.Grow(len(markdown))
	empty := 0
	for line := range strings.Lines(markdown) {
		line = strings.TrimRight(line, " \t\r\n")
		if strings.Trim(line, "> ") == "" && !strings.Contains(line, ">") {
			empty++
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
			if empty > 0 {
				b.WriteByte('\n')
			}
		}
		empty = 0
		defuse(&b, line)
	}
	return b.String()
}

// defuse writes < as an entity where a tag could begin. It does so in code too:
// a page of a long text may begin inside a code block.
func defuse(b *strings.Builder, line string) {
	for {
		i := strings.IndexByte(line, '<')
		if i < 0 || i+1 == len(line) {
			b.WriteString(line)
			return
		}
		b.WriteString(line[:i])
		if line = line[i+1:]; opensTag(line) {
			b.WriteString("&lt;")
		} else {
			b.WriteByte('<')
		}
	}
}

// opensTag judges what stands after <: an address in angle brackets is none.
func opensTag(rest string) bool {
	c := rest[0]
	if c == '/' || c == '!' || c == '?' {
		return true
	}
	if c|0x20 < 'a' || c|0x20 > 'z' {
		return false
	}
	const longest = 254 // RFC 5321, 4.5.3.1.3
	at := false
	for i := 0; i < len(rest) && i <= longest; i++ {
		switch c := rest[i]; {
		case c == '>':
			return !at
		case c == '@':
			at = true
		case c == '.' || c == '-' || c == '_' || c == '+' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z':
		default:
			return true
		}
	}
	return true
}

// inlineText keeps text from passing for a link or a picture: a client that shows
// Markdown fetches pictures, and their addresses carry data away.
func inlineText(text string, cell bool) string {
	text = linkEscapes.Replace(text)
	if cell {
		text = strings.ReplaceAll(text, "|", `\|`)
	}
	return text
}

var linkEscapes = strings.NewReplacer("](", `]\(`, "![", `!\[`, "]:", `]\:`)

func hasText(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}
