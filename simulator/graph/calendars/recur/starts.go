package recur

import (
	"math"
	"slices"
	"time"
)

// day is a civil date: days since 1970-01-01.
type day int

const secondsOfDay = 24 * 60 * 60

func parseDay(text string) (day, error) {
	t, err := time.Parse(time.DateOnly, text)
	return day(floorDiv(t.Unix(), secondsOfDay)), err
}

func dateDay(year, month, dayOfMonth int) day {
	return day(floorDiv(time.Date(year, time.Month(month), dayOfMonth, 0, 0, 0, 0, time.UTC).Unix(), secondsOfDay))
}

func (d day) date() time.Time { return time.Unix(int64(d)*secondsOfDay, 0).UTC() }

func (d day) weekday() time.Weekday { return d.date().Weekday() }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// lastYear is the last that a civil date in Graph can have.
const lastYear = 9999

// series is a checked recurrence.
type series struct {
	Pattern
	start, end day
	count      int // of all occurrences
	interval   int
}

// Starts returns the instants in [from, to) at which occurrences begin, in
// order, at most limit. The wall time stays the same across changes of the
// clock; one that a change skips moves forward by what is skipped, of one that
// is there twice the earlier counts. An invalid recurrence is an error of [ErrInvalid].
func Starts(p Pattern, r Range, hour, minute, second int, loc *time.Location, from, to time.Time, limit int) ([]time.Time, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if err := r.Check(); err != nil {
		return nil, err
	}
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return nil, invalid("%d:%d:%d is no time of a day", hour, minute, second)
	}
	if loc == nil {
		return nil, invalid("it has no time zone")
	}
	s := newSeries(p, r)
	// Instants stray from their date by an offset and a gap: two days hold both.
	first, last := clampDay(from, loc)-2, clampDay(to, loc)+2
	var out []time.Time
	var previous time.Time
	n := s.periodBefore(first)
	seen := s.occurrencesBefore(n)
	for seen < s.count && len(out) < limit {
		dates := s.period(n)
		if len(dates) == 0 {
			break
		}
		for _, d := range dates {
			if d < s.start {
				continue
			}
			if d > s.end || d > last || seen == s.count || len(out) == limit {
				return out, nil
			}
			seen++
			y, m, dd := d.date().Date()
			at := instant(y, m, dd, hour, minute, second, loc)
			// Where a zone left out a whole day, that day's occurrence falls on the next one's.
			if !previous.IsZero() && !at.After(previous) {
				continue
			}
			previous = at
			if !at.Before(from) && at.Before(to) {
				out = append(out, at)
			}
		}
		n++
	}
	return out, nil
}

func newSeries(p Pattern, r Range) series {
	s := series{Pattern: p, end: dateDay(lastYear, 12, 31), count: math.MaxInt}
	s.start, _ = parseDay(r.Start) // checked
	switch r.Type {
	case "endDate":
		s.end, _ = parseDay(r.End) // checked
	case "numbered":
		s.count = r.Count
	}
	// No calendar is longer than this many days: what follows cannot overflow.
	s.interval = min(p.Interval, 366*(lastYear+1))
	s.Days = slices.Clone(p.Days)
	slices.SortFunc(s.Days, func(a, b time.Weekday) int { return daysFrom(s.FirstDay, a) - daysFrom(s.FirstDay, b) })
	s.Days = slices.Compact(s.Days)
	return s
}

func clampDay(t time.Time, loc *time.Location) day {
	if t.Before(time.Date(0, 1, 3, 0, 0, 0, 0, time.UTC)) {
		return dateDay(0, 1, 1)
	}
	if t.After(time.Date(lastYear, 12, 30, 0, 0, 0, 0, time.UTC)) {
		return dateDay(lastYear, 12, 31)
	}
	y, m, d := t.In(loc).Date()
	return dateDay(y, int(m), d)
}

func daysFrom(first, d time.Weekday) int { return int(d-first+7) % 7 }

