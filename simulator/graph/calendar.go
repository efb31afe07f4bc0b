package graph

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/wire"
)

func (s *Server) listEvents(c *call) (*answer, error) {
	return s.eventPage(c, "/events", c.box.Events(s.opts.Now()))
}

func (s *Server) calendarView(c *call) (*answer, error) {
	start, _ := c.opts.Custom("startdatetime")
	end, _ := c.opts.Custom("enddatetime")
	from, err1 := viewTime(start)
	to, err2 := viewTime(end)
	if err1 != nil || err2 != nil {
		return nil, apierror.BadRequest("ErrorInvalidParameter", "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.")
	}
	events := slices.DeleteFunc(c.box.Events(s.opts.Now()), func(e exchange.Event) bool {
		return !e.Start.Before(to) || !e.Start.Add(e.Length).After(from)
	})
	return s.eventPage(c, "/calendarView", events)
}

// viewTime reads a time; without an offset it is UTC.
func viewTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("no date and time: %q", text)
}

// eventPage pages a list of events; $filter and $orderby on events are not
// simulated and refused.
func (s *Server) eventPage(c *call, path string, events []exchange.Event) (*answer, error) {
	if c.opts.Has("$filter") || c.opts.Has("$orderby") {
		return nil, apierror.BadRequest("ErrorInvalidUrlQuery", "The query specified in the URI is not valid. The simulated tenant neither filters nor sorts events.")
	}
	names, err := c.opts.Selected("event", wire.EventProperties)
	if err != nil {
		return nil, err
	}
	value := s.page(c, path, len(events), func(i int) any { return wire.Event(s.opts.BaseURL, c.box, events[i], names) })
	return &answer{status: http.StatusOK, value: value}, nil
}
