package content_test

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"m365mcp/content"
	"m365mcp/simulator/dataset"
)

var tag = regexp.MustCompile(`<(/|!|\?|[A-Za-z][^@<>\s]*[\s/>]|[A-Za-z][^@<>\s]*$)`)

func checkClean(t *testing.T, text string) {
	t.Helper()
	if found := tag.FindString(text); found != "" {
		t.Errorf("HTML %q in %q", found, text)
	}
	if strings.Contains(text, "\n\n\n") || strings.ContainsAny(text, "\r\a\u200b") || !utf8.ValidString(text) {
		t.Errorf("not clean: %q", text)
	}
	for _, r := range text {
		if r != '\n' && r != '\t' && content.Invisible(r) {
			t.Errorf("%U in %q", r, text)
			return
		}
	}
}

// hostile is what a sender can write to keep a reader busy, each size bytes long.
func hostile(size int) map[string]string {
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	var formats strings.Builder
	for i := range 150 {
		formats.WriteString("<b class=c" + strings.Repeat("x", i%50) + ">")
	}
	rules := "<style>" + strings.Repeat(".a .b{color:red}", 900) + "</style>"
	return map[string]string{
		"deep":              fill("<div>") + "x",
		"deep tables":       fill("<table><tr><td>") + "x",
		"deep lists":        fill("<ul><li>x"),
		"deep quotations":   fill("<blockquote>x"),
		"open formats":      formats.String() + fill("<p>x"),
		"unmatched ends":    strings.Repeat("<span>", 390) + fill("</b>"),
		"blocked ends":      "<b><div>" + strings.Repeat("<span>", 390) + fill("</b>"),
		"adoption":          fill("<a><b><i></a>x"),
		"small texts":       fill("a<wbr>"),
		"small links":       fill("<a href=//x>x</a>"),
		"kept links":        fill("<a href=https://x.example/1>x</a>"),
		"bold":              fill("<b>x</b>"),
		"bold code":         fill("<b><code>x</code></b> "),
		"breaks":            fill("<br>"),
		"breaks in quotes":  "<blockquote><blockquote><blockquote>" + fill("x<br>"),
		"hidden":            fill("<p hidden>x</p>"),
		"rules":             rules + "<div class=a>" + fill("<i class=b>x</i>"),
		"media in media":    "<style>" + fill("@media{") + "</style>x",
		"rules in rules":    "<style>" + fill("a{") + "</style>x",
		"long attributions": fill("den 1 " + strings.Repeat("skrev 1 @ ", 50) + ":<br><br>"),
		"many quotations":   fill("<div class=gmail_quote>Forwarded message"),
		"quotations":        fill("<blockquote type=cite>x</blockquote>"),
		"classes":           "<style>.a{color:red}</style>" + fill("<p class='a "+strings.Repeat("b ", 200)+"'>x"),
		"one attribute":     `<p style="` + fill("color:red;") + `">x`,
		"one comment":       "<!--" + fill("x "),
		"entities":          fill("&lt;"),
		"brackets":          fill("[](!"),
		"less":              "<pre>" + fill("&lt;a"),
		"quotes":            fill("&gt; x<br>"),
		"wide table":        "<table><tr>" + fill("<td>x"),
		"long table":        "<table>" + fill("<tr><td>x<td>y"),
		"backticks":         "<code>" + fill("` "),
		"addresses":         fill("https://x.example/ "),
		"one address":       "https://x.example/" + fill("x"),
		"wrote":             fill("On 1 1 1 a@b<br>"),
		"headers":           fill("From: a<br>To: b<br>"),
		"wrote colons":      fill("On 1 1 1 1 1 a@b wrote:<br>x<br>"),
	}
}

// A hostile mail costs time and room in proportion to its length: eight times
// the length may cost 32 times the time, where the square would be 64 times.
//
// The time is the processor's, and the least of a few tries: what a garbage collection
// or a cold cache adds is not the mail's.
func TestHostileInput(t *testing.T) {
	const small, large = 32 << 10, 256 << 10
	long := hostile(large)
	for name, in := range hostile(small) {
		before, _ := readHostile(t, in)
		took, size := readHostile(t, long[name])
		for range 12 {
			if took > 32*before+100*time.Millisecond {
				again, _ := readHostile(t, long[name])
				took = min(took, again)
			}
		}
		if took > 32*before+100*time.Millisecond {
			t.Errorf("%s: %s for %d bytes, %s for %d", name, before, small, took, large)
		}
		if size > 12*large {
			t.Errorf("%s: grew to %d bytes", name, size)
		}
	}
}

func readHostile(t *testing.T, in string) (took time.Duration, size int) {
	t.Helper()
	start := cpuTime(t)
	r := content.Markdown(in, content.MarkdownOptions{CutQuotes: true})
	content.Messages(r.Quoted)
	return cpuTime(t) - start, len(r.Text) + len(r.Quoted)
}

func TestLimitIsNoted(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"bytes": strings.Repeat("word ", content.MaxHTML/4),
		"depth": strings.Repeat("<div>", 300) + "text",
		"stack": strings.Repeat("<div>", 500) + "text",
		"nodes": strings.Repeat("a<br>", 300_000),
	} {
		if r := content.Markdown(in, content.MarkdownOptions{}); !r.Truncated {
			t.Errorf("%s: nothing is missing in %d bytes", name, len(r.Text))
		}
	}
	if r := content.Markdown("<p>one</p><p>two</p>", content.MarkdownOptions{MaxBytes: 10}); r.Text != "one" || !r.Truncated {
		t.Errorf("%+v", r)
	}
}

func FuzzMarkdown(f *testing.F) {
	each(func(m dataset.Message) {
		if m.HTML && len(m.Body) < 4<<10 {
			f.Add(m.Body)
		}
	})
	for _, in := range []string{
		"<table><tr><th>a<td>|<caption>c</table>", "<ul>x<li><pre>a<br>b</pre></ul>", "<h1><a href=http://a>#</a></h1>",
		"<style>@media{a{}}.x>y{display:none}</style>", "<p style='color:#ffff;background:red url(x)'>", "<b><i>a</b></i><code>`</code>",
		"<blockquote type=cite>a</blockquote>b", "<div id=x_appendonsend>a", "<svg><style><p>a", "<a href='mailto:a@b?x'>a</a>", "&lt;a@b", "\x07\uf002",
	} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		for _, cut := range []bool{false, true} {
			r := content.Markdown(in, content.MarkdownOptions{CutQuotes: cut})
			checkClean(t, r.Text)
			checkClean(t, r.Quoted)
			if r.HiddenRemoved < 0 {
				t.Errorf("%d", r.HiddenRemoved)
			}
		}
		checkClean(t, content.Plain(in).Text)
	})
}

func BenchmarkMarkdownNewsletter(b *testing.B) {
	body := ""
	each(func(m dataset.Message) {
		if len(m.Body) > len(body) {
			body = m.Body
		}
	})
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		content.Markdown(body, content.MarkdownOptions{CutQuotes: true})
	}
}
