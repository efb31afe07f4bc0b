package calendars

import (
	"cmp"
	"net/http"
	"slices"

	"m365mcp/simulator/graph/query"
	"m365mcp/simulator/graph/service"
)

// changed is a line of a delta.
type changed struct {
	number int
	value  map[string]any
}

// viewDelta is what changed in a window of the default calendar since the state
// in the token. The window of the first request holds for the rounds after it.
func (c *call) viewDelta() (*service.Answer, error) {
	from, to, err := c.window()
	if err != nil {
		return nil, err
	}
	state, goesOn := c.Options.Delta()
	epoch := int(c.epoch.Load())
	if !goesOn {
		state = query.Delta{Known: c.changes, Epoch: epoch}
	} else if err := state.Expired(epoch, c.Now); err != nil {
		return nil, err
	}
	there := map[string]bool{}
	var all []changed
	for _, e := range view(c.box.calendars[:1], from, to, c.loc) {
		there[e.shownID(false)] = true
		all = append(all, changed{e.change, c.render(e, eventDefault)})
	}
	for _, g := range c.box.gone {
		if g.change <= state.Known {
			continue // who starts now never knew of it
		}
		for _, e := range g.event.within(from, to, c.loc) {
			if id := e.shownID(false); !there[id] {
				there[id] = true
				all = append(all, changed{g.change, map[string]any{"id": e.shownID(c.Prefer.ImmutableID), "@removed": map[string]string{"reason": "deleted"}}})
			}
		}
	}
	all = slices.DeleteFunc(all, func(x changed) bool { return x.number <= state.After })
	slices.SortStableFunc(all, func(a, b changed) int { return cmp.Compare(a.number, b.number) })
	size := c.Options.Top()
	if c.Prefer.MaxPageSize > 0 {
		size = c.Prefer.MaxPageSize
	}
	end := min(size, len(all))
	for end > 0 && end < len(all) && all[end].number == all[end-1].number { // the occurrences of a series go together
		end++
	}
	items := make([]any, 0, end)
	for _, x := range all[:end] {
		items = append(items, x.value)
	}
	value := map[string]any{"@odata.context": c.Context("Collection(event)"), "value": items}
	link, option := "@odata.deltaLink", "$deltatoken"
	state.Issued = c.Now
	if end < len(all) {
		link, option, state.After = "@odata.nextLink", "$skiptoken", all[end-1].number
	} else {
		state.After, state.Known = c.changes, 0
	}
	options := c.Options
	for _, name := range []string{"startdatetime", "enddatetime"} {
		if given, ok := options.Custom(name); ok {
			options = options.With(name, given)
		}
	}
	value[link] = c.BaseURL + c.Request.URL.EscapedPath() + "?" + options.DeltaQuery(option, state)
	return c.applied(&service.Answer{Status: http.StatusOK, Value: value}), nil
}
