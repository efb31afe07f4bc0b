package dataset

import (
	"cmp"
	"embed"
	"encoding/binary"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"text/template"
	"time"
)

//go:embed content
var content embed.FS

// Load makes the tenant as it is at now. Ids do not depend on now; dates move
// with it. Copies of one mail share their bodies, addresses and files: who
// changes one of these in a mailbox replaces it.
func Load(now time.Time) *Tenant {
	t, err := load(content, now)
	if err != nil {
		panic(fmt.Sprintf("dataset: the embedded content is broken: %v", err))
	}
	return t
}

func load(files fs.FS, now time.Time) (*Tenant, error) {
	staff := people()
	t := &Tenant{
		ID: objectID("tenant", domain), Name: "Tideline Instruments", Domain: domain,
		People: staff, Mailbox: make(map[string]*Mailbox, len(staff)),
	}
	p := &post{clock: clock{now: now}, tenant: t, people: make(map[string]*Person, len(staff))}
	for i := range staff {
		t.Mailbox[staff[i].ID] = mailbox(staff[i])
		p.people[localPart(staff[i].UPN)] = &staff[i]
	}
	list, err := fs.ReadFile(files, "content/contacts.txt")
	if err != nil {
		return nil, fmt.Errorf("contacts: %w", err)
	}
	if p.contacts, err = newContacts(staff, string(list)); err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "content/*.mail")
	if err != nil {
		return nil, fmt.Errorf("content: %w", err)
	}
	for _, name := range names {
		if err := p.story(files, name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := t.share(p.clock); err != nil {
		return nil, err
	}
	for _, box := range t.Mailbox {
		slices.SortStableFunc(box.Messages, func(a, b Message) int {
			return cmp.Or(b.Received.Compare(a.Received), strings.Compare(a.ID, b.ID))
		})
	}
	return t, nil
}

// story delivers the mails of one file.
func (p *post) story(files fs.FS, name string) error {
	text, err := expandTemplate(files, name, p.clock)
	if err != nil {
		return err
	}
	read := parser{clock: p.clock, contacts: p.contacts}
	if err := read.parse(text); err != nil {
		return err
	}
	var last composed
	for i := range read.letters {
		l := &read.letters[i]
		var previous *composed
		if last.letter != nil && last.letter.thread == l.thread {
			before := last
			previous = &before
		}
		done, body := compose(l, previous, p.signature(l))
		if err := p.deliver(l, body); err != nil {
			return err
		}
		last = done
	}
	return nil
}

// expandTemplate runs a file through text/template. Days count as in clock.workday.
func expandTemplate(files fs.FS, name string, c clock) (string, error) {
	source, err := fs.ReadFile(files, name)
	if err != nil {
		return "", fmt.Errorf("read: %w", err)
	}
	// One fixed seed for each file: an edit to one story leaves the others alone.
	random := rand.New(rand.NewPCG(binary.BigEndian.Uint64(expand(8, "random", name)), 0)) //nolint:gosec // varies demo content, keeps no secret
	format := func(layout string) func(int) string {
		return func(n int) string { return c.workday(n).Format(layout) }
	}
	quarter := func(n int) string {
		m := c.now.UTC().AddDate(0, 0, 1-c.now.UTC().Day()).AddDate(0, 3*n, 0)
		return fmt.Sprintf("Q%d %d", (int(m.Month())+2)/3, m.Year())
	}
	t, err := template.New(name).Option("missingkey=error").Funcs(template.FuncMap{
		"day":     format("Monday 2 January"),
		"short":   format("2 Jan"),
		"weekday": format("Monday"),
		"iso":     format("2006-01-02"),
		"dmy":     format("02.01.2006"),
		"dm":      format("02/01"),
		"ja":      format("1月2日"),
		"ics":     format("20060102"),
		"quarter": quarter,
		"ago":     func(n int) int { return -n },
		"add":     func(a, b int) int { return a + b },
		"num":     func(low, high int) int { return low + random.IntN(high-low+1) },
		"pick":    func(options ...string) string { return options[random.IntN(len(options))] },
		"nth":     func(n int, options ...string) string { return options[n%len(options)] },
	}).Parse(string(source))
	if err != nil {
		return "", fmt.Errorf("template: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, nil); err != nil {
		return "", fmt.Errorf("template: %w", err)
	}
	return b.String(), nil
}
