// Package timezone knows the two kinds of zone names in Microsoft 365: a mailbox
// says "W. Europe Standard Time", people and models say "Europe/Berlin". Graph
// takes both (https://learn.microsoft.com/graph/api/outlookuser-supportedtimezones);
// to show a time we need the rules, which the IANA name has.
package timezone

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // the rules, for machines that have none
)

// ErrUnknown means that a name is neither a Windows nor an IANA zone.
var ErrUnknown = errors.New("is not a time zone; give an IANA name such as Europe/Berlin or a Windows name such as W. Europe Standard Time")

// Zone is a time zone. The zero value is UTC.
type Zone struct {
	name     string
	location *time.Location
}

// UTC is the zone of a mailbox that says none.
var UTC = Zone{name: "UTC", location: time.UTC}

// Find returns the zone of a Windows or IANA name.
func Find(name string) (Zone, error) {
	iana, known := windows[name]
	switch {
	case known:
	case name == "" || strings.EqualFold(name, "local") || strings.Contains(name, ".."):
		return Zone{}, fmt.Errorf("%.60q %w", name, ErrUnknown) // LoadLocation would take the first for UTC, the second for this machine's
	default:
		iana = name
	}
	location, err := time.LoadLocation(iana)
	if err != nil {
		return Zone{}, fmt.Errorf("%.60q %w", name, ErrUnknown)
	}
	return Zone{name: name, location: location}, nil
}

// Name is the name as Graph is asked with: as it was given.
func (z Zone) Name() string {
	if z.location == nil {
		return UTC.name
	}
	return z.name
}

// Label is the name for people and models: the IANA one.
func (z Zone) Label() string { return z.Location().String() }

// Location has the rules.
func (z Zone) Location() *time.Location {
	if z.location == nil {
		return time.UTC
	}
	return z.location
}

// Format writes t in the zone, to the minute, with the offset: 2026-03-05T09:30+01:00.
func (z Zone) Format(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(z.Location()).Format("2006-01-02T15:04Z07:00")
}

// Day writes the day of t in the zone: Thu 2026-03-05.
func (z Zone) Day(t time.Time) string { return t.In(z.Location()).Format("Mon 2006-01-02") }

// layouts are what people and models write, from a full time to a day.
var layouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05.999999999", "2006-01-02T15:04",
	"2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly,
}

// Parse reads a time. With an offset it is that instant; without one it is a
// time of the zone; a day alone is its beginning there, and dateOnly is true.
func (z Zone) Parse(text string) (t time.Time, dateOnly bool, err error) {
	t, layout, err := read(text, z.Location())
	return t, layout == time.DateOnly, err
}

// ParseExisting is Parse for what somebody means to happen: a time that the zone's
// clocks leave out is an error, not moved to another hour without a word.
func (z Zone) ParseExisting(text string) (t time.Time, dateOnly bool, err error) {
	t, layout, err := read(text, z.Location())
	if err != nil || layout == time.DateOnly || strings.HasSuffix(layout, "Z07:00") {
		return t, layout == time.DateOnly, err
	}
	const wall = "2006-01-02T15:04"
	if meant, _, err := read(text, time.UTC); err != nil || meant.Format(wall) != t.Format(wall) {
		return time.Time{}, false, fmt.Errorf("%.40q does not exist in %s, where clocks go forward then; write %s, or another time", text, z.Name(), t.Format(wall)) //nolint:err113 // words for the caller
	}
	return t, false, nil
}

// read tries the layouts; one that ends in an offset needs no location.
func read(text string, loc *time.Location) (t time.Time, layout string, err error) {
	text = strings.TrimSpace(text)
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, text, loc); err == nil {
			return t, layout, nil
		}
	}
	return time.Time{}, "", fmt.Errorf("%.40q is not a time; write 2026-03-05T09:30, with an offset such as +01:00 for another zone, or a day such as 2026-03-05", text) //nolint:err113 // words for the caller
}
