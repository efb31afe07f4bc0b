package teams

import (
	"regexp"
	"strings"

	"m365mcp/simulator/dataset"
)

// Teams keeps the formatting of a message and drops what could run or load.
var (
	dropped   = regexp.MustCompile(`(?is)<(script|style|iframe|object|embed|form|svg|noscript|template|title|head)\b.*?</(script|style|iframe|object|embed|form|svg|noscript|template|title|head)\s*>`)
	lonely    = regexp.MustCompile(`(?is)</?(script|style|iframe|object|embed|form|svg|link|meta|base|html|body|head|input|button)\b[^>]*>|<!--.*?-->|<!doctype[^>]*>`)
	handlers  = regexp.MustCompile(`(?is)\son\w+\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)`)
	dangerous = regexp.MustCompile(`(?is)\s(href|src)\s*=\s*(["']?)\s*(javascript|vbscript|data):[^"'\s>]*(["']?)`)
)

// sanitize removes until nothing is left to remove, so that what a removal joins
// together is looked at too.
func sanitize(html string) string {
	for {
		next := html
		for _, pattern := range []*regexp.Regexp{dropped, lonely, handlers, dangerous} {
			next = pattern.ReplaceAllString(next, "")
		}
		if next == html {
			return strings.TrimSpace(html)
		}
		html = next
	}
}

var (
	atTag         = regexp.MustCompile(`(?i)<at\s+id\s*=\s*["']?([^"'\s>]+)["']?\s*>`)
	attachmentTag = regexp.MustCompile(`(?i)<attachment\s+id\s*=\s*["']?([^"'\s>]+)["']?\s*/?>`)
	filterWord    = regexp.MustCompile(`(?i)'(?:[^']|'')*'|[a-z]+(?:/[a-z]+)*\(|\b(?:gt|lt|ge|le|eq|ne|and|or|not|in|has)\b`)
)

// marksOf lists the ids of the marks in a body of HTML; text has none.
func marksOf(m *dataset.Post, tag *regexp.Regexp) []string {
	if !m.HTML {
		return nil
	}
	var out []string
	for _, found := range tag.FindAllStringSubmatch(m.Body, -1) {
		out = append(out, found[1])
	}
	return out
}

// operators lists the operators and functions of a filter, outside of strings.
func operators(filter string) []string {
	var out []string
	for _, word := range filterWord.FindAllString(filter, -1) {
		if !strings.HasPrefix(word, "'") {
			out = append(out, strings.ToLower(word))
		}
	}
	return out
}

// filterText is $filter as it was sent.
func (c *call) filterText() string {
	values := c.Request.URL.Query()
	if text := values.Get("$filter"); text != "" {
		return text
	}
	return values.Get("filter")
}
