package calendars

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/zone"
)

// box is the calendars of one mailbox, the default one first.
type box struct {
	person    *dataset.Person
	loc       *time.Location
	room      bool // answers invitations by itself
	calendars []*calendar
	gone      []removal
}

// removal is an event as it was before it went or moved, for deltas.
type removal struct {
	change int
	event  *event
}

type calendar struct {
	id, name, color string
	version         int
	events          []*event
}

// event is an appointment in one calendar: a single one, a series, or an
// occurrence of one.
type event struct {
	details

	id, key   string // key is what the immutable id is derived from
	uid       string
	owner     *dataset.Person // of the mailbox
	organizer dataset.Address
	mine      bool // the owner is the organizer
	response  string
	answered  time.Time
	created   time.Time
	modified  time.Time
	version   int
	change    int
	serial    string // transactionId

	// Of a series, by the date of the occurrence.
	exceptions map[string]*event
	gaps       map[string]bool

	// Of an occurrence.
	master   *event
	date     string    // by which the series knows it
	original time.Time // when it would begin
	differs  bool      // an exception
}

// details are what organizer and attendees share.
type details struct {
	subject, body   string
	html            bool
	start, end      moment
	allDay          bool
	location        string
	attendees       []attendee
	recurrence      *recurrence
	showAs          string
	sensitivity     string
	importance      string
	categories      []string
	silent          bool // no reminder
	reminderMinutes int
	unanswered      bool // no response is requested
	noProposals     bool
	hidden          bool // the attendees do not see each other
	cancelled       bool
	joinURL         string // of the online meeting; empty: there is none
	files           []dataset.Attachment
}

type attendee struct {
	dataset.Address

	kind     string // required, optional, resource
	response string
	at       time.Time
	proposed *proposal // with the answer
}

// proposal is the timeSlot that an attendee would rather have.
type proposal struct{ start, end moment }

// moment is a point in time with the name of the zone that it was given in.
type moment struct {
	time.Time

	zone string
}

// in is the moment in another zone: a day begins at midnight wherever one is.
func (m moment) in(loc *time.Location, allDay bool) time.Time {
	if allDay {
		year, month, day := m.Date()
		return time.Date(year, month, day, 0, 0, 0, 0, loc)
	}
	return m.In(loc)
}

func (e *event) span(loc *time.Location) (start, end time.Time) {
	return e.start.in(loc, e.allDay), e.end.in(loc, e.allDay)
}

// overlaps reports whether the event lies in a window, also by its end alone.
func (e *event) overlaps(from, to time.Time, loc *time.Location) bool {
	start, end := e.span(loc)
	return start.Before(to) && (end.After(from) || start.Equal(end) && !start.Before(from))
}

func (e *event) kind() string {
	switch {
	case e.master != nil && e.differs:
		return "exception"
	case e.master != nil:
		return "occurrence"
	case e.recurrence != nil:
		return "seriesMaster"
	default:
		return "singleInstance"
	}
}

func (d details) private() bool { return d.sensitivity == "private" || d.sensitivity == "confidential" }

// root is the series of an occurrence, or the event itself.
func (e *event) root() *event {
	if e.master != nil {
		return e.master
	}
	return e
}

func (e *event) changeKey() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", e.id, e.version))
	return "DwAAABYAAAD" + base64.StdEncoding.EncodeToString(sum[:21])
}

func (e *event) etag() string { return `W/"` + e.changeKey() + `"` }

const immutablePrefix = "AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A"

// shownID is the form of the id that was asked for. That of an occurrence is
// its series' with its date.
func (e *event) shownID(immutable bool) string {
	root := e.root()
	id := root.id
	if immutable {
		sum := sha256.Sum256([]byte(root.owner.ID + "\x00" + root.key))
		id = immutablePrefix + base64.RawURLEncoding.EncodeToString(sum[:]) + "AAA="
	}
	if e.master == nil {
		return id
	}
	return strings.TrimSuffix(id, "=") + "FRAAgI" + strings.ReplaceAll(e.date, "-", "") + "EAAA="
}

var (
	occurrenceID = regexp.MustCompile(`\A(.+)FRAAgI(\d{4})(\d\d)(\d\d)EAAA=\z`)
	idForm       = regexp.MustCompile(`\A[A-Za-z0-9_\-+/=]{40,}\z`)
)

