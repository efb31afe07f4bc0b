package graph_test

import (
	"errors"
	"net/url"
	"path"
	"strings"
	"testing"

	"m365mcp/graph"
)

func TestPaths(t *testing.T) {
	t.Parallel()
	const literal, name = "/me/drive/root/search(q='{q}')", "/drives/{drive}/items/{item}:/{name}:/content"
	for _, c := range []struct {
		template string
		values   []string
		want     string // empty: refused
	}{
		{literal, []string{"O'Brien & 50% a/b?"}, "/me/drive/root/search(q='O%27%27Brien%20&%2050%25%20a%2Fb%3F')"},
		{literal, []string{"')/children"}, "/me/drive/root/search(q='%27%27%29%2Fchildren')"},
		{literal, []string{"a/../b"}, ""},
		{literal, []string{`..\x`}, ""},
		{literal, []string{"%2e%2e"}, ""},
		{literal, []string{""}, ""},
		{literal, []string{"a\nb"}, ""},
		{name, []string{"b!x", "01ABC", "C# & 100%.docx"}, "/drives/b%21x/items/01ABC:/C%23%20&%20100%25.docx:/content"},
		{name, []string{"b!x", "root:", "x"}, ""},
		{name, []string{"b!x", "01ABC", "a:b"}, ""},
		{name, []string{"b!x", "01ABC", "a/b"}, ""},
		{name, []string{"b!x", "01ABC", ".."}, ""},
		{name, []string{"b!x", "01ABC", "a%2fb"}, ""},
		{"/chats/{chat}/messages", []string{"19:abc@thread.v2"}, "/chats/19:abc@thread.v2/messages"},
	} {
		p, err := graph.To(c.template, c.values...)
		if p.String() != c.want || (c.want == "") != errors.Is(err, graph.ErrSegment) {
			t.Errorf("%s %q: %q, %v", c.template, c.values, p, err)
		}
	}
}

func TestMailbox(t *testing.T) {
	t.Parallel()
	for mailbox, want := range map[graph.Mailbox]string{
		"": "/me/messages/m1 /me/messages/{message}", "team@tideline.example": "/users/team@tideline.example/messages/m1 /users/{mailbox}/messages/{message}",
		"a/b": "", "..": "",
	} {
		p, err := mailbox.To("/messages/{message}", "m1")
		if got := strings.TrimSpace(p.String() + " " + p.Template()); got != want || (want == "") != (err != nil) {
			t.Errorf("%q: %q, %v", mailbox, got, err)
		}
	}
}

// What was put into a path comes out again, and nothing else.
func TestPathValue(t *testing.T) {
	t.Parallel()
	p, err := graph.To("/teams/{team}/channels/{channel}/messages", "te am", "19:a+b@thread.tacv2")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"team": "te am", "channel": "19:a+b@thread.tacv2", "messages": "", "": ""} {
		if got := p.Value(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	words, err := graph.To("/me/drive/root/search(q='{q}')", "a/b")
	if got := words.Value("q"); err != nil || got != "" {
		t.Errorf("a part of a segment: %q, %v", got, err)
	}
}

// Graph writes the paths of its links in ways of its own.
func TestLeads(t *testing.T) {
	t.Parallel()
	folder, err := graph.To("/me/mailFolders/{folder}/messages/delta", "AAMk=")
	if err != nil {
		t.Fatal(err)
	}
	search, err := graph.To("/drives/{drive}/root/search(q='{q}')", "b!x", "O'Brien")
	if err != nil {
		t.Fatal(err)
	}
	odd, err := graph.To("/me/mailFolders/{folder}", "x('messages')")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path graph.Path
		link string
		want bool
	}{
		{folder, "/me/mailFolders/AAMk=/messages/delta", true},
		{folder, "/me/mailFolders/AAMk%3D/messages/delta", true},
		{folder, "/me/mailfolders('AAMk%3D')/messages/microsoft.graph.delta()", true},
		{folder, "/me/mailFolders/aamk=/messages/delta", false},
		{folder, "/me/mailFolders/AAMk=/messages", false},
		{folder, "/me/mailFolders/AAMk=/messages/delta/x", false},
		{folder, "/me/mailFolders/AAMk=/../AAMk=/messages/delta", false},
		{folder, "/me/mailFolders/%zz/messages/delta", false},
		{search, "/drives/b!x/root/microsoft.graph.search(q='O''Brien')", true},
		{search, "/drives('b!x')/root/search(q='O%27%27Brien')", true},
		{search, "/drives/b!x/root/search(q='o''brien')", false},
		{odd, "/me/mailFolders/x/messages", false},
		{graph.Fixed("/me/calendarView"), "/me/calendarview", true},
		{graph.Fixed("/me/messages"), "/me/events", false},
	} {
		if got := c.path.Leads(c.link); got != c.want {
			t.Errorf("%s leads to %s: %v", c.path, c.link, got)
		}
	}
}

// What To accepts never changes which resource is meant (invariant 9), also
// after one decoding too many on the way.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"inbox", "../events?$top=1#", "%2e%2e", "a b", "ü", ";x=1", "$count", "it's", "')/x(q='", "a/..", "x:", "100%", "C#"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, v string) {
		for template, decode := range map[string]func(segment string) (string, bool){
			"/me/mailFolders/{v}/messages":           func(s string) (string, bool) { return s, true },
			"/me/drive/root:/{v}:/content":           func(s string) (string, bool) { return strings.CutSuffix(s, ":") },
			"/me/drive/root/search(q='{v}')/content": unquoted,
		} {
			p, err := graph.To(template, v)
			if err != nil {
				continue
			}
			u, err := url.Parse("https://graph.microsoft.com/v1.0" + p.String() + "?$top=1")
			if err != nil {
				t.Fatalf("%q: %v", v, err)
			}
			if u.RawQuery != "$top=1" || u.Fragment != "" || u.Host != "graph.microsoft.com" {
				t.Errorf("%q reached the query %q or fragment %q", v, u.RawQuery, u.Fragment)
			}
			want, got := strings.Split("/v1.0"+template, "/"), strings.Split(u.EscapedPath(), "/")
			if len(want) != len(got) {
				t.Fatalf("%q: %d segments instead of %d", v, len(got), len(want))
			}
			for i := range want {
				decoded, err := url.PathUnescape(got[i])
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(want[i], "{v}") {
					if decoded != want[i] {
						t.Errorf("%q changed %q to %q", v, want[i], decoded)
					}
				} else if value, ok := decode(decoded); !ok || value != v {
					t.Errorf("%q became %q", v, decoded)
				}
			}
			// A proxy that decodes once more and cleans the path stays below what was asked for.
			before, _, _ := strings.Cut(template, "{v}")
			if again, err := url.PathUnescape(u.Path); err == nil && !strings.HasPrefix(path.Clean(again), "/v1.0"+path.Dir(before)) {
				t.Errorf("%q: decoded once more and cleaned it is %q", v, path.Clean(again))
			}
		}
	})
}

// unquoted reads search(q='...').
func unquoted(s string) (string, bool) {
	s, ok1 := strings.CutPrefix(s, "search(q='")
	s, ok2 := strings.CutSuffix(s, "')")
	s, ok3 := undoubled(s)
	return s, ok1 && ok2 && ok3
}

// undoubled reads the inside of a string literal; a single quote would end it.
func undoubled(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\'' {
			if i++; i == len(s) || s[i] != '\'' {
				return "", false
			}
		}
		b.WriteByte(s[i])
	}
	return b.String(), true
}
