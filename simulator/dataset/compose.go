package dataset

import (
	"fmt"
	"html"
	"strings"
)

// composed is a mail's text in both forms, so that a reply in either can quote it.
type composed struct {
	letter *letter
	html   string // inside of the body element
	text   string
}

// compose makes the complete body of a letter; previous is the mail it answers, or nil.
func compose(l *letter, previous *composed, signature string) (composed, string) {
	out := composed{letter: l, text: l.text}
	switch l.format {
	case "text":
		out.text += signatureText(signature)
		out.html = paragraphs(out.text)
	case "raw":
		out.html, out.text = l.text, plainText(l.text, -1)
	case "newsletter":
		out.html, out.text = newsletter(l), l.text
	default:
		out.text += signatureText(signature)
		out.html = paragraphs(l.text) + images(l.files) + signatureHTML(signature)
	}
	quote := l.quote
	if quote == "" && l.format == "text" {
		quote = "angle"
	}
	if previous != nil && quote != "none" {
		if quote == "angle" {
			out.text += angleQuote(previous)
			out.html += "<blockquote type=\"cite\">" + previous.html + "</blockquote>"
		} else {
			out.html += outlookQuote(previous, l.lang)
			out.text += angleQuote(previous)
		}
	}
	if l.format == "text" {
		return out, out.text
	}
	if l.text == "" && len(l.files) == 0 && previous == nil {
		return out, ""
	}
	return out, document(l.lang, out.html)
}

// document puts a body into what Outlook sends around it.
func document(lang, body string) string {
	dir := ""
	if lang == "ar" {
		dir = ` dir="rtl"`
	}
	return `<html><head>
<meta http-equiv="Content-Type" content="text/html; charset=utf-8">
<style type="text/css" style="display:none;">
P {margin-top:0;margin-bottom:0;}
div.WordSection1 {font-family:Aptos,Calibri,Helvetica,sans-serif; font-size:11pt;}
</style></head>
<body lang="` + lang + `"` + dir + ">\n<div class=\"WordSection1\">\n" + body + "</div>\n</body></html>\n"
}

// paragraphs turns light text into HTML: blocks between empty lines, "- " lists
// and "| a | b |" tables.
func paragraphs(text string) string {
	var b strings.Builder
	for block := range strings.SplitSeq(text, "\n\n") {
		lines := strings.Split(strings.Trim(block, "\n"), "\n")
		switch {
		case strings.HasPrefix(lines[0], "- "):
			b.WriteString("<ul>\n")
			for _, line := range lines {
				fmt.Fprintf(&b, "<li>%s</li>\n", html.EscapeString(strings.TrimPrefix(line, "- ")))
			}
			b.WriteString("</ul>\n")
		case strings.HasPrefix(lines[0], "| "):
			b.WriteString("<table border=\"1\" cellspacing=\"0\" cellpadding=\"4\" style=\"border-collapse:collapse\">\n")
			for _, line := range lines {
				cells := strings.Split(html.EscapeString(strings.Trim(line, "| ")), " | ")
				b.WriteString("<tr><td>" + strings.Join(cells, "</td><td>") + "</td></tr>\n")
			}
			b.WriteString("</table>\n")
		default:
			b.WriteString("<p>" + strings.ReplaceAll(html.EscapeString(strings.Join(lines, "\n")), "\n", "<br>\n") + "</p>\n<p>&nbsp;</p>\n")
		}
	}
	return b.String()
}

// images shows the inline files of a letter below its text.
func images(files []file) string {
	var b strings.Builder
	for _, f := range files {
		if f.cid != "" {
			fmt.Fprintf(&b, "<p><img src=\"cid:%s\" width=\"320\" height=\"120\" alt=\"%s\"></p>\n", f.cid, f.name)
		}
	}
	return b.String()
}

func signatureHTML(signature string) string {
	if signature == "" {
		return ""
	}
	return `<div id="Signature" style="color:#5f6b76;font-size:9pt">` + paragraphs(signature) + "</div>\n"
}

func signatureText(signature string) string {
	if signature == "" {
		return ""
	}
	return "\n\n-- \n" + signature
}

// labels are the words that mail programs put around a quotation.
type labels struct{ reply, from, sent, to, cc, subject, layout string }

func labelsOf(lang string) labels {
	switch lang {
	case "de":
		return labels{"AW: ", "Von", "Gesendet", "An", "Cc", "Betreff", "02.01.2006 15:04"}
	case "fr":
		return labels{"RE: ", "De", "Envoyé", "À", "Cc", "Objet", "02/01/2006 15:04"}
	case "pt":
		return labels{"RE: ", "De", "Enviado", "Para", "Cc", "Assunto", "02/01/2006 15:04"}
	case "ja":
		return labels{"Re: ", "差出人", "送信日時", "宛先", "CC", "件名", "2006年1月2日 15:04"}
	case "ar":
		return labels{"رد: ", "من", "تم الإرسال", "إلى", "نسخة", "الموضوع", "02/01/2006 15:04"}
	default:
		return labels{"Re: ", "From", "Sent", "To", "Cc", "Subject", "Monday, 2 January 2006 15:04"}
	}
}

func outlookQuote(q *composed, lang string) string {
	w := labelsOf(lang)
	var b strings.Builder
	b.WriteString("<div style=\"border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm\">\n<p>")
	line := func(label, value string) {
		fmt.Fprintf(&b, "<b>%s:</b> %s<br>\n", label, html.EscapeString(value))
	}
	line(w.from, written(q.letter.from))
	line(w.sent, q.letter.at.Format(w.layout))
	line(w.to, writtenAll(q.letter.to))
	if len(q.letter.cc) > 0 {
		line(w.cc, writtenAll(q.letter.cc))
	}
	line(w.subject, q.letter.subject)
	b.WriteString("</p></div>\n" + q.html)
	return b.String()
}

func angleQuote(q *composed) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n\nOn %s, %s wrote:\n", q.letter.at.Format("Mon, 2 Jan 2006 at 15:04"), written(q.letter.from))
	for line := range strings.SplitSeq(q.text, "\n") {
		if strings.HasPrefix(line, ">") {
			b.WriteString(">" + line + "\n")
		} else {
			b.WriteString(strings.TrimRight("> "+line, " ") + "\n")
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

func written(a Address) string { return a.Name + " <" + a.Address + ">" }

func writtenAll(list []Address) string {
	out := make([]string, 0, len(list))
	for _, a := range list {
		out = append(out, written(a))
	}
	return strings.Join(out, "; ")
}
