package exchange

import "time"

// Event is an appointment. The data set has none; every mailbox gets the same
// few, private ones, so that a test of path injection has something to leak.
type Event struct {
	ID, Subject string
	Start       time.Time
	Length      time.Duration
}

// Events are the appointments of the days after now.
func (b *Mailbox) Events(now time.Time) []Event {
	day := now.UTC().Truncate(24 * time.Hour)
	var out []Event
	for i, subject := range []string{"Private: medical appointment", "1:1 about the promotion", "Salary review"} {
		out = append(out, Event{
			ID: ID("AAMkAG", b.Person.ID, "event"+subject, 152), Subject: subject,
			Start: day.AddDate(0, 0, i+1).Add(10 * time.Hour), Length: time.Hour,
		})
	}
	return out
}
