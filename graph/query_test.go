package graph_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"m365mcp/graph"
	"m365mcp/simulator/graph/kql"
	"m365mcp/simulator/graph/odata"
	"m365mcp/simulator/graph/query"
)

var day = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

func TestFilter(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]graph.Filter{
		"":                         graph.And(graph.Filter{}, graph.Or()),
		"subject eq 'O''Brien'":    graph.And(graph.Eq("subject", "O'Brien"), graph.Filter{}),
		"isRead ne true":           graph.Ne("isRead", true),
		"size gt 5 and size lt 9":  graph.And(graph.Gt("size", 5), graph.Lt("size", int64(9))),
		"startswith(mail,'a')":     graph.StartsWith("mail", "a"),
		"contains(subject,'x''y')": graph.Contains("subject", "x'y"),
		"id in ('a','b''')":        graph.In("id", "a", "b'"),
		"not (isRead eq true)":     graph.Not(graph.Eq("isRead", true)),
		"categories/any(x:x eq 'Red') and (a eq 1 or b eq 2)": graph.And(graph.Any("categories", "Red"), graph.Or(graph.Eq("a", 1), graph.Eq("b", 2))),
		"receivedDateTime ge 2026-11-21T22:00:00Z and receivedDateTime le 2026-11-22T00:00:00Z": graph.And(
			graph.Ge("receivedDateTime", day.In(time.FixedZone("", 3600)).Add(-2*time.Hour)), graph.Le("receivedDateTime", day)),
	} {
		if got := f.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if q := (graph.Query{}).Filter(graph.Filter{}).Search(graph.NewKQL()).DirectorySearch(graph.Term{Property: "mail"}).Encode(); q != "" {
		t.Errorf("empty options became %q", q)
	}
}

