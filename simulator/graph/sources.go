package graph

import (
	"m365mcp/simulator/graph/calendars"
	"m365mcp/simulator/graph/search"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/teams"
)

// chatMessages makes the messages of Teams a source of /search/query.
func chatMessages(w *teams.Workload) search.Source {
	return search.From("chatMessage", func(c *service.Call, q *search.Query) []search.Hit {
		var hits []search.Hit
		for _, m := range w.Visible(c, c.Claims.HasAny("ChannelMessage.Read.All")) {
			if q.Matches(m.Subject+" "+m.From, m.Text, c.Now) {
				hits = append(hits, search.Hit{ID: m.ID, Name: m.Subject, Text: m.Text, At: m.At, Resource: m.Resource})
			}
		}
		return hits
	})
}

// events makes the calendars of the caller a source of /search/query.
func events(w *calendars.Workload) search.Source {
	return search.From("event", func(c *service.Call, q *search.Query) []search.Hit {
		var hits []search.Hit
		for _, e := range w.Events(c) {
			if q.Match(e.Document, c.Now) {
				hits = append(hits, search.Hit{ID: e.ID, Name: e.Document.Subject, Text: e.Document.Body, At: e.At, Resource: e.Resource})
			}
		}
		return hits
	})
}
