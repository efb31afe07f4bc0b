package dataset

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// when reads the times of an event.
func (p *calendarParser) when(a *Appointment, b block) error {
	words := strings.Fields(b.get("When"))
	if repeat := b.get("Repeat"); repeat != "" {
		return p.repeated(a, b, words, repeat)
	}
	if len(words) < 2 {
		return fmt.Errorf("when %q", words)
	}
	n, err := strconv.Atoi(words[0])
	if err != nil {
		return fmt.Errorf("when: %w", err)
	}
	a.Start = p.clock.workday(n)
	if days, ok := strings.CutSuffix(words[1], "d"); ok {
		length, err := strconv.Atoi(days)
		if err != nil {
			return fmt.Errorf("when: %w", err)
		}
		a.AllDay, a.End = true, a.Start.AddDate(0, 0, length)
		return nil
	}
	return span(a, words[1:])
}

// span puts a time of day and a length on the day that the event starts.
func span(a *Appointment, words []string) error {
	if len(words) != 2 {
		return fmt.Errorf("want a time and a length, not %q", words)
	}
	clock, err := timeOfDay(words[0])
	if err != nil {
		return err
	}
	length, err := time.ParseDuration(words[1])
	if err != nil {
		return fmt.Errorf("length: %w", err)
	}
	a.Start = a.Start.Add(clock)
	a.End = a.Start.Add(length)
	return nil
}

func timeOfDay(text string) (time.Duration, error) {
	t, err := time.Parse("15:04", text)
	if err != nil {
		return 0, fmt.Errorf("time: %w", err)
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, nil
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (p *calendarParser) repeated(a *Appointment, b block, when []string, repeat string) error {
	weeks, err := strconv.Atoi(b.get("Since"))
	if err != nil {
		return fmt.Errorf("since: %w", err)
	}
	today := p.clock.workday(0)
	a.Start = today.AddDate(0, 0, -7*weeks-(int(today.Weekday())+6)%7) // a Monday
	if err := span(a, when); err != nil {
		return err
	}
	words := strings.Fields(repeat)
	if len(words) < 2 {
		return fmt.Errorf("repeat %q", repeat)
	}
	a.Repeat = &Repeat{Type: words[0], Moved: map[time.Time]time.Time{}}
	if a.Repeat.Interval, err = strconv.Atoi(words[1]); err != nil {
		return fmt.Errorf("repeat: %w", err)
	}
	for _, word := range words[2:] {
		if i := slices.Index(weekdays, word); i >= 0 {
			a.Repeat.Days = append(a.Repeat.Days, time.Weekday(i))
		} else if n, err := strconv.Atoi(word); err == nil {
			a.Repeat.Day = n
		} else {
			a.Repeat.Index = word
		}
	}
	return p.exceptions(a, b)
}

// exceptions are occurrences that were cancelled or moved.
func (p *calendarParser) exceptions(a *Appointment, b block) error {
	for text := range strings.FieldsSeq(b.get("Dropped")) {
		day, err := p.occurrence(a.Repeat, text)
		if err != nil {
			return err
		}
		a.Repeat.Dropped = append(a.Repeat.Dropped, day)
	}
	moved := strings.Fields(b.get("Moved"))
	if len(moved) != 2 {
		return nil
	}
	day, err := p.occurrence(a.Repeat, moved[0])
	if err != nil {
		return err
	}
	clock, err := timeOfDay(moved[1])
	if err != nil {
		return err
	}
	a.Repeat.Moved[day] = day.Add(clock)
	return nil
}

// occurrence is the n-th date after today of a weekly recurrence.
func (p *calendarParser) occurrence(r *Repeat, text string) (time.Time, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || r.Type != "weekly" || r.Interval != 1 || len(r.Days) == 0 {
		return time.Time{}, errors.Join(err, fmt.Errorf("occurrence %q: only those of a weekly event are counted", text))
	}
	for day := p.clock.workday(0).AddDate(0, 0, 1); ; day = day.AddDate(0, 0, 1) {
		if slices.Contains(r.Days, day.Weekday()) {
			if n--; n == 0 {
				return day, nil
			}
		}
	}
}
