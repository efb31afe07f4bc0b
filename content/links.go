package content

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

const (
	longestLink = 100 // bytes of an address that a model gets whole
	longestPart = 40  // of a path: longer ones are tokens of a counter
)

// link keeps the text of a link, and its target where that says something.
func (r *rewriter) link(n *node, s style) {
	if n.tables || n.attr["href"] == "" || strings.Contains(r.inline, "link ") {
		r.children(n, s)
		return
	}
	before := r.inline
	r.inline += "link "
	r.flat++
	a := r.inside("a", func() { r.children(n, s) })
	r.flat--
	r.inline = before
	if a == nil {
		return
	}
	if target := r.target(n.attr["href"], linkText(a)); target != "" {
		a.Attr = []html.Attribute{{Key: "href", Val: target}}
		return
	}
	r.out.RemoveChild(a)
	for c := a.FirstChild; c != nil; c = a.FirstChild {
		a.RemoveChild(c)
		r.out.AppendChild(c)
	}
}

// linkText is the beginning of what a link shows.
func linkText(a *html.Node) string {
	var b strings.Builder
	var collect func(*html.Node)
	collect = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		for c := n.FirstChild; c != nil && b.Len() < maxAttr; c = c.NextSibling {
			collect(c)
		}
	}
	collect(a)
	return strings.TrimSpace(b.String())
}

// target is what to show behind text; empty where text says it already, or
// where only the host of a counter is left, which was shown before.
func (r *rewriter) target(href, text string) string {
	u := unwrap(href)
	if u == nil {
		return ""
	}
	if u.Scheme == "mailto" {
		address, err := url.PathUnescape(u.Opaque)
		address = Line(address, longestLink)
		if err != nil || address == "" || strings.Contains(text, address) {
			return ""
		}
		return "mailto:" + address
	}
	if r.o.FullLinks {
		return cleanTarget(u.String())
	}
	short, whole := shorten(u)
	bare := func(s string) string {
		_, s, _ = strings.Cut("//"+strings.TrimPrefix(strings.TrimPrefix(s, "https://"), "http://"), "//")
		return strings.TrimSuffix(s, "/")
	}
	switch {
	case bare(text) == bare(short):
		return ""
	case !whole && !strings.Contains(text, ".") && r.hosts[u.Host]: // a text with a dot may name another host
		return ""
	case !whole:
		r.hosts[u.Host] = true
	}
	return cleanTarget(short)
}

// cleanTarget keeps what ends a Markdown link or a cell out of its target.
func cleanTarget(target string) string {
	target, _ = visible(target)
	return targetEscapes.Replace(target)
}

var targetEscapes = strings.NewReplacer("|", "%7C", "`", "%60", "\n", "", " ", "%20")

// unwrap parses an address of the web or of mail and takes off what a mail
// filter put around it.
func unwrap(href string) *url.URL {
	for range 4 {
		u, err := url.Parse(strings.TrimSpace(href))
		if err != nil {
			return nil
		}
		u.User = nil // what stands before @ only poses as the host
		u.Scheme = strings.ToLower(u.Scheme)
		switch {
		case u.Scheme == "mailto":
			u.RawQuery = ""
			return u
		case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
			return nil
		}
		inner := wrapped(u)
		if inner == "" {
			return u
		}
		href = inner
	}
	return nil
}

// wrapped is the address inside a link of Microsoft's Safe Links or of Proofpoint's
// URL Defense, or empty.
func wrapped(u *url.URL) string {
	host := strings.ToLower(u.Hostname())
	switch {
	case strings.HasSuffix(host, ".safelinks.protection.outlook.com"):
		return u.Query().Get("url")
	case host == "urldefense.com":
		_, rest, _ := strings.Cut(u.String(), "/v3/__")
		inner, _, found := strings.Cut(rest, "__;")
		if found {
			return inner
		}
	}
	return ""
}

// counters are parameters that say who clicked, not what is there.
var counters = []string{"fbclid", "gclid", "mc_cid", "mc_eid", "mkt_tok", "msclkid", "trk", "_hsenc", "_hsmi"}

// shorten cuts an address to what a model can use; whole tells that it still
// leads to the same place.
func shorten(u *url.URL) (short string, whole bool) {
	v := *u
	parts := strings.Split(v.RawQuery, "&")
	parts = slices.DeleteFunc(parts, func(part string) bool {
		name, _, _ := strings.Cut(part, "=")
		return strings.HasPrefix(name, "utm_") || slices.Contains(counters, name)
	})
	v.RawQuery = strings.Join(parts, "&")
	token := slices.ContainsFunc(strings.Split(v.Path, "/"), func(part string) bool { return len(part) > longestPart })
	if s := v.String(); len(s) <= longestLink && !token {
		return s, true
	}
	v.RawQuery, v.Fragment, v.RawFragment = "", "", ""
	if s := v.String(); len(s) <= longestLink && !token {
		return s + "?...", false
	}
	host := v.Host
	if len(host) > longestLink {
		host = "..." + strings.ToValidUTF8(host[len(host)-longestLink:], "")
	}
	return v.Scheme + "://" + host + "/...", false
}

var bareURL = regexp.MustCompile(`https?://[^\s<>"\[\]()|]+`)

// shortenBare shortens the long addresses in a text.
func shortenBare(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	return bareURL.ReplaceAllStringFunc(text, func(address string) string {
		if len(address) <= longestLink {
			return address
		}
		u := unwrap(address)
		if u == nil || u.Scheme == "mailto" {
			return strings.ToValidUTF8(address[:longestLink], "") + "..."
		}
		short, _ := shorten(u)
		return short
	})
}
