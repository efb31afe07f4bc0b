package teams

import (
	"context"
	"fmt"
	"slices"
	"time"

	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/tool"
)

type onlineMeeting struct {
	ID      string `json:"id"`
	Subject string `json:"subject"`
}

// findMeeting looks up the online meeting behind what the caller has of it.
func findMeeting(ctx context.Context, c tool.Call, a transcriptArgs) (onlineMeeting, error) {
	joinURL, field := a.JoinURL, "joinUrl"
	if a.EventID != "" {
		field = "eventId"
		var err error
		if joinURL, err = eventLink(ctx, c, a.EventID); err != nil {
			return onlineMeeting{}, err
		}
	}
	key, ok := readLink(joinURL)
	if ok && key.chatID != "" {
		var err error
		if joinURL, err = chatMeetingLink(ctx, c, key.chatID); err != nil {
			return onlineMeeting{}, err
		}
		key, ok = readLink(joinURL)
	}
	if !ok {
		return onlineMeeting{}, tool.Invalid(field, "is of no Teams meeting")
	}
	page, err := read[graph.Page[onlineMeeting]](ctx, c.Graph, graph.Fixed("/me/onlineMeetings"), graph.Query{}.Select("id", "subject").Filter(key.filter()))
	if err != nil {
		return onlineMeeting{}, err
	}
	if len(page.Value) == 0 {
		return onlineMeeting{}, tool.Invalid(field, "is of no meeting that the person organized or was invited to")
	}
	return page.Value[0], nil
}

func eventLink(ctx context.Context, c tool.Call, eventID string) (string, error) {
	id, err := c.Resolve(ctx, "eventId", handle.KindEvent, eventID)
	if err != nil {
		return "", err
	}
	path, err := graph.To("/me/events/{event}", id)
	if err != nil {
		return "", tool.Invalid("eventId", "is no id of an event; take it from getCalendarEvents")
	}
	e, err := read[struct {
		Meeting *struct {
			JoinURL string `json:"joinUrl"`
		} `json:"onlineMeeting"`
	}](ctx, c.Graph, path, graph.Query{}.Select("onlineMeeting"))
	if err != nil {
		return "", err
	}
	if e.Meeting == nil {
		return "", tool.Invalid("eventId", "is an event without an online meeting")
	}
	return e.Meeting.JoinURL, nil
}

// chatMeetingLink asks a meeting's chat for its link.
func chatMeetingLink(ctx context.Context, c tool.Call, chatID string) (string, error) {
	path, err := graph.To("/chats/{chat}", chatID)
	if err != nil {
		return "", tool.Invalid("joinUrl", "is no link to a meeting's chat")
	}
	g, err := read[graphChat](ctx, c.Graph, path, graph.Query{}.Select("onlineMeetingInfo"))
	if err != nil {
		return "", err
	}
	if g.Meeting == nil {
		return "", tool.Invalid("joinUrl", "leads to a chat that is of no meeting")
	}
	return g.Meeting.JoinWebURL, nil
}

type callTranscript struct {
	ID      string    `json:"id"`
	Created time.Time `json:"createdDateTime"`
}

// transcripts lists those of a meeting, the newest first.
func transcripts(ctx context.Context, c tool.Call, meetingID string) ([]callTranscript, error) {
	path, err := graph.To("/me/onlineMeetings/{meeting}/transcripts", meetingID)
	if err != nil {
		return nil, fmt.Errorf("meeting of onlineMeetings: %w", err)
	}
	all, _, err := graph.List[callTranscript](ctx, c.Graph, graph.Request{Method: graph.Get, Path: path, Query: graph.Query{}.Select("id", "createdDateTime")}, 0)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b callTranscript) int { return b.Created.Compare(a.Created) })
	return all[:min(len(all), maxTranscripts)], nil
}
