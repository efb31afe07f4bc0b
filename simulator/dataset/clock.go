package dataset

import (
	"fmt"
	"time"
)

// clock places things around the moment at which the tenant is loaded. Days
// are working days, so that a story keeps its order whatever the weekday of now.
type clock struct{ now time.Time }

// workday is midnight (UTC) of the n-th working day after today, before it where n < 0.
func (c clock) workday(n int) time.Time {
	step := 1
	if n < 0 {
		step, n = -1, -n
	}
	day := c.now.UTC().Truncate(24 * time.Hour)
	for n > 0 {
		day = day.AddDate(0, 0, step)
		if w := day.Weekday(); w != time.Saturday && w != time.Sunday {
			n--
		}
	}
	return day
}

// at reads a point in the past: "12d 09:14" (UTC, on the 12th working day
// before today), or a Go duration such as "35m" (that long ago).
func (c clock) at(spec string) (time.Time, error) {
	if ago, err := time.ParseDuration(spec); err == nil {
		return c.now.UTC().Add(-ago).Truncate(time.Second), nil
	}
	var days, hour, minute int
	if _, err := fmt.Sscanf(spec, "%dd %d:%d", &days, &hour, &minute); err != nil || days < 1 {
		return time.Time{}, fmt.Errorf("at %q: want \"12d 09:14\" or \"35m\"", spec)
	}
	// The seconds only keep the times from looking typed in.
	second := draw(60, "second", spec)
	return c.workday(-days).Add(time.Duration(hour)*time.Hour +
		time.Duration(minute)*time.Minute + time.Duration(second)*time.Second), nil
}
