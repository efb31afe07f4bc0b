package dataset

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestInjections(t *testing.T) {
	t.Parallel()
	tn := tenant(t)
	kinds, mails := make(map[string]bool), make(map[string]bool)
	for _, i := range tn.Injections() {
		at := slices.IndexFunc(tn.Mailbox[i.PersonID].Messages, func(m Message) bool { return m.ID == i.MessageID })
		if at < 0 {
			t.Errorf("%s: message %s is not in that mailbox", i.Kind, i.MessageID)
			continue
		}
		m := tn.Mailbox[i.PersonID].Messages[at]
		text := m.Body
		if i.Kind == "attachment" {
			text = string(m.Attachments[0].Content)
		}
		if len(i.Marker) < 20 || strings.Count(text, i.Marker) != 1 {
			t.Errorf("%q: marker %q occurs %d times", m.Subject, i.Marker, strings.Count(text, i.Marker))
		}
		kinds[i.Kind], mails[m.InternetMessageID] = true, true
	}
	if len(kinds) < 10 || len(mails) < 11 {
		t.Errorf("%d kinds in %d mails", len(kinds), len(mails))
	}
	// Nobody changes the witnesses of others.
	tn.Injections()[0].Marker = ""
	if tn.Injections()[0].Marker == "" {
		t.Error("Injections hands out its own slice")
	}
}

// A mistake in a content file is named with its place.
func TestBrokenContent(t *testing.T) {
	t.Parallel()
	const head = "%thread x\nSubject: s\n\n%mail\nFrom: ada\nTo: bruno\nAt: 1d 09:00\n"
	tests := map[string]struct{ mail, want string }{
		"sender":     {"%thread x\n\n%mail\nFrom: zoe\n", `nobody is called "zoe"`},
		"time":       {"%thread x\n\n%mail\nFrom: ada\nAt: 0d 09:00\n", `at "0d 09:00"`},
		"no time":    {"%thread x\n\n%mail\nFrom: ada\n\nhello", "needs From and At"},
		"header":     {head + "Colour: red\n", "header Colour"},
		"not header": {head + "hello\n", `"hello" is not a header`},
		"mark":       {head + "Mark: bruno; loud\n", `unknown word "loud"`},
		"folder":     {head + "Mark: bruno; folder=Nowhere\n", `has no folder "Nowhere"`},
		"file":       {head + "\nhello\n%file a.exe\nMZ\n", `no way to make ".exe"`},
		"chart":      {head + "\nhello\n%file a.png\none\n", `value "one"`},
		"block":      {"%file a.txt\nhello\n", "out of place"},
		"template":   {"{{nope}}", "template"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := fstest.MapFS{
				"content/contacts.txt": {Data: []byte("# none\n")},
				"content/story.mail":   {Data: []byte(tc.mail)},
			}
			_, err := load(files, moments[0])
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "story.mail") {
				t.Errorf("load: %v, want %q", err, tc.want)
			}
		})
	}
}

func TestContactsAreChecked(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"zoe Zoe zoe@zoe.example", "ada = Ada <ada@elsewhere.example>", "zoe = Zoe <zoe@zoe.example"} {
		if _, err := newContacts(people(), text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		Load(moments[0])
	}
}
