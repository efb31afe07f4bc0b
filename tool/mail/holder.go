package mail

import (
	"context"
	"slices"

	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/tool"
)

// holder is what attachments hang on: a mail, or an event of the calendar, whose
// attachments are read in the same way.
type holder struct {
	box   graph.Mailbox
	event bool
	id    string
}

// Scopes of events; only an eventId needs them.
const (
	eventScope       = "Calendars.Read"
	eventSharedScope = "Calendars.Read.Shared"
)

// findHolder reads the arguments that name a holder.
func findHolder(ctx context.Context, c tool.Call, mailbox, emailID, eventID string) (holder, error) {
	b, err := box(c, mailbox)
	if err != nil {
		return holder{}, err
	}
	h, field, kind, given := holder{box: b}, "emailId", handle.KindMail, emailID
	switch {
	case emailID != "" && eventID != "":
		return holder{}, tool.Invalid("eventId", "stands beside emailId; give one of them")
	case eventID != "" && !reachable(c, eventTool):
		return holder{}, tool.Invalid("eventId", "is of the calendar, whose tools this server does not offer; only attachments of mails are read")
	case eventID != "":
		h.event, field, kind, given = true, "eventId", handle.KindEvent, eventID
	case emailID == "":
		return holder{}, tool.Invalid("emailId", "is missing, and eventId too; give one of them")
	}
	h.id, err = c.Resolve(ctx, field, kind, given)
	return h, err
}

// eventTool shows events: where an administrator has taken it away, their
// attachments are away too.
const eventTool = "getCalendarEvent"

func reachable(c tool.Call, name string) bool {
	return slices.ContainsFunc(c.Tools(), func(t *tool.Tool) bool { return t.Name == name })
}

// plan is that of a read below the holder.
func (h holder) plan(suffix string) tool.Plan {
	p := tool.Plan{Target: target(h.box, h.template(suffix))}
	if !h.event {
		return shared(p, h.box, readSharedScope)
	}
	p.Scopes = []string{eventScope}
	return shared(p, h.box, eventSharedScope)
}

func (h holder) template(suffix string) string {
	if h.event {
		return "/events/{event}/attachments" + suffix
	}
	return attachmentsPath + suffix
}

// to is the path of the holder's attachments, or with a suffix of one of them.
func (h holder) to(suffix string, values ...string) (graph.Path, error) {
	path, err := h.box.To(h.template(suffix), append([]string{h.id}, values...)...)
	if err != nil {
		return graph.Path{}, tool.Invalid("attachmentId", "or the id of its mail or event is no id; take both from getEmail or getCalendarEvent")
	}
	return path, nil
}

// What stands below a holder's attachments.
const (
	oneSuffix     = "/{attachment}"
	contentSuffix = "/{attachment}/$value"
)
