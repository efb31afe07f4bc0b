package content_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"m365mcp/content"
)

func TestPage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text  string
		limit int
		want  []string
	}{
		"short":      {"abc", 10, []string{"abc"}},
		"exact":      {"abcdefghij", 10, []string{"abcdefghij"}},
		"empty":      {"", 10, []string{""}},
		"paragraph":  {"one two.\n\nthree four. five", 16, []string{"one two.\n\n", "three four. five"}},
		"line":       {"one two three\nfour. five six", 18, []string{"one two three\n", "four. five six"}},
		"sentence":   {"One two three. Four five six", 20, []string{"One two three. ", "Four five six"}},
		"japanese":   {"これは文です。次の文もここです。", 10, []string{"これは文です。", "次の文もここです。"}},
		"word":       {"one two three four", 12, []string{"one two ", "three four"}},
		"no border":  {"abcdefghijkl", 5, []string{"abcde", "fghij", "kl"}},
		"combined":   {"aaae\u0301e\u0301", 4, []string{"aaa", "e\u0301e\u0301"}},
		"one letter": {"ab", 1, []string{"a", "b"}},
	} {
		cursor := ""
		for i, want := range c.want {
			part, next, err := content.Page(c.text, c.limit, cursor)
			if err != nil || part != want || (next == "") != (i == len(c.want)-1) {
				t.Fatalf("%s, page %d: %q, %q, %v", name, i, part, next, err)
			}
			cursor = next
		}
	}
	part, next, err := content.Page(strings.Repeat("word ", 4000), 0, "")
	if err != nil || next == "" || utf8.RuneCountInString(part) != content.PageSize {
		t.Errorf("by default %d characters, %q, %v", utf8.RuneCountInString(part), next, err)
	}
}

func TestPageCursor(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("Grüße aus Köln. ", 100)
	_, next, err := content.Page(text, 200, "")
	if err != nil || len(next) > 16 {
		t.Fatalf("cursor %q, %v", next, err)
	}
	if _, _, err := content.Page(text+"!", 200, next); !errors.Is(err, content.ErrChanged) {
		t.Errorf("another text: %v", err)
	}
	digest := next[strings.IndexByte(next, '-'):]
	for _, bad := range []string{"x", "-", "0" + digest, "zzzzzz" + digest, "-1" + digest, "3" + digest, next + "0", "99999999999" + digest} {
		if part, _, err := content.Page(text, 200, bad); !errors.Is(err, content.ErrCursor) {
			t.Errorf("cursor %q: %q, %v", bad, part, err)
		}
	}
}

func FuzzPage(f *testing.F) {
	f.Add("one. two\n\nthree\nfour", 6, "")
	f.Add("e\u0301e\u0301\xff\xfe", 1, "1-00000000")
	f.Fuzz(func(t *testing.T, text string, limit int, cursor string) {
		if _, _, err := content.Page(text, limit, cursor); err != nil && !errors.Is(err, content.ErrCursor) && !errors.Is(err, content.ErrChanged) {
			t.Fatal(err)
		}
		if limit < 1 {
			limit = content.PageSize
		}
		var all strings.Builder
		next := ""
		for {
			part, more, err := content.Page(text, limit, next)
			if err != nil {
				t.Fatalf("page %q of %q: %v", next, text, err)
			}
			if utf8.RuneCountInString(part) > limit || part == "" && text != "" {
				t.Fatalf("%q has %d characters of %d", part, utf8.RuneCountInString(part), limit)
			}
			all.WriteString(part)
			if next = more; next == "" {
				break
			}
		}
		if all.String() != text {
			t.Fatalf("the pages of %q are %q", text, all.String())
		}
	})
}
