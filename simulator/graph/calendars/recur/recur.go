// Package recur expands the recurrence of a Graph event (recurrencePattern and
// recurrenceRange) into instants. The pattern makes civil dates, period by
// period (days, weeks, months, years) from the start of the range; the range
// ends them; at last each date gets the wall time of the series in its zone.
package recur

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Pattern is Graph's recurrencePattern.
type Pattern struct {
	Type       string // daily, weekly, absoluteMonthly, relativeMonthly, absoluteYearly, relativeYearly
	Interval   int    // between two periods, at least 1
	Days       []time.Weekday
	DayOfMonth int
	Month      int
	Index      string // first, second, third, fourth, last; empty: first
	FirstDay   time.Weekday
}

// Range is Graph's recurrenceRange. Days are civil dates, 2006-01-02.
type Range struct {
	Type       string // endDate, noEnd, numbered
	Start, End string
	Count      int
}

// ErrInvalid is wrapped by what Check says.
var ErrInvalid = errors.New("the recurrence is invalid")

func invalid(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, a...))
}

var indexes = []string{"first", "second", "third", "fourth", "last"}

// Check says what a pattern lacks for its type. What another type would need is ignored.
func (p Pattern) Check() error {
	if p.Interval < 1 {
		return invalid("interval is %d, it must be at least 1", p.Interval)
	}
	if p.FirstDay < time.Sunday || p.FirstDay > time.Saturday {
		return invalid("firstDayOfWeek is no day of the week")
	}
	switch p.Type {
	case "daily":
		return nil
	case "weekly":
		return p.checkDays()
	case "absoluteMonthly":
		return p.checkDayOfMonth()
	case "relativeMonthly":
		return errors.Join(p.checkDays(), p.checkIndex())
	case "absoluteYearly":
		return errors.Join(p.checkDayOfMonth(), p.checkMonth())
	case "relativeYearly":
		return errors.Join(p.checkDays(), p.checkIndex(), p.checkMonth())
	default:
		return invalid("type %.30q is none of daily, weekly, absoluteMonthly, relativeMonthly, absoluteYearly, relativeYearly", p.Type)
	}
}

func (p Pattern) checkDays() error {
	if len(p.Days) == 0 {
		return invalid("daysOfWeek is required for %s", p.Type)
	}
	for _, d := range p.Days {
		if d < time.Sunday || d > time.Saturday {
			return invalid("daysOfWeek has %d, which is no day of the week", d)
		}
	}
	return nil
}

func (p Pattern) checkIndex() error {
	if p.Index != "" && !slices.Contains(indexes, p.Index) {
		return invalid("index %.30q is none of first, second, third, fourth, last", p.Index)
	}
	return nil
}

func (p Pattern) checkDayOfMonth() error {
	if p.DayOfMonth < 1 || p.DayOfMonth > 31 {
		return invalid("dayOfMonth is %d, it must be 1 to 31", p.DayOfMonth)
	}
	return nil
}

func (p Pattern) checkMonth() error {
	if p.Month < 1 || p.Month > 12 {
		return invalid("month is %d, it must be 1 to 12", p.Month)
	}
	return nil
}

// Check says what a range lacks for its type.
func (r Range) Check() error {
	start, err := parseDay(r.Start)
	if err != nil {
		return invalid("startDate %.30q is no date", r.Start)
	}
	switch r.Type {
	case "noEnd":
		return nil
	case "numbered":
		if r.Count < 1 {
			return invalid("numberOfOccurrences is %d, it must be at least 1", r.Count)
		}
		return nil
	case "endDate":
		end, err := parseDay(r.End)
		if err != nil {
			return invalid("endDate %.30q is no date", r.End)
		}
		if end < start {
			return invalid("endDate %s is before startDate %s", r.End, r.Start)
		}
		return nil
	default:
		return invalid("type %.30q is none of endDate, noEnd, numbered", r.Type)
	}
}
