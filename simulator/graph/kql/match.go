package kql

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Document is a mail as the content index knows it.
type Document struct {
	From, To, CC, BCC []string // names and addresses
	Subject, Body     string   // Body is text
	Attachments       []string // file names
	HasAttachments    bool
	Categories        []string
	Importance        string
	Size              int
	Sent, Received    time.Time
}

// Match reports whether the document answers the query; now is what "today"
// refers to.
func (q *Query) Match(doc *Document, now time.Time) bool {
	return q.root.match(&matcher{doc: doc, now: now.UTC()})
}

type matcher struct {
	doc *Document
	now time.Time
}

func (parts all) match(m *matcher) bool {
	return !slices.ContainsFunc(parts, func(e expression) bool { return !e.match(m) })
}

func (parts anyOf) match(m *matcher) bool {
	return slices.ContainsFunc(parts, func(e expression) bool { return e.match(m) })
}

func (n none) match(m *matcher) bool { return !n.inner.match(m) }

func (r restriction) match(m *matcher) bool {
	doc := m.doc
	switch r.property {
	case "": // Graph: without a property, from, subject and body are searched
		return r.in(doc.From...) || r.in(doc.Subject) || r.in(doc.Body)
	case "from":
		return r.text(doc.From...)
	case "to":
		return r.text(doc.To...)
	case "cc":
		return r.text(doc.CC...)
	case "bcc":
		return r.text(doc.BCC...)
	case "recipients":
		return r.text(slices.Concat(doc.To, doc.CC, doc.BCC)...)
	case "participants":
		return r.text(slices.Concat(doc.From, doc.To, doc.CC, doc.BCC)...)
	case "subject":
		return r.text(doc.Subject)
	case "body":
		return r.text(doc.Body)
	case "attachment":
		return r.text(doc.Attachments...)
	case "category":
		return r.text(doc.Categories...)
	case "importance":
		return r.text(doc.Importance)
	case "hasattachment", "hasattachments":
		want := strings.EqualFold(r.value, "true") || strings.EqualFold(r.value, "yes") || r.value == "1"
		return (doc.HasAttachments == want) != (r.operator == "<>")
	case "size":
		n, err := strconv.Atoi(r.value)
		return err == nil && r.holds(doc.Size-n, doc.Size-n)
	case "received":
		return r.date(doc.Received, m.now)
	case "sent":
		return r.date(doc.Sent, m.now)
	case "kind":
		return strings.EqualFold(r.value, "email") != (r.operator == "<>")
	default:
		return false
	}
}

func (r restriction) text(fields ...string) bool { return r.in(fields...) != (r.operator == "<>") }

// in looks for the words of the value, in a row; the last one may be a prefix
// marked by an asterisk.
func (r restriction) in(fields ...string) bool {
	value, prefix := strings.CutSuffix(r.value, "*")
	wanted := words(value)
	if len(wanted) == 0 {
		return false
	}
	return slices.ContainsFunc(fields, func(field string) bool {
		have := words(field)
		for i := 0; i+len(wanted) <= len(have); i++ {
			last := len(wanted) - 1
			if !slices.Equal(have[i:i+last], wanted[:last]) {
				continue
			}
			if have[i+last] == wanted[last] || prefix && strings.HasPrefix(have[i+last], wanted[last]) {
				return true
			}
		}
		return false
	})
}

// date compares with a day, an instant, or a range of days "a..b".
func (r restriction) date(t, now time.Time) bool {
	t = t.UTC()
	if low, high, ok := strings.Cut(r.value, ".."); ok {
		from, _, ok1 := span(low, now)
		_, to, ok2 := span(high, now)
		return ok1 && ok2 && !t.Before(from) && t.Before(to)
	}
	from, to, ok := span(r.value, now)
	if !ok {
		return false
	}
	return r.holds(t.Compare(from), t.Compare(to.Add(-time.Nanosecond)))
}

// holds applies the operator to the order of the value towards the first and
// the last instant it is compared with.
func (r restriction) holds(first, last int) bool {
	switch r.operator {
	case "<":
		return first < 0
	case "<=":
		return last <= 0
	case ">":
		return last > 0
	case ">=":
		return first >= 0
	case "<>":
		return first < 0 || last > 0
	default:
		return first >= 0 && last <= 0
	}
}

// span is the half-open interval that a date names.
func span(value string, now time.Time) (from, to time.Time, ok bool) {
	midnight := now.Truncate(24 * time.Hour)
	switch strings.ToLower(value) {
	case "today":
		return midnight, midnight.AddDate(0, 0, 1), true
	case "yesterday":
		return midnight.AddDate(0, 0, -1), midnight, true
	}
	for _, layout := range []string{time.DateOnly, "1/2/2006"} {
		if day, err := time.Parse(layout, value); err == nil {
			return day, day.AddDate(0, 0, 1), true
		}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, value); err == nil {
			return at.UTC(), at.UTC().Add(time.Second), true
		}
	}
	return time.Time{}, time.Time{}, false
}
