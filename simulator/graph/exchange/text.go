package exchange

import (
	"html"
	"regexp"
	"strings"
)

var (
	invisible  = regexp.MustCompile(`(?is)<(head|style|script|title)\b.*?</(head|style|script|title)\s*>|<!--.*?-->`)
	blockEnd   = regexp.MustCompile(`(?i)<br\s*/?>|</(p|div|h[1-6]|tr|blockquote|table|ul|ol)\s*>|<hr[^>]*>`)
	listItem   = regexp.MustCompile(`(?i)<li\b[^>]*>`)
	cellEnd    = regexp.MustCompile(`(?i)</t[dh]\s*>`)
	tag        = regexp.MustCompile(`(?s)<[^>]*>`)
	blanks     = regexp.MustCompile(`[ \t\f\v]+`)
	emptyLines = regexp.MustCompile(`\n{3,}`)
	quotedPart = regexp.MustCompile(`(?is)<div[^>]*\bid="?(divRplyFwdMsg|appendonsend)|<blockquote|-----Original Message-----|\n_{10,}|\nOn [^\n]{5,200} wrote:|\nFrom: `)
)

// TextOfHTML is the body as text, the way Exchange converts it in outline:
// blocks end lines, list items get a mark, markup and what it hides is gone.
func TextOfHTML(content string) string {
	text := invisible.ReplaceAllString(content, "")
	text = strings.NewReplacer("\r\n", " ", "\n", " ").Replace(text)
	text = blockEnd.ReplaceAllString(text, "\n")
	text = listItem.ReplaceAllString(text, "\n  * ")
	text = cellEnd.ReplaceAllString(text, "\t")
	text = html.UnescapeString(tag.ReplaceAllString(text, ""))
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(blanks.ReplaceAllString(line, " "))
	}
	text = emptyLines.ReplaceAllString(strings.Join(lines, "\n"), "\n\n")
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\r\n")
}

// HTMLOfText wraps a text body for those who asked for HTML.
func HTMLOfText(content string) string {
	escaped := strings.NewReplacer("\r\n", "<br>\r\n", "\n", "<br>\n").Replace(html.EscapeString(content))
	return `<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head><body><div class="PlainText">` + escaped + `</div></body></html>`
}

// UniquePart is the body without the quoted history.
func UniquePart(content string) string {
	if at := quotedPart.FindStringIndex(content); at != nil && at[0] > 0 {
		return content[:at[0]]
	}
	return content
}

// preview is the start of a text, at most 255 characters.
func preview(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > 255 {
		return string(runes[:255])
	}
	return text
}
