package authserver

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"m365mcp/internal/redirecturi"
)

// FuzzAnswerURL: an answer goes where the redirect URI says, whatever it looks like.
func FuzzAnswerURL(f *testing.F) {
	for _, seed := range []string{"https://a.example/cb?x=1", "http://localhost:1/cb", "cursor://x/y?", "com.example:/x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, asked string) {
		if redirecturi.Fault(asked) != "" {
			return
		}
		a, err := url.Parse(asked)
		if err != nil {
			t.Fatal(err)
		}
		to, err := url.Parse(withQuery(asked, url.Values{"code": {"a&b"}}))
		if err != nil || to.Scheme != a.Scheme || to.Host != a.Host || to.Query().Get("code") != "a&b" && a.Query().Get("code") == "" {
			t.Fatalf("the answer to %q goes to %v, %v", asked, to, err)
		}
	})
}

func FuzzBearerToken(f *testing.F) {
	for _, seed := range []string{"", "Bearer", "Bearer ", "Bearer abc", "bearer  abc== ", "Basic eDp5", "Bearer a b", "Bearer\tabc", "Bearer =", "BEARER a,b"} {
		f.Add(seed, "", false)
		f.Add(seed, seed, true)
	}
	f.Fuzz(func(t *testing.T, first, second string, two bool) {
		h := http.Header{"Authorization": {first}}
		if two {
			h.Add("Authorization", second)
		}
		token, sent := bearerToken(h)
		if token == "" {
			return
		}
		if !sent || two || len(first) < 7 || !strings.EqualFold(first[:7], "Bearer ") || strings.Trim(first[7:], " ") != token {
			t.Fatalf("%q of %q, %q", token, first, second)
		}
		if len(token) > 512 || strings.ContainsAny(token, " \t\r\n,;\"\\") {
			t.Fatalf("token %q", token)
		}
	})
}

func FuzzDisplayText(f *testing.F) {
	f.Add("Assistant", 10)
	f.Add("a\u202eb\u0000 \u2028c\xff", 3)
	f.Fuzz(func(t *testing.T, text string, most int) {
		if most < 1 || most > 200 {
			return
		}
		got := displayText(text, most)
		if n := len([]rune(got)); n > most {
			t.Fatalf("%d characters of %d", n, most)
		}
		for _, c := range got {
			if unicode.In(c, unicode.C) || (unicode.IsSpace(c) && c != ' ') {
				t.Fatalf("%q has %U", got, c)
			}
		}
	})
}

func FuzzTicket(f *testing.F) {
	f.Add("", "")
	f.Add("browser", "e30.x")
	s := &Server{keys: keys{consent: []byte("a key of thirty-two bytes or more")}}
	f.Fuzz(func(t *testing.T, browser, sealed string) {
		if _, ok := s.openTicket(browser, sealed); ok {
			t.Fatalf("%q was accepted", sealed)
		}
	})
}

func FuzzClaims(f *testing.F) {
	for _, seed := range []string{
		`{"access_token":{"acrs":{"essential":true,"value":"c1"}},"id_token":{"auth_time":null}}`, `{"userinfo":{"x":1}}`, `{"id_token":null}`,
		`{"id_token":{"":{}}}`, `{"id_token":{"x":[]}}`, `{}`, `null`, `[]`, `{"id_token":{"a":{},"a":null}}`, "{\"id_token\":{\"\xff\":{}}}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		claims, err := readClaims(raw)
		if err != nil || claims == "" {
			return
		}
		var members map[string]map[string]*map[string]json.RawMessage // each claim is null or an object
		if err := json.Unmarshal([]byte(claims), &members); err != nil {
			t.Fatalf("%q became %q: %v", raw, claims, err)
		}
		for member := range members {
			if member != "access_token" && member != "id_token" {
				t.Errorf("%q became %q", raw, claims)
			}
		}
		// Written once, it is written the same again: that is how a demand is known to be met.
		for _, second := range []string{"", claims} {
			if again, err := mergeClaims(claims, second); err != nil || again != claims {
				t.Errorf("%q became %q, %v", claims, again, err)
			}
		}
	})
}
