package calendars

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// The working day that meetings are proposed in, in the zone of the mailbox.
const (
	workBegins = 9
	workEnds   = 17
	step       = 30 * time.Minute // proposals begin at full and half hours
)

// search is a request for times to meet.
type search struct {
	attendees []attendee
	slots     []slot
	domain    string
	length    time.Duration
	most      int
	optional  bool // the organizer need not come
	reasons   bool
	least     float64 // minimumAttendeePercentage
}

type slot struct{ start, end time.Time }

// candidate is a time to meet, with how everybody is seen in it.
type candidate struct {
	slot

	confidence float64
	organizer  int
	attendees  []int // rank, negative: unknown
}

var duration = regexp.MustCompile(`\AP(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?\z`)

// readDuration reads a duration of ISO 8601, without years and months.
func readDuration(given string) (time.Duration, bool) {
	parts := duration.FindStringSubmatch(given)
	if parts == nil {
		return 0, false
	}
	var total time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		if n, err := strconv.Atoi(parts[i+1]); err == nil && n < 10_000 {
			total += time.Duration(n) * unit
		}
	}
	return total, total > 0 && total <= 24*time.Hour
}

func (c *call) readSearch() (*search, error) {
	o, err := wire.ReadAction(c.Body, "findMeetingTimes", "attendees", "locationConstraint", "timeConstraint", "meetingDuration", "maxCandidates",
		"isOrganizerOptional", "returnSuggestionReasons", "minimumAttendeePercentage")
	if err != nil {
		return nil, err
	}
	s := &search{domain: "work", length: step, most: 20, least: 50}
	for name, into := range map[string]*bool{"isOrganizerOptional": &s.optional, "returnSuggestionReasons": &s.reasons} {
		if err := wire.Read(o, name, into); err != nil {
			return nil, err
		}
	}
	if err := wire.Read(o, "maxCandidates", &s.most); err != nil {
		return nil, err
	}
	if err := wire.Read(o, "minimumAttendeePercentage", &s.least); err != nil {
		return nil, err
	}
	if s.most < 1 || s.least < 0 || s.least > 100 {
		return nil, apierror.BadRequest("ErrorInvalidArgument", "maxCandidates is positive, and minimumAttendeePercentage between 0 and 100.")
	}
	length := "PT30M"
	if err := wire.Read(o, "meetingDuration", &length); err != nil {
		return nil, err
	}
	var ok bool
	if s.length, ok = readDuration(length); !ok {
		return nil, apierror.BadRequest("RequestBodyRead", "Cannot convert the literal '%s' to the expected type 'Edm.Duration': it is written PT1H30M, and at most a day.", length)
	}
	var list []json.RawMessage
	if err := wire.Read(o, "attendees", &list); err != nil {
		return nil, err
	}
	for _, raw := range list {
		a, err := readAttendee(raw, "attendeeBase", "emailAddress", "type")
		if err != nil {
			return nil, err
		}
		s.attendees = append(s.attendees, a)
	}
	if _, _, err := member(o, "locationConstraint", "locationConstraint", "isRequired", "locations", "suggestLocation"); err != nil {
		return nil, err
	}
	return s, c.readConstraint(o, s)
}

// readConstraint reads the times to choose from; without them it is the next week.
func (c *call) readConstraint(o wire.Object, s *search) error {
	in, ok, err := member(o, "timeConstraint", "timeConstraint", "activityDomain", "timeSlots", "timeslots")
	if err != nil {
		return err
	}
	if ok {
		if err := readEnum(in, "activityDomain", &s.domain, []string{"work", "personal", "unrestricted", "unknown"}); err != nil {
			return err
		}
		for _, name := range []string{"timeSlots", "timeslots"} { // the documentation itself writes both
			var list []json.RawMessage
			if err := wire.Read(in, name, &list); err != nil {
				return err
			}
			for _, raw := range list {
				inner, err := wire.ReadObject(raw, "timeSlot", "start", "end")
				if err != nil {
					return err
				}
				from, to, err := readSlot(inner)
				if err != nil {
					return err
				}
				s.slots = append(s.slots, slot{from.Time, to.Time})
			}
		}
	}
	if s.slots == nil {
		s.slots = []slot{{c.Now, c.Now.AddDate(0, 0, 7)}}
	}
	return nil
}

// open reports whether a meeting may lie in a time at all.
func (s *search) open(t slot, loc *time.Location) bool {
	from, to := t.start.In(loc), t.end.In(loc)
	weekend := from.Weekday() == time.Saturday || from.Weekday() == time.Sunday
	switch s.domain {
	case "unrestricted":
		return true
	case "personal":
		return inHours(from, to)
	default:
		return !weekend && inHours(from, to)
	}
}

