package recur

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// Whatever the recurrence: an error, or instants in order, inside window and
// range, no more than asked for, and the same ones as a walk from the start finds.
func FuzzStarts(f *testing.F) {
	f.Add("weekly", 2, byte(0b0010010), 0, 0, "", 1, "numbered", "2026-01-05", "", 20, 570, "Europe/Berlin", int64(1_780_000_000), int64(90*86400), 50)
	f.Add("absoluteMonthly", 1, byte(0), 31, 0, "", 0, "noEnd", "2026-01-31", "", 0, 0, "Africa/Cairo", int64(1_790_000_000), int64(400*86400), 5)
	f.Add("relativeYearly", 3, byte(0b1000001), 0, 2, "last", 0, "endDate", "0001-01-01", "9999-12-31", 0, 1439, "Pacific/Apia", int64(-62_000_000_000), int64(1)<<40, 9)
	f.Add("daily", 1<<62, byte(0), 0, 0, "", 6, "numbered", "9999-12-30", "", 1<<62, 150, "America/New_York", int64(253_402_200_000), int64(1)<<60, 3)
	f.Add("relativeMonthly", 1, byte(0b0111110), 0, 0, "fourth", 0, "noEnd", "0000-01-01", "", 0, 60, "UTC", int64(-1)<<61, int64(1)<<62, -3)
	zones := map[string]*time.Location{}
	for _, name := range []string{"UTC", "Europe/Berlin", "Africa/Cairo", "Pacific/Apia", "America/New_York", "Australia/Lord_Howe"} {
		zones[name] = location(f, name)
	}
	f.Fuzz(func(t *testing.T, kind string, interval int, week byte, dayOfMonth, month int, index string, firstDay int,
		rangeType, start, end string, count, minute int, zone string, fromUnix, length int64, limit int,
	) {
		p := Pattern{Type: kind, Interval: interval, DayOfMonth: dayOfMonth, Month: month, Index: index, FirstDay: time.Weekday(firstDay)}
		for d := range 7 {
			if week&(1<<d) != 0 {
				p.Days = append(p.Days, time.Weekday(d))
			}
		}
		r := Range{Type: rangeType, Start: start, End: end, Count: count}
		loc := zones[zone]
		from := time.Unix(fromUnix, 0)
		to := time.Unix(fromUnix+length, 0)
		limit = min(limit, 200)
		got, err := Starts(p, r, minute/60, minute%60, 0, loc, from, to, limit)
		if err != nil {
			if !errors.Is(err, ErrInvalid) || got != nil {
				t.Fatalf("%v, %v", got, err)
			}
			return
		}
		if len(got) > max(limit, 0) {
			t.Fatalf("%d instants, the limit is %d", len(got), limit)
		}
		for i, at := range got {
			if at.Before(from) || !at.Before(to) {
				t.Errorf("%s is outside of %s to %s", at, from, to)
			}
			if i > 0 && !at.After(got[i-1]) {
				t.Errorf("%s stands after %s", at, got[i-1])
			}
			if day := at.In(loc).Format(time.DateOnly); day < start {
				t.Errorf("%s is before the start", at)
			}
			// A gap may move the last one over midnight.
			if day := at.In(loc).Add(-24 * time.Hour).Format(time.DateOnly); rangeType == "endDate" && day > end {
				t.Errorf("%s is after the end", at)
			}
		}
		if rangeType == "numbered" && len(got) > count {
			t.Errorf("%d instants of %d", len(got), count)
		}
		walk, err := Starts(p, r, minute/60, minute%60, 0, loc, time.Unix(-1<<40, 0), to, 400)
		if err != nil {
			t.Fatal(err)
		}
		if len(walk) == 400 { // it did not get as far
			return
		}
		walk = slices.DeleteFunc(walk, func(at time.Time) bool { return at.Before(from) })
		if walk = walk[:min(len(walk), max(limit, 0))]; !slices.EqualFunc(walk, got, time.Time.Equal) {
			t.Errorf("window: %v\nwalk:   %v", got, walk)
		}
	})
}