// missing tells a well-formed id of nothing from what is no id at all.
func missing(id string) error {
	if idForm.MatchString(id) {
		return apierror.ItemNotFound()
	}
	return apierror.MalformedID()
}

// find finds an event or an occurrence by either form of its id.
func find(calendars []*calendar, id string) (*event, error) {
	var date string
	wanted := id
	if m := occurrenceID.FindStringSubmatch(id); m != nil {
		wanted, date = m[1]+"=", m[2]+"-"+m[3]+"-"+m[4]
	}
	for _, c := range calendars {
		for _, e := range c.events {
			if e.id != wanted && e.shownID(true) != wanted {
				continue
			}
			if date == "" {
				return e, nil
			}
			if o := e.on(date); o != nil {
				return o, nil
			}
			return nil, apierror.ItemNotFound()
		}
	}
	return nil, missing(id)
}

// open makes the calendar of a mailbox.
func (w *Workload) open(person *dataset.Person) {
	if w.tenant.Mailbox[person.ID] != nil {
		w.openBox(person)
	}
}

func (w *Workload) openBox(person *dataset.Person) *box {
	loc, err := zone.Find(person.TimeZone)
	if err != nil {
		loc = time.UTC
	}
	b := &box{person: person, loc: loc}
	b.calendars = []*calendar{{id: w.newID(person, "calendar", 120), name: "Calendar", color: "auto"}}
	w.boxes[person.ID] = b
	return b
}

func (w *Workload) newID(person *dataset.Person, kind string, size int) string {
	w.made++
	return exchange.ID("AAMkAG", person.ID, fmt.Sprint(kind, w.made), size)
}

func (w *Workload) next() int {
	w.changes++
	return w.changes
}

// newUID is an iCalUId.
func (w *Workload) newUID(owner string) string {
	w.made++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", owner, w.made))
	return "040000008200E00074C5B7101A82E008" + strings.ToUpper(hex.EncodeToString(sum[:]))[:48]
}

// add puts an event into a calendar of its owner.
func (w *Workload) add(c *calendar, e *event) {
	if e.id == "" {
		e.id = w.newID(e.owner, "event", 152)
	}
	e.key, e.change = e.id, w.next()
	for i := range e.files {
		e.files[i].ID = exchange.ID("AAMkAG", e.owner.ID, fmt.Sprint(e.id, i), 192)
	}
	c.events = append(c.events, e)
}

// remove takes an event out, or an occurrence out of its series.
func (w *Workload) remove(e *event, now time.Time) {
	b := w.boxes[e.owner.ID]
	b.gone = append(b.gone, removal{w.next(), e.snapshot()})
	if e.master != nil {
		delete(e.master.exceptions, e.date)
		if e.master.gaps == nil {
			e.master.gaps = map[string]bool{}
		}
		e.master.gaps[e.date] = true
		w.touch(e.master, now)
		return
	}
	for _, c := range b.calendars {
		c.events = slices.DeleteFunc(c.events, func(other *event) bool { return other == e })
	}
}

// touch notes a change. That of an occurrence makes it an exception.
func (w *Workload) touch(e *event, now time.Time) {
	e.version, e.modified, e.change = e.version+1, now.UTC().Truncate(time.Second), w.next()
	if e.master == nil {
		return
	}
	e.differs = true
	if e.master.exceptions == nil {
		e.master.exceptions = map[string]*event{}
	}
	e.master.exceptions[e.date] = e
	e.master.version, e.master.change = e.master.version+1, e.change
}

// byUID finds somebody's copy of a meeting.
func (b *box) byUID(uid string) *event {
	for _, c := range b.calendars {
		for _, e := range c.events {
			if e.uid == uid {
				return e
			}
		}
	}
	return nil
}

func (b *box) calendar(id string) (*calendar, error) {
	for _, c := range b.calendars {
		if c.id == id {
			return c, nil
		}
	}
	return nil, missing(id)
}

// person finds a member or a shared mailbox of the tenant by address.
func (w *Workload) person(address string) *box {
	for _, b := range w.boxes {
		if b.person.Named(address) {
			return b
		}
	}
	return nil
}
