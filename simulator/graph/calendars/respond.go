package calendars

import (
	"net/http"
	"strings"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// verdict is one of the answers to an invitation.
type verdict struct{ response, showAs, prefix string }

var (
	accepted  = verdict{"accepted", "busy", "Accepted: "}
	tentative = verdict{"tentativelyAccepted", "tentative", "Tentative: "}
	declined  = verdict{"declined", "free", "Declined: "}
)

func (c *call) accept() (*service.Answer, error) {
	return c.respond(accepted, "sendResponse", "comment")
}

func (c *call) tentativelyAccept() (*service.Answer, error) {
	return c.respond(tentative, "sendResponse", "comment", "proposedNewTime")
}

func (c *call) decline() (*service.Answer, error) {
	return c.respond(declined, "sendResponse", "comment", "proposedNewTime")
}

func impossible(why string) error {
	return apierror.BadRequest("ErrorInvalidRequest", "Your request can't be completed. %s", why)
}

// respond answers an invitation: in the attendee's calendar, and to the
// organizer if that is wanted.
func (c *call) respond(v verdict, params ...string) (*service.Answer, error) {
	o, err := wire.ReadAction(c.Body, v.response, params...)
	if err != nil {
		return nil, err
	}
	send, comment := true, ""
	if err := wire.Read(o, "sendResponse", &send); err != nil {
		return nil, err
	}
	if err := wire.Read(o, "comment", &comment); err != nil {
		return nil, err
	}
	e := c.event
	switch {
	case e.mine:
		return nil, impossible("You can't respond to this meeting because you're the meeting organizer.")
	case e.cancelled:
		return nil, impossible("The meeting has been cancelled by its organizer.")
	case send && e.unanswered:
		return nil, impossible("The meeting organizer hasn't requested a response.")
	}
	proposed, err := c.proposal(o, send)
	if err != nil {
		return nil, err
	}
	if proposed != nil && e.noProposals {
		return nil, impossible("The meeting organizer doesn't allow new time proposals.")
	}
	if send {
		c.notify(e, v, comment, proposed)
	}
	if v == declined {
		c.remove(e, c.Now)
		return &service.Answer{Status: http.StatusAccepted}, nil
	}
	e.response, e.answered, e.showAs = v.response, c.Now, v.showAs
	c.touch(e, c.Now)
	if e.master == nil {
		for _, x := range e.exceptions {
			x.response, x.answered, x.showAs = v.response, c.Now, v.showAs
		}
	}
	return &service.Answer{Status: http.StatusAccepted}, nil
}

// proposal reads proposedNewTime: a time slot that goes with an answer.
func (c *call) proposal(o wire.Object, send bool) (*proposal, error) {
	given, ok, err := member(o, "proposedNewTime", "timeSlot", "start", "end")
	if !ok {
		return nil, err
	}
	start, end, err := readSlot(given)
	if err != nil {
		return nil, err
	}
	if !send {
		return nil, impossible("A new time can only be proposed with a response that is sent.")
	}
	return &proposal{start, end}, nil
}

// readSlot reads a timeSlot.
func readSlot(slot wire.Object) (start, end moment, err error) {
	for name, into := range map[string]*moment{"start": &start, "end": &end} {
		o, ok, err := member(slot, name, "dateTimeTimeZone", "dateTime", "timeZone")
		if err != nil {
			return start, end, err
		}
		if !ok {
			return start, end, failed("A time slot needs a start and an end.")
		}
		if *into, err = readMoment(o); err != nil {
			return start, end, err
		}
	}
	if !end.After(start.Time) {
		return start, end, failed("A time slot ends after its start.")
	}
	return start, end, nil
}

// notify brings an answer to the organizer, and into the organizer's copy.
func (c *call) notify(e *event, v verdict, comment string, proposed *proposal) {
	c.send("answer", e.owner, []dataset.Address{e.organizer}, notice(e, v.prefix, comment), c.Now)
	b := c.person(e.organizer.Address)
	if b == nil {
		return
	}
	original := b.byUID(e.uid)
	if original == nil {
		return
	}
	if e.master == nil {
		for _, x := range original.exceptions {
			x.note(e.owner, v.response, proposed, c)
		}
	} else if original = original.on(e.date); original == nil {
		return
	}
	original.note(e.owner, v.response, proposed, c)
	c.touch(original, c.Now)
}

// note keeps the answer of an attendee.
func (e *event) note(who *dataset.Person, response string, proposed *proposal, c *call) {
	for i, a := range e.attendees {
		if who.Named(a.Address.Address) || strings.EqualFold(a.Address.Address, who.Mail) {
			e.attendees[i].response, e.attendees[i].at, e.attendees[i].proposed = response, c.Now, proposed
		}
	}
}

func (c *call) cancel() (*service.Answer, error) {
	o, err := wire.ReadAction(c.Body, "cancel", "comment")
	if err != nil {
		return nil, err
	}
	comment := ""
	if err := wire.Read(o, "comment", &comment); err != nil {
		return nil, err
	}
	if !c.event.mine {
		return nil, impossible("You need to be an organizer to cancel a meeting.")
	}
	if len(c.event.invited()) == 0 {
		return nil, impossible("An appointment without attendees is deleted, not cancelled.")
	}
	c.callOff(c.event, comment, c.Now)
	c.remove(c.event, c.Now)
	return &service.Answer{Status: http.StatusAccepted}, nil
}