func inHours(from, to time.Time) bool {
	year, month, day := from.Date()
	begins := time.Date(year, month, day, workBegins, 0, 0, 0, from.Location())
	ends := time.Date(year, month, day, workEnds, 0, 0, 0, from.Location())
	return !from.Before(begins) && !to.After(ends)
}

func (c *call) findMeetingTimes() (*service.Answer, error) {
	s, err := c.readSearch()
	if err != nil {
		return nil, err
	}
	list, reason := c.candidates(s)
	suggestions := make([]any, 0, len(list))
	for i, x := range list {
		suggestions = append(suggestions, c.suggestion(s, x, i+1))
	}
	return c.applied(&service.Answer{Status: http.StatusOK, Value: map[string]any{
		"@odata.context":         c.Context("microsoft.graph.meetingTimeSuggestionsResult"),
		"emptySuggestionsReason": reason, "meetingTimeSuggestions": suggestions,
	}}), nil
}

// candidates are the best times, the likeliest first and then the earliest.
func (c *call) candidates(s *search) (list []candidate, reason string) {
	reason = "Unknown"
	seen := map[time.Time]bool{}
	for _, window := range s.slots {
		own := c.box.busy(window.start, window.end)
		others := make([][]*event, len(s.attendees))
		for i, a := range s.attendees {
			if b := c.person(a.Address.Address); b != nil {
				others[i] = b.busy(window.start, window.end)
			}
		}
		for at := firstStep(window.start, c.Now); !at.Add(s.length).After(window.end); at = at.Add(step) {
			x := candidate{slot: slot{at, at.Add(s.length)}}
			if seen[at] || !s.open(x.slot, c.box.loc) {
				continue
			}
			seen[at] = true
			x.organizer = availability(own, x.start, x.end, c.box.loc)
			c.judge(s, &x, others)
			switch {
			case x.organizer >= rank("busy") && !s.optional:
				if reason == "Unknown" {
					reason = "OrganizerUnavailable"
				}
			case x.confidence < s.least:
				reason = "AttendeesUnavailable"
				if slices.Contains(x.attendees, -1) {
					reason = "AttendeesUnavailableOrUnknown"
				}
			default:
				list = append(list, x)
			}
		}
	}
	if len(list) == 0 {
		return nil, reason
	}
	slices.SortStableFunc(list, func(a, b candidate) int {
		switch {
		case a.confidence > b.confidence:
			return -1
		case a.confidence < b.confidence:
			return 1
		default:
			return a.start.Compare(b.start)
		}
	})
	return list[:min(s.most, len(list))], ""
}

// firstStep is the first full or half hour of a window that is not over.
func firstStep(start, now time.Time) time.Time {
	if start.Before(now) {
		start = now
	}
	if cut := start.Truncate(step); !cut.Equal(start) {
		return cut.Add(step)
	}
	return start
}

// judge finds out how likely the attendees are to come: who is free surely,
// who is away not, and of somebody outside nothing is known.
func (c *call) judge(s *search, x *candidate, others [][]*event) {
	total := 0.0
	for i, a := range s.attendees {
		b := c.person(a.Address.Address)
		if b == nil {
			x.attendees = append(x.attendees, -1)
			total += 49
			continue
		}
		seen := availability(others[i], x.start, x.end, b.loc)
		x.attendees = append(x.attendees, seen)
		switch weight[seen].showAs {
		case "free", "workingElsewhere":
			total += 100
		case "tentative":
			total += 49
		}
	}
	x.confidence = 100
	if len(s.attendees) > 0 {
		x.confidence = total / float64(len(s.attendees))
	}
}

func (c *call) suggestion(s *search, x candidate, order int) map[string]any {
	people := []any{}
	for i, a := range s.attendees {
		seen := "unknown"
		if x.attendees[i] >= 0 {
			seen = weight[x.attendees[i]].showAs
		}
		people = append(people, map[string]any{"availability": seen, "attendee": map[string]any{
			"type": a.kind, "emailAddress": map[string]any{"address": a.Address.Address, "name": c.nameOf(a.Address)},
		}})
	}
	out := map[string]any{
		"confidence": x.confidence, "order": order, "organizerAvailability": weight[x.organizer].showAs, "attendeeAvailability": people, "locations": []any{},
		"meetingTimeSlot": map[string]any{"start": c.at(x.start), "end": c.at(x.end)},
	}
	if s.reasons {
		out["suggestionReason"] = "Suggested because it is one of the nearest times when all attendees are available."
		if x.confidence < 100 {
			out["suggestionReason"] = "Suggested because most attendees are available."
		}
	}
	return out
}

func (c *call) nameOf(a dataset.Address) string {
	if b := c.person(a.Address); b != nil {
		return b.person.DisplayName
	}
	return strings.TrimSpace(a.Name)
}
