package calendar

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/timezone"
	"m365mcp/tool"
)

type cancelArgs struct {
	ID      string `json:"id"`
	Comment string `json:"comment"`
	Series  bool   `json:"series"`
	Mailbox string `json:"mailbox"`
}

type cancelOut struct {
	Cancelled bool     `json:"cancelled"`
	Told      []string `json:"told,omitempty"`
}

const maxComment = 4000

func cancelCalendarEvent() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "cancelCalendarEvent", Title: "Cancel or delete an event", Family: family,
		Description: "Cancels a meeting this person organizes and tells the attendees, or deletes an appointment without attendees.",
		Keywords:    "call off remove meeting",
		Input: []tool.Field{
			idField,
			{Name: "comment", Type: tool.String, MaxLength: maxComment, Description: "For the attendees."},
			seriesField, mailboxField,
		},
		Output:      []tool.Field{{Name: "cancelled", Type: tool.Boolean}, {Name: "told", Type: tool.StringList}},
		Destructive: true, OpenWorld: true, Untrusted: true,
		Scopes: []string{writeScope}, SharedScopes: []string{writeSharedScope},
	}, planCancel, doCancel)
}

func planCancel(ctx context.Context, c tool.Call, a cancelArgs) (tool.Plan, error) {
	if a.Mailbox != "" && !c.Has(writeSharedScope) { // before anything is read there
		return shared(tool.Plan{Target: "/users/{mailbox}/events/{event}"}, a.Mailbox, writeSharedScope), nil
	}
	e, path, err := target(ctx, c, a.Mailbox, a.ID, a.Series, timezone.UTC)
	if err != nil {
		return tool.Plan{}, err
	}
	plan := tool.Plan{Target: path.Template(), Guards: []tool.Guard{guard(path, e)}}
	switch {
	case len(e.Attendees) == 0:
		plan.Writes = []graph.Request{{Method: graph.Delete, Path: path}}
	case !e.IsOrganizer:
		return tool.Plan{}, tool.Invalid("id", "is a meeting of somebody else; respondToEvent declines it")
	default:
		request, err := action(a.Mailbox, e.ID, "cancel", map[string]any{"comment": a.Comment})
		if err != nil {
			return tool.Plan{}, err
		}
		plan.Target, plan.Recipients, plan.Content = request.Path.Template(), e.addresses(), []string{a.Comment}
		plan.Writes = []graph.Request{request}
	}
	return shared(plan, a.Mailbox, writeSharedScope), nil
}

// guard holds a decision to the event as it was read.
func guard(path graph.Path, e graphEvent) tool.Guard {
	return tool.Guard{Read: graph.Request{Method: graph.Get, Path: path, Query: graph.Query{}.Select("id"), Prefer: []string{graph.ImmutableIDs}}, ETag: e.ETag}
}

// action is a POST to one of an event's actions.
func action(mailbox, id, name string, body any) (graph.Request, error) {
	templates := map[string]string{
		"cancel": "/events/{event}/cancel", "accept": "/events/{event}/accept",
		"tentative": "/events/{event}/tentativelyAccept", "decline": "/events/{event}/decline", forward: "/events/{event}/forward",
	}
	path, err := pathOf(mailbox, templates[name], id)
	if err != nil {
		return graph.Request{}, err
	}
	request, err := graph.PostJSON(path, body)
	request.Prefer = []string{graph.ImmutableIDs}
	return request, err
}

func doCancel(ctx context.Context, c tool.Call, _ cancelArgs) (tool.Result, error) {
	if _, err := c.Graph.Do(ctx, c.Plan.Writes[0]); err != nil {
		return tool.Result{}, err
	}
	out := cancelOut{Cancelled: true, Told: c.Plan.Recipients}
	text := "Cancelled."
	if len(out.Told) > 0 {
		text += " Told: " + strings.Join(out.Told, ", ") + "."
	}
	return tool.Result{Structured: out, Text: text, Items: 1}, nil
}

type respondArgs struct {
	ID       string   `json:"id"`
	Response string   `json:"response"`
	To       []string `json:"to"`
	Comment  string   `json:"comment"`
	Send     bool     `json:"sendResponse"`
	NewStart string   `json:"newStart"`
	NewEnd   string   `json:"newEnd"`
	Series   bool     `json:"series"`
	TimeZone string   `json:"timeZone"`
}

type respondOut struct {
	Response    string   `json:"response"`
	Told        string   `json:"told,omitempty"`
	Proposed    string   `json:"proposed,omitempty"`
	ForwardedTo []string `json:"forwardedTo,omitempty"`
}

// forward is the response that is none: it hands the invitation on.
const forward = "forward"

func respondToEvent() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "respondToEvent", Title: "Answer or forward an invitation", Family: family,
		Description: "Accepts, tentatively accepts or declines a meeting invitation and tells the organizer, proposes another time, or forwards the invitation to others.",
		Keywords:    "rsvp accept decline maybe invitation pass on propose new time",
		Input: []tool.Field{
			idField,
			{Name: "response", Type: tool.String, Required: true, Enum: []string{"accept", "tentative", "decline", forward}},
			{Name: "to", Type: tool.StringOrList, MaxItems: maxAttendees, Description: "Whom to forward it to."},
			{Name: "comment", Type: tool.String, MaxLength: maxComment},
			{Name: "sendResponse", Type: tool.Boolean, Default: true, Description: "Tell the organizer."},
			{Name: "newStart", Type: tool.String, Description: "Proposes this time, with tentative or decline."},
			{Name: "newEnd", Type: tool.String, Description: "Left out, the length stays."},
			seriesField, timeZoneField,
		},
		Output: []tool.Field{
			{Name: "response", Type: tool.String},
			{Name: "told", Type: tool.String},
			{Name: "proposed", Type: tool.String},
			{Name: "forwardedTo", Type: tool.StringList},
		},
		OpenWorld: true, Untrusted: true,
		Scopes: []string{writeScope}, OptionalScopes: []string{zoneScope},
	}, planRespond, doRespond)
}

