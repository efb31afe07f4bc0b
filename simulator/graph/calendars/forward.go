package calendars

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// forward sends a meeting to others on behalf of the organizer or of an attendee.
// The organizer hears of an attendee's, and gets the others into their own copy.
func (c *call) forward() (*service.Answer, error) {
	o, err := wire.ReadAction(c.Body, "forward", "toRecipients", "comment")
	if err != nil {
		return nil, err
	}
	var to []dataset.Address
	comment := ""
	if err := wire.ReadRecipients(o, "toRecipients", &to); err != nil {
		return nil, err
	}
	if err := wire.Read(o, "comment", &comment); err != nil {
		return nil, err
	}
	e := c.event
	switch {
	case len(to) == 0 || slices.ContainsFunc(to, func(a dataset.Address) bool { return !strings.Contains(a.Address, "@") }):
		return nil, apierror.BadRequest("ErrorInvalidRecipients", "At least one recipient isn't valid.")
	case c.guarded(e):
		return nil, apierror.AccessDenied()
	case e.cancelled:
		return nil, impossible("The meeting has been cancelled by its organizer.")
	}
	c.send("forward", e.owner, to, notice(e, "FW: ", comment), c.Now)
	original := e
	if !e.mine {
		original = nil
		if b := c.person(e.organizer.Address); b != nil {
			original = b.byUID(e.uid)
		}
		if original != nil && e.master != nil {
			original = original.on(e.date)
		}
		c.send("forward notice", e.owner, []dataset.Address{e.organizer}, notice(e, "Meeting Forward Notification: ", ""), c.Now)
	}
	for _, a := range to {
		c.join(cmp.Or(original, e), a)
	}
	return &service.Answer{Status: http.StatusAccepted}, nil
}

// join makes somebody an attendee in the given copy of a meeting, and gives them one.
func (c *call) join(e *event, who dataset.Address) {
	known := slices.ContainsFunc(e.attendees, func(a attendee) bool { return strings.EqualFold(a.Address.Address, who.Address) })
	if e.mine && !known {
		e.attendees = append(e.attendees, attendee{Address: who, kind: "required", response: "none"})
		c.touch(e, c.Now)
	}
	if b := c.person(who.Address); b != nil {
		c.copyTo(b, e, false)
	}
}