func TestKQL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`budget "Q3 review" from:bob OR invoice`: `(budget "Q3 review" "from:bob" OR invoice)`,
		`budget AND review NOT draft`:            `budget AND review NOT draft`,
		`NOT draft`:                              `NOT draft`,
		`a OR NOT b`:                             `(a OR NOT b)`,
		`OR budget AND`:                          `"OR" budget "AND"`,
		`a AND OR b`:                             `(a "AND" OR b)`,
		`NOT NOT`:                                `"NOT" "NOT"`,
		`a NEAR b and near or`:                   `a "NEAR" b and near or`,
		`(a OR (b)) c`:                           `(a OR b c)`,
		`-draft +x e-mail bob@x.example`:         `"-draft" "+x" "e-mail" "bob@x.example"`,
		`budg* *x * - & 5"`:                      `budg* "*x" 5`,
		`subject:"secret plan" x`:                `"subject:" "secret plan" x`,
		"“curly quotes” «x y»\tz\n":              `"curly quotes" "x y" z`,
		`a\" OR from:x`:                          `(a OR "from:x")`,
		`Größe 日本語`:                              `Größe 日本語`,
		"received>=2026-01-01 size<>1 a=b":       `"received>=2026-01-01" "size<>1" "a=b"`,
		` "" ( ) `:                               ``,
	} {
		if got := graph.NewKQL().Words(text).String(); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
	all := graph.NewKQL().Words("a OR b").Property("from", `Dana "D" O'Ito\`).Property("to", ` "`).Is("hasattachments", true).
		Range("received", day, day.Add(90*time.Minute)).Range("sent", time.Time{}, day)
	want := `(a OR b) AND from:"Dana  D  O'Ito" AND hasattachments:true AND received>=2026-11-22 AND received<2026-11-22T01:30:00Z AND sent<2026-11-22`
	if got := all.String(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if got, want := (graph.Query{}).Search(graph.NewKQL().Property("from", "a")).Encode(), "$search=%22from%3A%5C%22a%5C%22%22"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	q := graph.Query{}.Expand("attachments($select=id)").Count().Param("startDateTime", "2026-11-22T09:00:00+01:00&$top=1").
		DirectorySearch(graph.Term{Property: "displayName", Value: `Dana "D"\`}, graph.Term{Property: "mail"}, graph.Term{Property: "mail", Value: "d"})
	want := `$expand=attachments%28%24select%3Did%29&$count=true&startDateTime=2026-11-22T09%3A00%3A00%2B01%3A00%26%24top%3D1` +
		`&$search=%22displayName%3ADana%20%5C%22D%5C%22%5C%5C%22%20OR%20%22mail%3Ad%22`
	if got := q.Encode(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	for zone, want := range map[string]string{
		"Europe/Berlin": `outlook.timezone="Europe/Berlin"`, "E. Africa Standard Time": `outlook.timezone="E. Africa Standard Time"`,
		"UTC\", x=\"\r\ny": `outlook.timezone="UTC xy"`,
	} {
		if got := graph.InTimeZone(zone); got != want {
			t.Errorf("%q: %s", zone, got)
		}
	}
}

// kinds of the resource that filters are parsed for.
var kinds = map[string]odata.Kind{"id": odata.ID, "subject": odata.String, "isRead": odata.Bool, "categories": odata.Strings}

// options decodes a query with the simulator's parser, which must find exactly these options.
func options(t *testing.T, q graph.Query, names ...string) query.Options {
	t.Helper()
	raw := q.Encode()
	if n := strings.Count(raw, "&") + 1; n != len(names) || strings.ContainsAny(raw, "#+ \x00") {
		t.Fatalf("%d options in %s", n, raw)
	}
	o, err := query.Parse(raw, names, "list", query.Outlook)
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return o
}

// value decodes one option without the simulator.
func value(t *testing.T, q graph.Query, name string) string {
	t.Helper()
	for pair := range strings.SplitSeq(q.Encode(), "&") {
		if raw, ok := strings.CutPrefix(pair, name+"="); ok {
			v, err := url.PathUnescape(raw) // a plus sign would stay one
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("no %s in %s", name, q.Encode())
	return ""
}

// A value never leaves its literal (invariant 9).
func FuzzFilter(f *testing.F) {
	for _, s := range []string{"budget", "O'Brien", "'", "''", "x' or isRead eq true or subject eq 'y", "a&$top=1", "a+b %27", "\\'", "\x00", "\xff'", "日本"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, v string) {
		q := graph.Query{}.Filter(graph.And(graph.Eq("id", v), graph.Eq("isRead", false))).Top(3)
		rest, ok1 := strings.CutPrefix(value(t, q, "$filter"), "id eq '")
		rest, ok2 := strings.CutSuffix(rest, "' and isRead eq false")
		if got, ok := undoubled(rest); !ok || !ok1 || !ok2 || got != v {
			t.Errorf("%q became %q", v, rest)
		}
		filter, err := options(t, q, "$filter", "$top").Filter("message", kinds)
		if err != nil {
			t.Fatalf("%q: %v", v, err)
		}
		if paths := filter.Paths(); !slices.Equal(paths, []string{"id", "isRead"}) {
			t.Errorf("%q brought in %q", v, paths)
		}
		item := map[string]any{"id": v, "isRead": false, "subject": v, "categories": []string{v}}
		get := func(path string) any { return item[path] }
		if !filter.Match(get) {
			t.Errorf("%q does not find itself", v)
		}
		for name, text := range map[string]graph.Filter{"startswith": graph.StartsWith("subject", v), "contains": graph.Contains("subject", v), "any": graph.Any("categories", v)} {
			one, err := options(t, graph.Query{}.Filter(text), "$filter").Filter("message", kinds)
			if err != nil || len(one.Paths()) != 1 || !one.Match(get) {
				t.Errorf("%s %q: %v", name, v, err)
			}
		}
		item["id"] = v + "x"
		if filter.Match(get) {
			t.Errorf("%q finds something else", v)
		}
	})
}

// part is what an independent reading finds in a KQL query.
type part struct{ property, operator, text string }

// read takes KQL apart at its blanks, quotes and operators.
func read(t *testing.T, text string) (parts []part) {
	t.Helper()
	for text != "" {
		switch text[0] {
		case ' ':
			text = text[1:]
			continue
		case '(', ')':
			parts, text = append(parts, part{operator: text[:1]}), text[1:]
			continue
		}
		var p part
		end := strings.IndexAny(text, " \"()")
		if end < 0 {
			end = len(text)
		}
		p.text, text = text[:end], text[end:]
		if at := strings.IndexAny(p.text, ":=<>"); at >= 0 {
			p.property, p.operator, p.text = p.text[:at], p.text[at:], ""
		}
		if strings.HasPrefix(text, `"`) && p.text == "" {
			inside, after, closed := strings.Cut(text[1:], `"`)
			if !closed {
				t.Fatalf("an open quote before %q", text)
			}
			p.text, text = inside, after
			if p.operator == "" {
				p.operator = `"`
			}
		} else if p.text == "AND" || p.text == "OR" || p.text == "NOT" {
			p.operator, p.text = p.text, ""
		}
		parts = append(parts, p)
	}
	return parts
}

// What a person writes becomes words and operators, never a restriction, an
// exclusion or a parenthesis; and what a property is restricted to stays in it.
func FuzzKQL(f *testing.F) {
	for _, s := range []string{
		"budget", `a "b c" OR NOT d`, `" from:x`, `\" OR from:x`, `AND`, "(((", "-a", "a*", "x:\"y\"", "“a”b”", "\x00", "NOT OR AND", "ＯＲ", "a\u00a0OR\u2003b", "from：x", "\xff",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, v string) {
		for _, inner := range []graph.KQL{graph.NewKQL().Words(v), graph.NewKQL().Words(v).Property("from", v)} {
			k := inner.Is("hasattachments", true)
			searched, err := options(t, graph.Query{}.Search(k), "$search").Search()
			if err != nil || searched != k.String() {
				t.Fatalf("%q: Graph reads %q of %q: %v", v, searched, k, err)
			}
			if len(k.String()) < 2000 { // deeply nested NOTs are Graph's to refuse
				if _, err := kql.Parse(searched); err != nil && !strings.Contains(err.Error(), "nesting") {
					t.Fatalf("%q: %q: %v", v, searched, err)
				}
			}
			var from []string
			for i, p := range read(t, searched) {
				switch p.operator {
				case "": // a bare word
					bare := strings.TrimSuffix(p.text, "*")
					if bare == "" || strings.ContainsFunc(bare, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }) {
						t.Errorf("%q: the bare word %q", v, p.text)
					}
				case "(":
					if i != 0 {
						t.Errorf("%q: a parenthesis inside %q", v, searched)
					}
				case ")", `"`, "AND", "OR", "NOT":
				default:
					if p.property == "from" && p.operator == ":" {
						from = append(from, p.text)
					} else if p.property+p.operator != "hasattachments:true" {
						t.Errorf("%q: the restriction %s%s in %q", v, p.property, p.operator, searched)
					}
				}
			}
			want := strings.TrimSpace(strings.Map(func(r rune) rune {
				if strings.ContainsRune("\"“”„‟«»＂\\", r) || unicode.IsControl(r) {
					return ' '
				}
				return r
			}, v))
			if len(from) > 1 || len(from) == 1 && from[0] != want {
				t.Errorf("%q: from %q, want %q", v, from, want)
			}
		}
	})
}

