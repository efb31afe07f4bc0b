package recur

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func location(t testing.TB, name string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	v, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

const monday, tuesday, wednesday, friday, saturday, sunday = time.Monday, time.Tuesday, time.Wednesday, time.Friday, time.Saturday, time.Sunday

func days(d ...time.Weekday) []time.Weekday { return d }

func noEnd(start string) Range { return Range{Type: "noEnd", Start: start} }

func numbered(start string, n int) Range { return Range{Type: "numbered", Start: start, Count: n} }

func TestDates(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		p        Pattern
		r        Range
		from, to string
		want     []string
	}{
		{"daily", Pattern{Type: "daily", Interval: 1}, noEnd("2026-02-26"), "2026-01-01", "2026-03-03", []string{"02-26", "02-27", "02-28", "03-01", "03-02"}},
		{"every third day, window later", Pattern{Type: "daily", Interval: 3}, noEnd("2026-01-01"), "2026-12-20", "2026-12-31", []string{"12-21", "12-24", "12-27", "12-30"}},
		{"end date is the last day", Pattern{Type: "daily", Interval: 2}, Range{Type: "endDate", Start: "2026-05-01", End: "2026-05-05"}, "2026-01-01", "2027-01-01", []string{"05-01", "05-03", "05-05"}},
		{"weekly on three days", Pattern{Type: "weekly", Interval: 1, Days: days(friday, monday, wednesday, monday)}, noEnd("2026-11-25"), "2026-11-01", "2026-12-05", []string{"11-25", "11-27", "11-30", "12-02", "12-04"}},
		// RFC 5545 §3.8.5.3: the same rule differs by the first day of the week.
		{"two weeks, Monday first", Pattern{Type: "weekly", Interval: 2, Days: days(tuesday, sunday), FirstDay: monday}, numbered("1997-08-05", 4), "1997-01-01", "1998-01-01", []string{"08-05", "08-10", "08-19", "08-24"}},
		{"two weeks, Sunday first", Pattern{Type: "weekly", Interval: 2, Days: days(tuesday, sunday), FirstDay: sunday}, numbered("1997-08-05", 4), "1997-01-01", "1998-01-01", []string{"08-05", "08-17", "08-19", "08-31"}},
		{"the start is no occurrence", Pattern{Type: "weekly", Interval: 1, Days: days(monday)}, numbered("2026-11-25", 2), "2026-01-01", "2027-01-01", []string{"11-30", "12-07"}},
		{"numbered counts from the start", Pattern{Type: "weekly", Interval: 1, Days: days(monday, friday)}, numbered("2026-11-04", 6), "2026-11-14", "2027-01-01", []string{"11-16", "11-20", "11-23"}},
		{"numbered is over", Pattern{Type: "daily", Interval: 1}, numbered("2026-01-01", 10), "2026-01-11", "2027-01-01", nil},
		{"the last of ten", Pattern{Type: "daily", Interval: 1}, numbered("2026-01-01", 10), "2026-01-10", "2027-01-01", []string{"01-10"}},
		{"day 31", Pattern{Type: "absoluteMonthly", Interval: 1, DayOfMonth: 31}, noEnd("2026-01-31"), "2026-01-01", "2026-07-01", []string{"01-31", "02-28", "03-31", "04-30", "05-31", "06-30"}},
		{"day 30 in a leap year", Pattern{Type: "absoluteMonthly", Interval: 1, DayOfMonth: 30}, numbered("2028-01-30", 3), "2028-01-01", "2029-01-01", []string{"01-30", "02-29", "03-30"}},
		{"every quarter, begun after its day", Pattern{Type: "absoluteMonthly", Interval: 3, DayOfMonth: 10}, numbered("2026-01-15", 2), "2026-01-01", "2027-01-01", []string{"04-10", "07-10"}},
		{"first Tuesday", Pattern{Type: "relativeMonthly", Interval: 1, Days: days(tuesday)}, noEnd("2026-09-01"), "2026-09-01", "2027-01-01", []string{"09-01", "10-06", "11-03", "12-01"}},
		{"last Friday", Pattern{Type: "relativeMonthly", Interval: 1, Days: days(friday), Index: "last"}, noEnd("2026-01-01"), "2026-01-01", "2026-05-01", []string{"01-30", "02-27", "03-27", "04-24"}},
		{"last working day", Pattern{Type: "relativeMonthly", Interval: 1, Days: days(1, 2, 3, 4, 5), Index: "last"}, noEnd("2026-01-01"), "2026-01-01", "2026-06-01", []string{"01-30", "02-27", "03-31", "04-30", "05-29"}},
		{"second day of a weekend", Pattern{Type: "relativeMonthly", Interval: 1, Days: days(saturday, sunday), Index: "second"}, noEnd("2026-01-01"), "2026-01-01", "2026-04-01", []string{"01-04", "02-07", "03-07"}},
		{"third Wednesday every other month", Pattern{Type: "relativeMonthly", Interval: 2, Days: days(wednesday), Index: "third"}, numbered("2026-01-22", 2), "2026-01-01", "2027-01-01", []string{"03-18", "05-20"}},
		{"fourth Monday of May", Pattern{Type: "relativeYearly", Interval: 1, Days: days(monday), Index: "fourth", Month: 5}, noEnd("2024-06-01"), "2026-01-01", "2027-01-01", []string{"05-25"}},
		{"29 February in other years", Pattern{Type: "absoluteYearly", Interval: 1, DayOfMonth: 29, Month: 2}, noEnd("2024-02-29"), "2026-01-01", "2027-01-01", []string{"02-28"}},
		{"every fourth year", Pattern{Type: "absoluteYearly", Interval: 4, DayOfMonth: 29, Month: 2}, noEnd("2024-02-29"), "2028-01-01", "2029-01-01", []string{"02-29"}},
		{"not this year", Pattern{Type: "absoluteYearly", Interval: 4, DayOfMonth: 29, Month: 2}, noEnd("2024-02-29"), "2026-01-01", "2027-01-01", nil},
		{"the interval leaves the calendar", Pattern{Type: "weekly", Interval: 1 << 62, Days: days(tuesday)}, noEnd("2026-09-01"), "2026-01-01", "2027-01-01", []string{"09-01"}},
		{"empty window", Pattern{Type: "daily", Interval: 1}, noEnd("2026-01-01"), "2026-03-01", "2026-02-01", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			starts, err := Starts(test.p, test.r, 9, 30, 0, time.UTC, at(t, test.from+" 00:00"), at(t, test.to+" 00:00"), 1000)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range starts {
				if s.Format("15:04:05") != "09:30:00" {
					t.Errorf("%s is at another time", s)
				}
				got = append(got, s.Format("01-02"))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestClockChanges(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, zone, start string
		hour, minute      int
		want              []string // UTC
	}{
		{"wall time stays", "Europe/Berlin", "2026-03-28", 9, 0, []string{"03-28 08:00", "03-29 07:00", "03-30 07:00"}},
		{"gap, Berlin", "Europe/Berlin", "2026-03-28", 2, 30, []string{"03-28 01:30", "03-29 01:30", "03-30 00:30"}},
		{"gap, New York", "America/New_York", "2026-03-07", 2, 30, []string{"03-07 07:30", "03-08 07:30", "03-09 06:30"}},
		{"gap of half an hour", "Australia/Lord_Howe", "2026-10-03", 2, 15, []string{"10-02 15:45", "10-03 15:45", "10-04 15:15"}},
		{"gap at midnight, Cairo", "Africa/Cairo", "2026-04-23", 0, 0, []string{"04-22 22:00", "04-23 22:00", "04-24 21:00"}},
		{"twice, Berlin", "Europe/Berlin", "2026-10-24", 2, 30, []string{"10-24 00:30", "10-25 00:30", "10-26 01:30"}},
		{"twice, New York", "America/New_York", "2026-10-31", 1, 30, []string{"10-31 05:30", "11-01 05:30", "11-02 06:30"}},
		{"after the change", "America/New_York", "2026-10-31", 3, 0, []string{"10-31 07:00", "11-01 08:00", "11-02 08:00"}},
		{"a day left out, Samoa", "Pacific/Apia", "2011-12-29", 9, 0, []string{"12-29 19:00", "12-30 19:00"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			starts, err := Starts(Pattern{Type: "daily", Interval: 1}, numbered(test.start, 3), test.hour, test.minute, 0, location(t, test.zone), at(t, "2000-01-01 00:00"), at(t, "2030-01-01 00:00"), 10)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range starts {
				got = append(got, s.UTC().Format("01-02 15:04"))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWindowAndLimit(t *testing.T) {
	t.Parallel()
	daily := Pattern{Type: "daily", Interval: 1}
	count := func(r Range, from, to time.Time, limit int) int {
		t.Helper()
		got, err := Starts(daily, r, 9, 0, 0, time.UTC, from, to, limit)
		if err != nil {
			t.Fatal(err)
		}
		return len(got)
	}
	first := at(t, "2026-01-01 09:00")
	for _, test := range []struct {
		name     string
		from, to time.Time
		limit    int
		want     int
	}{
		{"from is in", first, first.Add(time.Second), 9, 1},
		{"to is out", first.Add(-time.Hour), first, 9, 0},
		{"limit", first, first.AddDate(1, 0, 0), 9, 9},
		{"no room", first, first.AddDate(1, 0, 0), 0, 0},
		{"nonsense limit", first, first.AddDate(1, 0, 0), -1, 0},
		{"the end of time", time.Unix(-1<<62, 0), time.Unix(1<<62, 0), 5, 5},
		{"the last day of the calendar", time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), time.Unix(1<<62, 0), 5, 1},
		{"after the calendar", time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(1<<62, 0), 5, 0},
	} {
		if got := count(noEnd("2026-01-01"), test.from, test.to, test.limit); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
	if got := count(numbered("0001-01-01", 1<<62), at(t, "2026-01-01 00:00"), at(t, "2026-01-08 00:00"), 100); got != 7 {
		t.Errorf("far from the start: %d, want 7", got)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	good := noEnd("2026-01-01")
	for name, test := range map[string]struct {
		p Pattern
		r Range
	}{
		"no type":            {Pattern{Interval: 1}, good},
		"type in capitals":   {Pattern{Type: "Daily", Interval: 1}, good},
		"no interval":        {Pattern{Type: "daily"}, good},
		"negative interval":  {Pattern{Type: "daily", Interval: -1}, good},
		"weekly without day": {Pattern{Type: "weekly", Interval: 1}, good},
		"day 7":              {Pattern{Type: "weekly", Interval: 1, Days: days(7)}, good},
		"first day":          {Pattern{Type: "daily", Interval: 1, FirstDay: -1}, good},
		"day of month 0":     {Pattern{Type: "absoluteMonthly", Interval: 1}, good},
		"day of month 32":    {Pattern{Type: "absoluteMonthly", Interval: 1, DayOfMonth: 32}, good},
		"month 0":            {Pattern{Type: "absoluteYearly", Interval: 1, DayOfMonth: 1}, good},
		"month 13":           {Pattern{Type: "relativeYearly", Interval: 1, Days: days(monday), Month: 13}, good},
		"fifth":              {Pattern{Type: "relativeMonthly", Interval: 1, Days: days(monday), Index: "fifth"}, good},
		"relative, no day":   {Pattern{Type: "relativeYearly", Interval: 1, Month: 1}, good},
		"no range":           {Pattern{Type: "daily", Interval: 1}, Range{}},
		"no start":           {Pattern{Type: "daily", Interval: 1}, Range{Type: "noEnd"}},
		"start has a time":   {Pattern{Type: "daily", Interval: 1}, noEnd("2026-01-01T00:00:00")},
		"30 February":        {Pattern{Type: "daily", Interval: 1}, noEnd("2026-02-30")},
		"no end":             {Pattern{Type: "daily", Interval: 1}, Range{Type: "endDate", Start: "2026-01-01"}},
		"end before start":   {Pattern{Type: "daily", Interval: 1}, Range{Type: "endDate", Start: "2026-01-01", End: "2025-12-31"}},
		"no count":           {Pattern{Type: "daily", Interval: 1}, numbered("2026-01-01", 0)},
	} {
		if err := errors.Join(test.p.Check(), test.r.Check()); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: checked: %v", name, err)
		}
		if got, err := Starts(test.p, test.r, 0, 0, 0, time.UTC, at(t, "2026-01-01 00:00"), at(t, "2027-01-01 00:00"), 9); !errors.Is(err, ErrInvalid) || got != nil {
			t.Errorf("%s: expanded: %v, %v", name, got, err)
		}
	}
	daily := Pattern{Type: "daily", Interval: 1}
	for _, clock := range [][3]int{{24, 0, 0}, {-1, 0, 0}, {0, 60, 0}, {0, 0, 60}} {
		if _, err := Starts(daily, good, clock[0], clock[1], clock[2], time.UTC, time.Time{}, time.Time{}, 1); !errors.Is(err, ErrInvalid) {
			t.Errorf("%v: %v", clock, err)
		}
	}
	if _, err := Starts(daily, good, 0, 0, 0, nil, time.Time{}, time.Time{}, 1); !errors.Is(err, ErrInvalid) {
		t.Errorf("no zone: %v", err)
	}
}
