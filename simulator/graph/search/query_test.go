package search

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"*", "a AND b", `filetype:docx "x`, "-a *", `path:"https://x" author:b`, "ü <c0>", "( * )", "İ", "\xff\xfe"} {
		f.Add(seed, "some text with words about a ü harbour")
	}
	now := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text, body string) {
		q, err := parse(text)
		if err != nil {
			return
		}
		q.Matches("name", body, now)
		got := q.summary(Hit{Text: body})
		if utf8.ValidString(body) && !utf8.ValidString(got) {
			t.Errorf("%q cut %q to %q", text, body, got)
		}
		if strings.Count(got, "<c0>") > strings.Count(body, "<c0>")+len(body) {
			t.Errorf("too many marks: %q", got)
		}
	})
}