func planRespond(ctx context.Context, c tool.Call, a respondArgs) (tool.Plan, error) {
	if err := a.check(); err != nil {
		return tool.Plan{}, err
	}
	e, path, err := target(ctx, c, "", a.ID, a.Series, timezone.UTC)
	if err != nil {
		return tool.Plan{}, err
	}
	if a.Response == forward {
		return planForward(ctx, c, a, path, e)
	}
	if e.IsOrganizer {
		return tool.Plan{}, tool.Invalid("id", "is this person's own meeting; cancelCalendarEvent calls it off")
	}
	body := map[string]any{"sendResponse": a.Send}
	if a.Comment != "" {
		body["comment"] = a.Comment
	}
	if a.NewStart != "" {
		if body["proposedNewTime"], err = a.proposal(ctx, c, e); err != nil {
			return tool.Plan{}, err
		}
	}
	request, err := action("", e.ID, a.Response, body)
	if err != nil {
		return tool.Plan{}, err
	}
	plan := tool.Plan{Target: request.Path.Template(), Content: []string{a.Comment}, Writes: []graph.Request{request}, Guards: []tool.Guard{guard(path, e)}}
	if a.Send && e.Organizer != nil {
		plan.Recipients = []string{e.Organizer.EmailAddress.Address}
	}
	return plan, nil
}

func (a respondArgs) check() error {
	switch {
	case a.Response == forward && len(a.To) == 0:
		return tool.Invalid("to", "is missing; name whom to forward it to")
	case a.Response != forward && len(a.To) > 0:
		return tool.Invalid("to", "is of forward alone")
	case a.Response != forward && a.Comment != "" && !a.Send:
		return tool.Invalid("comment", "reaches nobody with sendResponse false")
	case a.NewStart == "" && a.NewEnd != "":
		return tool.Invalid("newStart", "is missing; newEnd alone proposes no time")
	case a.NewStart == "":
		return nil
	case a.Response != "tentative" && a.Response != "decline":
		return tool.Invalid("newStart", "goes with the responses tentative and decline")
	case !a.Send:
		return tool.Invalid("newStart", "reaches nobody with sendResponse false")
	case a.Series:
		return tool.Invalid("newStart", "is for one occurrence, not for a series")
	}
	return nil
}

// proposal is Graph's timeSlot, which only some answers may carry
// (https://learn.microsoft.com/graph/api/event-decline).
func (a respondArgs) proposal(ctx context.Context, c tool.Call, e graphEvent) (*timeSlot, error) {
	zone, err := c.Zone(ctx, a.TimeZone)
	if err != nil {
		return nil, err
	}
	start, _, err := parse(zone, "newStart", a.NewStart)
	if err != nil {
		return nil, err
	}
	end := start.Add(e.End.time().Sub(e.Start.time()))
	if a.NewEnd != "" {
		if end, _, err = parse(zone, "newEnd", a.NewEnd); err != nil {
			return nil, err
		}
	}
	if !end.After(start) {
		return nil, tool.Invalid("newEnd", "is not after newStart")
	}
	return &timeSlot{at(start, zone), at(end, zone)}, nil
}

// planForward is for organizers and attendees alike. All of the invitation leaves.
func planForward(ctx context.Context, c tool.Call, a respondArgs, path graph.Path, e graphEvent) (tool.Plan, error) {
	if err := tool.CheckAddresses("to", a.To...); err != nil {
		return tool.Plan{}, err
	}
	request, err := action("", e.ID, forward, map[string]any{"toRecipients": graph.Recipients(a.To), "comment": a.Comment})
	if err != nil {
		return tool.Plan{}, err
	}
	texts, files, err := invitation(ctx, c, "", e)
	return tool.Plan{
		Target: request.Path.Template(), Recipients: a.To, Content: append(texts, a.Comment), Files: files,
		Writes: []graph.Request{request}, Guards: []tool.Guard{guard(path, e)},
	}, err
}

func doRespond(ctx context.Context, c tool.Call, a respondArgs) (tool.Result, error) {
	if _, err := c.Graph.Do(ctx, c.Plan.Writes[0]); err != nil {
		return tool.Result{}, err
	}
	out := respondOut{Response: a.Response}
	if a.Response == forward {
		out.ForwardedTo = a.To
		return tool.Result{Structured: out, Text: "Forwarded to " + strings.Join(a.To, ", ") + "; the organizer is told.", Items: 1}, nil
	}
	text := fmt.Sprintf("Answered: %s.", a.Response)
	if len(c.Plan.Recipients) > 0 {
		out.Told = content.Line(c.Plan.Recipients[0], 320)
		text += " Told: " + out.Told + "."
	}
	var sent struct {
		Proposed *timeSlot `json:"proposedNewTime"`
	}
	if err := json.Unmarshal(c.Plan.Writes[0].Body, &sent); err != nil {
		return tool.Result{}, err
	}
	if sent.Proposed != nil {
		zone, err := timezone.Find(sent.Proposed.Start.TimeZone)
		if err != nil {
			return tool.Result{}, fmt.Errorf("proposed time: %w", err)
		}
		out.Proposed = span(event{Start: sent.Proposed.Start.DateTime, End: sent.Proposed.End.DateTime}) + " (" + zone.Label() + ")"
		text += " Proposed: " + out.Proposed + "."
	}
	return tool.Result{Structured: out, Text: text, Items: 1}, nil
}