func FuzzDirectorySearch(f *testing.F) {
	for _, s := range []string{"dana", `x" OR "mail:y`, `\`, `\"`, "a:b", "a&$count=true", "\x00", "(a)", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, v string) {
		want := strings.TrimSpace(strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return ' '
			}
			return r
		}, v))
		one := graph.Query{}.DirectorySearch(graph.Term{Property: "displayName", Value: v})
		if want == "" {
			if got := one.Encode(); got != "" {
				t.Errorf("%q became %q", v, got)
			}
			return
		}
		got, err := options(t, one, "$search").Search()
		if err != nil || got != "displayName:"+want {
			t.Errorf("%q became %q, %v", v, got, err)
		}
		two := graph.Query{}.DirectorySearch(graph.Term{Property: "displayName", Value: v}, graph.Term{Property: "mail", Value: v}).Count()
		options(t, two, "$search", "$count")
		text := value(t, two, "$search")
		var phrases []string
		for { // phrases in quotes, a backslash before what stands for itself
			var phrase strings.Builder
			i := 1
			for ; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
				phrase.WriteByte(text[i])
			}
			phrases = append(phrases, phrase.String())
			rest, more := strings.CutPrefix(text[i+1:], " OR \"")
			if !more {
				if rest != "" {
					t.Errorf("%q left %q behind", v, rest)
				}
				break
			}
			text = `"` + rest
		}
		if !slices.Equal(phrases, []string{"displayName:" + want, "mail:" + want}) {
			t.Errorf("%q became %q", v, phrases)
		}
	})
}
