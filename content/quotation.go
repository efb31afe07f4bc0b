package content

import "strings"

// Mail programs mark what they quote. Of the first kind of element the quotation
// is what follows, to the end; of the second, what stands in it.
var (
	quoteBegins = []string{"divrplyfwdmsg", "appendonsend", "mail-editor-reference-message-container", "replysplit"}
	quoteClass  = []string{"gmail_quote", "gmail_quote_container", "yahoo_quoted", "protonmail_quote", "tutanota_quote", "zmail_extra"}
)

// quotation writes n apart if it is one, and reports whether it was.
func (r *rewriter) quotation(n *node, s style) bool {
	if n.level == levelInline || r.segments[len(r.segments)-1].quoted {
		return false
	}
	id := strings.ToLower(n.attr["id"])
	for _, begin := range quoteBegins {
		if strings.TrimPrefix(id, "x_") == begin { // Outlook prefixes what it quotes
			r.turn(true)
			r.element(n, s)
			return true
		}
	}
	quoted := n.tag == "blockquote" && strings.EqualFold(n.attr["type"], "cite")
	for _, class := range quoteClass {
		quoted = quoted || hasWord(n.attr["class"], class)
	}
	if !quoted || forwarded(n) {
		return false
	}
	r.turn(true)
	r.element(n, s)
	r.turn(false)
	return true
}

// forwarded: what somebody passes on is what the message is about.
func forwarded(n *node) bool {
	var b strings.Builder
	var collect func(*node)
	collect = func(n *node) {
		b.WriteString(n.text)
		for _, child := range n.children {
			if b.Len() > 400 {
				return
			}
			collect(child)
		}
	}
	collect(n)
	return forwardLine.MatchString(strings.TrimSpace(b.String()))
}
