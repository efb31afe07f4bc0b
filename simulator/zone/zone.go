// Package zone knows the time zones of the simulated Microsoft 365, by both kinds
// of names that Graph takes (dateTimeTimeZone resource): those of Windows and
// those of IANA.
package zone

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // the rules, for machines that have none
)

// ErrUnknown means that a name is of neither kind.
var ErrUnknown = errors.New("is no time zone: give a Windows name such as W. Europe Standard Time or an IANA name such as Europe/Berlin")

var (
	loaded  sync.Map // *time.Location by IANA name; only of names that exist
	anyCase = sync.OnceValue(func() map[string]string {
		out := make(map[string]string, len(windows))
		for name, iana := range windows {
			out[strings.ToLower(name)] = iana
		}
		return out
	})
	ianaName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$`)
	// What zoneinfo directories hold beside zones: this machine's own, and second copies of all.
	noZone = regexp.MustCompile(`(?i)^(local|localtime|posixrules|factory|posix/.*|right/.*)$`)
)

// Find is the zone of a Windows name, in any case, or of an IANA name. A name
// that depends on the machine is none.
func Find(name string) (*time.Location, error) {
	iana, known := anyCase()[strings.ToLower(name)]
	if !known {
		if !ianaName.MatchString(name) || noZone.MatchString(name) {
			return nil, fmt.Errorf("%.60q %w", name, ErrUnknown)
		}
		iana = name
	}
	if found, ok := loaded.Load(iana); ok {
		if location, ok := found.(*time.Location); ok {
			return location, nil
		}
	}
	location, err := time.LoadLocation(iana)
	if err != nil {
		return nil, fmt.Errorf("%.60q %w", name, ErrUnknown)
	}
	loaded.Store(iana, location)
	return location, nil
}

// Names lists the Windows names.
func Names() []string { return slices.Sorted(maps.Keys(windows)) }

// Instant is the moment at which the clocks of a zone show a wall time, whose own
// zone is not looked at. A time that a change of the clocks leaves out moves on
// by as much as they do; of one that comes twice it is the first.
func Instant(wall time.Time, location *time.Location) time.Time {
	wall = Wall(wall)
	offset := func(near time.Time) time.Duration {
		_, seconds := near.In(location).Zone()
		return time.Duration(seconds) * time.Second
	}
	before := wall.Add(-offset(wall.Add(-24 * time.Hour)))
	if Wall(before.In(location)).Equal(wall) {
		return before
	}
	if after := wall.Add(-offset(wall.Add(24 * time.Hour))); Wall(after.In(location)).Equal(wall) {
		return after
	}
	return before
}

// Wall is what the clocks show at a time in its zone, as a time in UTC.
func Wall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}
