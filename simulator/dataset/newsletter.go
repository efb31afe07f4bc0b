package dataset

import (
	"encoding/base64"
	"fmt"
	"html"
	"strings"
)

// newsletter makes of a title and lines "headline | text" what marketing
// software makes of them: nested tables, a style on every cell, a tracking
// link behind every word, 100 KB and more for two pages of text.
func newsletter(l *letter) string {
	title, items, _ := strings.Cut(l.text, "\n")
	_, host, _ := strings.Cut(l.from.Address, "@")
	var b strings.Builder
	b.Grow(144 << 10)
	b.WriteString("<style type=\"text/css\">\n")
	for width := 200; width <= 1160; width += 24 {
		fmt.Fprintf(&b, "@media only screen and (max-width:%dpx){", width)
		for col := 1; col <= 6; col++ {
			fmt.Fprintf(&b, ".nl-col-%[1]d-%[2]d{width:%[3]d%% !important;max-width:%[3]d%% !important;display:block !important;padding:0 %[4]dpx !important}", col, width, 100/col, 4+width/100)
		}
		b.WriteString("}\n")
	}
	b.WriteString("</style>\n<!--[if mso]><style>table,td{font-family:Arial,sans-serif !important}</style><![endif]-->\n")
	fmt.Fprintf(&b, "<div style=\"display:none;max-height:0;overflow:hidden\">%s%s</div>\n",
		html.EscapeString(title), strings.Repeat("&#847;&zwnj;&nbsp;", 40))
	b.WriteString(`<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" bgcolor="#f2f4f6"><tr><td align="center">` + "\n")
	fmt.Fprintf(&b, "<h1 style=\"font:bold 26px Georgia,serif;color:#0b3c5d;margin:24px 0\">%s</h1>\n", html.EscapeString(title))
	n := 0
	for line := range strings.Lines(strings.TrimSpace(items)) {
		if headline, text, ok := strings.Cut(strings.TrimSpace(line), " | "); ok {
			article(&b, l.key, host, n, headline, text)
			n++
		} else if raw := strings.TrimSpace(line); raw != "" {
			b.WriteString(raw + "\n") // HTML of its own
		}
	}
	fmt.Fprintf(&b, `<p style="font:11px Arial,sans-serif;color:#8a949e">You receive this because you subscribed with your work address. `+
		`<a href="%s">Unsubscribe</a> | <a href="%s">View in browser</a></p>`, trackingLink(host, l.key, 900), trackingLink(host, l.key, 901))
	fmt.Fprintf(&b, "<img src=%q width=\"1\" height=\"1\" alt=\"\">\n</td></tr></table>\n", trackingLink(host, l.key, 902))
	return b.String()
}

// article is one box of a newsletter, nested as deep as its like.
func article(b *strings.Builder, key, host string, n int, headline, text string) {
	const cell = `style="margin:0;padding:12px 24px;font-family:Helvetica,Arial,sans-serif;font-size:15px;line-height:1.5;color:#24292f;` +
		`background-color:#ffffff;border-collapse:collapse;mso-table-lspace:0pt;mso-table-rspace:0pt;-webkit-text-size-adjust:100%;-ms-text-size-adjust:100%"`
	link := func(part int) string { return trackingLink(host, key, n*8+part) }
	b.WriteString(`<table role="presentation" width="640" cellpadding="0" cellspacing="0" border="0" align="center" class="nl-col-1-640" ` + cell + `><tbody><tr>` +
		`<td width="160" valign="top" class="nl-col-4-640" ` + cell + `><a href="` + link(0) + `" target="_blank"><img src="` + link(1) +
		`" width="136" height="90" border="0" alt="" style="display:block;border:0;outline:none;text-decoration:none"></a></td>` +
		`<td width="480" valign="top" class="nl-col-2-640" ` + cell + `>` + "\n")
	fmt.Fprintf(b, `<table role="presentation" width="100%%" cellpadding="0" cellspacing="0"><tr><td %s><h2 style="margin:0;font-size:18px">`+
		`<a href="%s" style="color:#0b3c5d;text-decoration:none">%s</a></h2></td></tr>`+"\n", cell, link(2), html.EscapeString(headline))
	fmt.Fprintf(b, `<tr><td %s><p style="margin:0">%s</p></td></tr>`+"\n", cell, html.EscapeString(text))
	fmt.Fprintf(b, `<tr><td %s><a href="%s" style="background:#0b5c7d;color:#ffffff;padding:8px 16px;border-radius:4px">Read more</a> `+
		`<a href="%s">Share</a> <a href="%s">Save</a></td></tr></table></td></tr></tbody></table>`+"\n", cell, link(3), link(4), link(5))
}

func trackingLink(host, key string, n int) string {
	token := base64.RawURLEncoding.EncodeToString(expand(190, "tracking", key, fmt.Sprint(n)))
	return "https://click." + host + "/c/" + token + "?utm_source=newsletter&amp;utm_medium=email&amp;utm_campaign=weekly"
}
