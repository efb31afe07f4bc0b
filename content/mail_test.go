package content_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"m365mcp/content"
	"m365mcp/internal/golden"
	"m365mcp/simulator/dataset"
)

var tenant = dataset.Load(time.Date(2026, 11, 25, 14, 3, 0, 0, time.UTC))

func read(m dataset.Message) content.Reading {
	if m.HTML {
		return content.Markdown(m.Body, content.MarkdownOptions{CutQuotes: true})
	}
	r := content.Plain(m.Body)
	r.Text, r.Quoted = content.CutQuote(r.Text)
	return r
}

// each calls f once for every mail of the simulated tenant.
func each(f func(dataset.Message)) {
	seen := make(map[string]bool)
	for _, p := range tenant.People {
		for _, m := range tenant.Mailbox[p.ID].Messages {
			if !seen[m.InternetMessageID] {
				seen[m.InternetMessageID] = true
				f(m)
			}
		}
	}
}

func TestMailGolden(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"Updated terminal fees Lisbon, valid from next month":       "white-on-white",
		"Invoice SH-88301 (credit note included)":                   "html-comment",
		"Application: Supply Chain Planner, Lisbon":                 "display-none",
		"Photos of the new lifting eyes":                            "alt-text",
		"Your mailbox assistant needs to be reconnected":            "fake-system",
		"RE: Supplier assessment: a reminder":                       "quoted-history",
		"Einladung: Hafenabend der Zulieferer":                      "other-language",
		"📦 Blue Team Brief extra: test yourself":                    "newsletter",
		"RE: Encomenda 60 unidades Pelago 2 / data de entrega":      "thread",
		"Re: Firmware 2.0 RC3: OTA rollback fails on 2 of 50 units": "angle-quotes",
	}
	done := make(map[string]bool)
	each(func(m dataset.Message) {
		name := files[m.Subject]
		if name == "" || done[name] {
			return
		}
		done[name] = true
		r := read(m)
		got := fmt.Sprintf("%s\n\n[hidden: %d, earlier messages: %d]\n%s\n", r.Text, r.HiddenRemoved, content.Messages(r.Quoted), r.Quoted)
		golden.Compare(t, filepath.Join("testdata", "mail", name+".md"), []byte(got))
	})
	if len(done) != len(files) {
		t.Errorf("%d of %d mails found", len(done), len(files))
	}
}

// A newsletter of 125 KB is one page for a model, and whole.
func TestNewslettersAreShort(t *testing.T) {
	t.Parallel()
	n := 0
	each(func(m dataset.Message) {
		if !m.HTML || len(m.Body) < 100<<10 {
			return
		}
		n++
		r := read(m)
		part, next, err := content.Page(r.Text, 0, "")
		if err != nil || next != "" || utf8.RuneCountInString(part) > content.PageSize || r.Truncated {
			t.Errorf("%s: %d characters, next %q, %v", m.Subject, utf8.RuneCountInString(r.Text), next, err)
		}
		if len(r.Text) < 1000 || strings.Contains(r.Text, "utm_") || strings.Contains(r.Text, "|") && !strings.Contains(r.Text, " | ") {
			t.Errorf("%s reads\n%s", m.Subject, r.Text)
		}
	})
	if n < 3 {
		t.Errorf("%d newsletters", n)
	}
}

// Hidden instructions do not reach a model; visible ones do, as a person sees them.
func TestInjections(t *testing.T) {
	t.Parallel()
	hidden := map[string]bool{
		"white-on-white": true, "html-comment": true, "display-none": true, "zero-width": true, "css-offscreen": true,
		"unicode-tags": true, "other-language": true, // this one is written in letters of two pixels
		"alt-text": false, "fake-system": false, "quoted-history": false,
	}
	found := make(map[string]bool)
	for _, i := range tenant.Injections() {
		if i.Kind == "attachment" {
			continue
		}
		for _, m := range tenant.Mailbox[i.PersonID].Messages {
			if m.ID != i.MessageID {
				continue
			}
			found[i.Kind] = true
			r := read(m)
			want, known := hidden[i.Kind]
			if shown := strings.Contains(r.Text+r.Quoted, i.Marker); !known || shown == want {
				t.Errorf("%s: shown is %v in %q", i.Kind, shown, r.Text)
			}
			if want && i.Kind != "zero-width" && r.HiddenRemoved == 0 { // between its signs, that one is visible
				t.Errorf("%s was not noted", i.Kind)
			}
		}
	}
	if len(found) != len(hidden) {
		t.Errorf("found %v", found)
	}
}

// Every mail keeps its text, and shows neither HTML nor style.
func TestMailIsClean(t *testing.T) {
	t.Parallel()
	each(func(m dataset.Message) {
		r := read(m)
		if r.Truncated || strings.TrimSpace(m.Body) != "" && r.Text == "" {
			t.Errorf("%q: %+v", m.Subject, r)
		}
		checkClean(t, r.Text)
		checkClean(t, r.Quoted)
	})
}
