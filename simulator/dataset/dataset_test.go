package dataset

import (
	"bytes"
	"io/fs"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// A Wednesday afternoon, a Sunday, minutes after midnight on a Monday, New Year.
var moments = []time.Time{
	time.Date(2026, 11, 25, 14, 3, 0, 0, time.UTC),
	time.Date(2026, 6, 14, 11, 0, 0, 0, time.UTC),
	time.Date(2027, 3, 1, 0, 4, 0, 0, time.UTC),
	time.Date(2028, 1, 1, 6, 30, 0, 0, time.FixedZone("", -8*3600)),
}

func tenant(t *testing.T) *Tenant {
	t.Helper()
	return Load(moments[0])
}

// each calls f with every message of every mailbox.
func each(tn *Tenant, f func(Person, *Mailbox, Message)) {
	for _, p := range tn.People {
		box := tn.Mailbox[p.ID]
		for _, m := range box.Messages {
			f(p, box, m)
		}
	}
}

func folder(t *testing.T, box *Mailbox, id string) Folder {
	t.Helper()
	i := slices.IndexFunc(box.Folders, func(f Folder) bool { return f.ID == id })
	if i < 0 {
		t.Fatalf("folder %s does not exist", id)
	}
	return box.Folders[i]
}

func TestPeople(t *testing.T) {
	t.Parallel()
	tn := tenant(t)
	if len(tn.People) != 8 || tn.People[0].UPN != "ada@tideline.example" {
		t.Fatalf("people = %d, first %q", len(tn.People), tn.People[0].UPN)
	}
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for _, p := range tn.People {
		if !uuid.MatchString(p.ID) {
			t.Errorf("%s: id %q is not a UUID", p.UPN, p.ID)
		}
		for _, name := range []string{p.UPN, strings.ToUpper(p.Mail)} {
			if got, ok := tn.PersonByUPN(name); !ok || got.ID != p.ID {
				t.Errorf("PersonByUPN(%q) = %q, %v", name, got.UPN, ok)
			}
		}
		if got, ok := tn.PersonByID(p.ID); !ok || got.UPN != p.UPN {
			t.Errorf("PersonByID(%q) = %q, %v", p.ID, got.UPN, ok)
		}
	}
	if _, ok := tn.PersonByUPN("nobody@tideline.example"); ok {
		t.Error("PersonByUPN found somebody who does not exist")
	}
	if _, ok := tn.PersonByID(""); ok {
		t.Error("PersonByID found somebody without an id")
	}
}

func TestVolumeAndVariety(t *testing.T) {
	t.Parallel()
	tn := tenant(t)
	count := make(map[string]int)
	conversations := make(map[string]map[string]bool)
	each(tn, func(p Person, box *Mailbox, m Message) {
		f := folder(t, box, m.FolderID)
		in := func(key string, yes bool) {
			if yes {
				count[key]++
			}
		}
		in("all", true)
		in("inbox of ada", p.UPN == "ada@tideline.example" && f.WellKnown == "inbox")
		in("own folder", f.WellKnown == "")
		in(f.WellKnown, true)
		in("no subject", m.Subject == "")
		in("long subject", utf8.RuneCountInString(m.Subject) > 200)
		in("no body", m.Body == "")
		in("text", !m.HTML && m.Body != "")
		in("high", m.Importance == "high")
		in("flagged", m.Flagged)
		in("categories", len(m.Categories) > 0)
		in("bcc", len(m.BCC) > 0)
		in("unread", !m.Read)
		in("attachments", len(m.Attachments) > 0)
		in("newsletter", f.WellKnown == "inbox" && m.HTML && len(m.Body) >= 100<<10)
		in("rtl", strings.Contains(m.Body, `dir="rtl"`))
		in("german", strings.Contains(m.Body, `lang="de"`))
		in("french", strings.Contains(m.Body, `lang="fr"`))
		in("portuguese", strings.Contains(m.Body, `lang="pt"`))
		in("japanese", strings.Contains(m.Body, `lang="ja"`))
		in("outlook quote", strings.Contains(m.Body, "<b>From:</b>"))
		in("angle quote", !m.HTML && strings.Contains(m.Body, "\n> "))
		if conversations[m.ConversationID] == nil {
			conversations[m.ConversationID] = make(map[string]bool)
		}
		conversations[m.ConversationID][m.InternetMessageID] = true
		if len(conversations[m.ConversationID]) > 8 {
			t.Errorf("%q: a thread of more than 8 messages", m.Subject)
		}
	})
	for _, mails := range conversations {
		if len(mails) >= 3 {
			count["threads"]++
		}
	}
	atLeast := map[string]int{
		"all": 240, "inbox of ada": 80, "own folder": 20, "archive": 5, "deleteditems": 3, "junkemail": 5, "drafts": 3,
		"sentitems": 60, "no subject": 3, "long subject": 1, "no body": 2, "text": 50, "high": 8, "flagged": 8,
		"categories": 20, "bcc": 2, "unread": 20, "attachments": 20, "newsletter": 3, "rtl": 3, "german": 10, "french": 4,
		"portuguese": 5, "japanese": 3, "outlook quote": 50, "angle quote": 5, "threads": 15,
	}
	for what, want := range atLeast {
		if count[what] < want {
			t.Errorf("%s: %d, want at least %d", what, count[what], want)
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	tn := tenant(t)
	seen := make(map[string]bool)
	shape := map[string]*regexp.Regexp{
		"message":    regexp.MustCompile(`^AAMkA[\w-]{146}=$`),
		"folder":     regexp.MustCompile(`^AQMkA[\w-]{114}=$`),
		"attachment": regexp.MustCompile(`^AAMkA[\w-]{186}=$`),
	}
	check := func(kind, id string) {
		if !shape[kind].MatchString(id) {
			t.Errorf("%s id %q (%d characters) has another shape", kind, id, len(id))
		}
		if seen[id] {
			t.Errorf("%s id %q is there twice", kind, id)
		}
		seen[id] = true
	}
	for _, p := range tn.People {
		box := tn.Mailbox[p.ID]
		for _, f := range box.Folders {
			check("folder", f.ID)
			if f.ParentID != "" {
				folder(t, box, f.ParentID)
			}
		}
	}
	each(tn, func(_ Person, box *Mailbox, m Message) {
		check("message", m.ID)
		folder(t, box, m.FolderID)
		for _, a := range m.Attachments {
			check("attachment", a.ID)
		}
	})
}

// Everybody who should have a copy has one, in the right kind of folder.
func TestDelivery(t *testing.T) {
	t.Parallel()
	tn := tenant(t)
	groups := map[string]int{
		"everyone@tideline.example": 8, "operations@tideline.example": 3, "pelago2-launch@tideline.example": 5,
		"engineering@tideline.example": 2, "leadership@tideline.example": 6, "info@tideline.example": 2,
	}
	type holder struct{ person, mail string }
	has := make(map[holder]bool)
	holders := make(map[string]int)
	each(tn, func(p Person, _ *Mailbox, m Message) {
		has[holder{p.ID, m.InternetMessageID}] = true
		holders[m.InternetMessageID]++
	})
	each(tn, func(p Person, box *Mailbox, m Message) {
		f := folder(t, box, m.FolderID).WellKnown
		isSender := m.From.Address == p.Mail
		if isSender != (f == "sentitems" || f == "drafts") {
			t.Errorf("%s has %q from %s in %q", p.UPN, m.Subject, m.From.Address, f)
		}
		if m.Draft != (f == "drafts") {
			t.Errorf("%q: draft = %v in %q", m.Subject, m.Draft, f)
		}
		if !isSender && len(m.BCC) > 0 {
			t.Errorf("%s sees the blind copies of %q", p.UPN, m.Subject)
		}
		if m.Draft {
			return
		}
		from, inside := tn.PersonByUPN(m.From.Address)
		if inside && !has[holder{from.ID, m.InternetMessageID}] {
			t.Errorf("%q is not in the sent items of %s", m.Subject, from.UPN)
		}
		for _, a := range slices.Concat(m.To, m.CC, m.BCC) {
			if n := groups[a.Address]; n > holders[m.InternetMessageID] {
				t.Errorf("%q to %s reached %d people of %d", m.Subject, a.Address, holders[m.InternetMessageID], n)
			}
			to, ok := tn.PersonByUPN(a.Address)
			if !ok {
				if strings.HasSuffix(a.Address, "@"+tn.Domain) && groups[a.Address] == 0 {
					t.Errorf("%s does not exist", a.Address)
				}
				continue
			}
			if !has[holder{to.ID, m.InternetMessageID}] {
				t.Errorf("%q did not reach %s", m.Subject, to.UPN)
			}
		}
	})
}

func TestCopiesAgree(t *testing.T) {
	t.Parallel()
	options := cmp.Options{
		// What belongs to a copy alone, and the ids of its files.
		cmpopts.IgnoreFields(Message{}, "ID", "FolderID", "BCC", "Read", "Flagged", "Categories"),
		cmpopts.IgnoreFields(Attachment{}, "ID"),
		cmp.Comparer(bytes.Equal),
	}
	first := make(map[string]Message)
	each(tenant(t), func(p Person, _ *Mailbox, m Message) {
		other, ok := first[m.InternetMessageID]
		if !ok {
			first[m.InternetMessageID] = m
			return
		}
		if diff := cmp.Diff(other, m, options); diff != "" {
			t.Errorf("%q differs for %s: %s", m.Subject, p.UPN, diff)
		}
	})
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	each(tenant(t), func(_ Person, _ *Mailbox, m Message) {
		for _, a := range slices.Concat([]Address{m.From}, m.To, m.CC, m.BCC, m.ReplyTo) {
			if a.Name == "" {
				t.Errorf("%q: %s has no name", m.Subject, a.Address)
			}
			header := (&mail.Address{Name: a.Name, Address: a.Address}).String()
			parsed, err := mail.ParseAddress(header)
			if err != nil || parsed.Address != a.Address || !strings.HasSuffix(a.Address, ".example") {
				t.Errorf("%q: address %q: %v", m.Subject, a.Address, err)
			}
		}
		if len(m.To) == 0 && !m.Draft {
			t.Errorf("%q has no recipient", m.Subject)
		}
	})
}

// Whatever day it is: nothing lies in the future, six weeks are covered, and
// ids stay what they are.
func TestDates(t *testing.T) {
	t.Parallel()
	want := allIDs(tenant(t))
	for _, now := range moments {
		tn := Load(now)
		if diff := cmp.Diff(want, allIDs(tn)); diff != "" {
			t.Errorf("at %s the ids are others: %s", now, diff)
		}
		newest, oldest := time.Time{}, now
		office, total := 0, 0
		each(tn, func(_ Person, _ *Mailbox, m Message) {
			if m.Received.After(now) || m.Received.Before(m.Sent) {
				t.Errorf("at %s: %q sent %s, received %s", now, m.Subject, m.Sent, m.Received)
			}
			if m.Received.After(newest) {
				newest = m.Received
			}
			if m.Sent.Before(oldest) {
				oldest = m.Sent
			}
			total++
			if w := m.Sent.Weekday(); w != time.Saturday && w != time.Sunday {
				office++
			}
		})
		for _, box := range tn.Mailbox {
			if !slices.IsSortedFunc(box.Messages, func(a, b Message) int { return b.Received.Compare(a.Received) }) {
				t.Errorf("at %s: a mailbox is not sorted, newest first", now)
			}
		}
		if age := now.Sub(newest); age > 15*time.Minute {
			t.Errorf("at %s the newest mail is %s old", now, age)
		}
		if age := now.Sub(oldest); age < 38*24*time.Hour || age > 49*24*time.Hour {
			t.Errorf("at %s the oldest mail is %s old", now, age)
		}
		if office*100 < total*95 {
			t.Errorf("at %s only %d of %d mails are of working days", now, office, total)
		}
	}
}

func allIDs(tn *Tenant) []string {
	var ids []string
	each(tn, func(_ Person, _ *Mailbox, m Message) {
		ids = append(ids, m.ID+m.ConversationID+m.InternetMessageID)
		for _, a := range m.Attachments {
			ids = append(ids, a.ID)
		}
	})
	slices.Sort(ids)
	return ids
}

// Whatever day it is: an answer is younger than what it quotes.
func TestThreadsAreWrittenInOrder(t *testing.T) {
	t.Parallel()
	for _, now := range moments {
		last := make(map[string]time.Time)
		letters := map[string]time.Time{}
		each(Load(now), func(_ Person, _ *Mailbox, m Message) { letters[m.InternetMessageID] = m.Sent })
		for _, l := range allLetters(t, now) {
			if l.at.Before(last[l.thread]) {
				t.Errorf("at %s: %s is older than the mail before it", now, l.key)
			}
			last[l.thread] = l.at
			if _, ok := letters[internetMessageID(l.key, l.from.Address)]; !ok {
				t.Errorf("%s was not delivered to anybody", l.key)
			}
		}
	}
}

// allLetters are the mails of all content files before their delivery.
func allLetters(t *testing.T, now time.Time) []letter {
	t.Helper()
	list, err := content.ReadFile("content/contacts.txt")
	if err != nil {
		t.Fatal(err)
	}
	known, err := newContacts(people(), string(list))
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(content, "content/*.mail")
	if err != nil {
		t.Fatal(err)
	}
	read := parser{clock: clock{now: now}, contacts: known}
	for _, name := range names {
		text, err := expandTemplate(content, name, read.clock)
		if err != nil {
			t.Fatal(err)
		}
		if err := read.parse(text); err != nil {
			t.Fatal(err)
		}
	}
	return read.letters
}

func TestDeterministic(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(tenant(t), tenant(t), cmp.AllowUnexported(Tenant{}), cmp.Comparer(bytes.Equal)); diff != "" {
		t.Error(diff)
	}
}