// week is the day on which the week of the start begins.
func (s series) week() day { return s.start - day(daysFrom(s.FirstDay, s.start.weekday())) }

// periodBefore is a period that is over before d, or the first.
func (s series) periodBefore(d day) int {
	if d <= s.start {
		return 0
	}
	a, b := s.start.date(), d.date()
	years := b.Year() - a.Year()
	var passed int
	switch s.Type {
	case "daily":
		passed = int(d - s.start)
	case "weekly":
		passed = int(d-s.week()) / 7
	case "absoluteMonthly", "relativeMonthly":
		passed = years*12 + int(b.Month()) - int(a.Month())
	default:
		passed = years
	}
	return max(passed/s.interval-1, 0)
}

// occurrencesBefore counts those of the periods before the n-th: every period
// has the same number, but what lies before the start in the first does not count.
func (s series) occurrencesBefore(n int) int {
	if n == 0 {
		return 0
	}
	first := s.period(0)
	began := slices.IndexFunc(first, func(d day) bool { return d >= s.start })
	if began < 0 {
		began = len(first)
	}
	return n*len(first) - began
}

// period returns the dates of the n-th period in order; after the last year, none.
func (s series) period(n int) []day {
	step := n * s.interval
	start := s.start.date()
	month := start.Year()*12 + int(start.Month()) - 1
	switch s.Type {
	case "daily":
		return s.inCalendar(s.start + day(step))
	case "weekly":
		dates := make([]day, 0, len(s.Days))
		for _, d := range s.Days {
			dates = append(dates, s.week()+day(7*step+daysFrom(s.FirstDay, d)))
		}
		return s.inCalendar(dates...)
	case "absoluteMonthly", "relativeMonthly":
		month += step
	default:
		month = (start.Year()+step)*12 + s.Month - 1
	}
	year, month := month/12, month%12+1
	if year > lastYear {
		return nil
	}
	if s.Type == "absoluteMonthly" || s.Type == "absoluteYearly" {
		return s.inCalendar(dateDay(year, month, min(s.DayOfMonth, daysIn(year, month))))
	}
	return s.inCalendar(s.relative(year, month))
}

// inCalendar leaves out nothing but whole periods: a date beyond the end ends the series anyway.
func (s series) inCalendar(dates ...day) []day {
	if dates[0] > dateDay(lastYear, 12, 31) {
		return nil
	}
	return dates
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// relative is the date of "the second Tuesday"; with several days of the week,
// of the second day that is one of them.
func (s series) relative(year, month int) day {
	var found []day
	for d := 1; d <= daysIn(year, month); d++ {
		if date := dateDay(year, month, d); slices.Contains(s.Days, date.weekday()) {
			found = append(found, date)
		}
	}
	switch s.Index {
	case "last":
		return found[len(found)-1]
	case "":
		return found[0]
	default:
		return found[slices.Index(indexes, s.Index)]
	}
}

// instant is when a clock in loc shows a wall time. [time.Date] leaves open
// which of two offsets it takes around a change of the clock.
func instant(year int, month time.Month, dayOfMonth, hour, minute, second int, loc *time.Location) time.Time {
	t := time.Date(year, month, dayOfMonth, hour, minute, second, 0, loc)
	wall := time.Date(year, month, dayOfMonth, hour, minute, second, 0, time.UTC)
	at := func(offset int) time.Time { return wall.Add(-time.Duration(offset) * time.Second).In(loc) }
	_, offset := t.Zone()
	shown := t.Add(time.Duration(offset) * time.Second)
	if shown.Before(wall) { // t is before the gap: its offset carries over
		return at(offset)
	}
	if begin, _ := t.ZoneBounds(); shown.Equal(wall) && !begin.IsZero() {
		_, before := begin.Add(-time.Second).Zone()
		if earlier := at(before); earlier.Before(begin) {
			return earlier
		}
	}
	return t
}
