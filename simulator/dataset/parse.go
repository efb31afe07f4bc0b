package dataset

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// letter is one mail as it was written, before anyone has a copy of it.
type letter struct {
	key        string // names it in ids: "lisbon/3"
	thread     string
	subject    string
	lang       string
	from       Address
	to, cc     []Address
	bcc        []Address
	replyTo    []Address
	at         time.Time
	format     string // html (from light text), raw (HTML as it is), text, newsletter
	quote      string // "", "none", "outlook", "angle"
	importance string
	draft      bool
	text       string // as written
	files      []file
	marks      map[string]mark // by local part of the owner
	injections []Injection     // Kind and Marker only
}

// mark is what one recipient's copy has of its own.
type mark struct {
	flagged, unread, read bool
	categories            []string
	folder                string // well-known or own; empty: the inbox
}

// file is an attachment as written: text, from which the format is built.
type file struct{ name, cid, text string }

// parser reads the format of content/*.mail:
//
//	%thread KEY        begins a conversation; headers: Subject, Lang
//	%mail              begins a mail of it; headers, an empty line, the body
//	%file NAME [CID]   begins an attachment of that mail; inline where it has a content id
type parser struct {
	clock    clock
	contacts *contacts
	letters  []letter
	thread   letter // defaults of the current conversation
	count    int    // mails in it
}

func (p *parser) parse(text string) error {
	for i, block := range strings.Split("\n"+text, "\n%") {
		kind, rest, _ := strings.Cut(block, "\n")
		word, arg, _ := strings.Cut(strings.TrimSpace(kind), " ")
		var err error
		switch {
		case i == 0: // what stands before the first block is for readers of the file
		case word == "thread":
			p.thread, p.count = letter{thread: arg, lang: "en"}, 0
			_, err = p.headers(&p.thread, rest)
		case word == "mail":
			err = p.mail(rest)
		case word == "file" && p.count > 0:
			name, cid, _ := strings.Cut(arg, " ")
			l := &p.letters[len(p.letters)-1]
			l.files = append(l.files, file{name: name, cid: cid, text: strings.TrimSpace(rest) + "\n"})
		default:
			err = fmt.Errorf("block %%%s is out of place", word)
		}
		if err != nil {
			return fmt.Errorf("thread %q, mail %d: %w", p.thread.thread, p.count, err)
		}
	}
	return nil
}

func (p *parser) mail(text string) error {
	l := p.thread
	l.importance = "normal"
	l.format = "html"
	l.marks = make(map[string]mark)
	if p.count > 0 {
		l.subject = labelsOf(l.lang).reply + l.subject
	}
	p.count++
	l.key = fmt.Sprintf("%s/%d", l.thread, p.count)
	body, err := p.headers(&l, text)
	if err != nil {
		return err
	}
	if l.from.Address == "" || l.at.IsZero() {
		return errors.New("a mail needs From and At")
	}
	l.text = strings.TrimSpace(body)
	p.letters = append(p.letters, l)
	return nil
}

func (p *parser) headers(l *letter, text string) (body string, err error) {
	for text != "" {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		if strings.TrimSpace(line) == "" {
			break
		}
		name, value, found := strings.Cut(line, ":")
		if !found {
			return "", fmt.Errorf("%q is not a header", line)
		}
		if err := p.header(l, name, strings.TrimSpace(value)); err != nil {
			return "", fmt.Errorf("header %s: %w", name, err)
		}
	}
	return text, nil
}

func (p *parser) header(l *letter, name, value string) (err error) {
	switch name {
	case "Subject":
		l.subject = value
	case "Lang":
		l.lang = value
	case "From":
		l.from, err = p.contacts.address(value)
	case "To":
		l.to, err = p.contacts.addresses(value)
	case "Cc":
		l.cc, err = p.contacts.addresses(value)
	case "Bcc":
		l.bcc, err = p.contacts.addresses(value)
	case "Reply-To":
		l.replyTo, err = p.contacts.addresses(value)
	case "At":
		l.at, err = p.clock.at(value)
	case "Format":
		l.format = value
	case "Quote":
		l.quote = value
	case "Importance":
		l.importance = value
	case "Draft":
		l.draft = true
	case "Mark":
		err = l.mark(value)
	case "Injection":
		kind, marker, _ := strings.Cut(value, " ")
		l.injections = append(l.injections, Injection{Kind: kind, Marker: marker})
	default:
		err = fmt.Errorf("unknown")
	}
	return err
}

// mark reads "ada; flagged; unread; category=Lisbon; folder=Lieferanten".
func (l *letter) mark(value string) error {
	words := strings.Split(value, "; ")
	var m mark
	for _, w := range words[1:] {
		key, arg, _ := strings.Cut(w, "=")
		switch key {
		case "flagged":
			m.flagged = true
		case "unread":
			m.unread = true
		case "read":
			m.read = true
		case "category":
			m.categories = append(m.categories, arg)
		case "folder":
			m.folder = arg
		default:
			return fmt.Errorf("unknown word %q", w)
		}
	}
	l.marks[words[0]] = m
	return nil
}
