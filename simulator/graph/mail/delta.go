package mail

import (
	"net/http"
	"slices"

	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/query"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

var optionsDelta = []string{"$top", "$select", "$filter", "$orderby", "$expand", "$skiptoken", "$deltatoken"}

// ExpireDeltas makes the service forget where clients stood: each delta link
// that it has given out answers 410 from now on.
func (w *Workload) ExpireDeltas() { w.epoch.Add(1) }

// messageDelta answers the changes of the messages of a folder since a client
// last asked. The first round is everything.
func (c *call) messageDelta() (*service.Answer, error) {
	view, err := c.messageView()
	if err != nil {
		return nil, err
	}
	filter, err := c.Options.Filter("message", wire.MessageKinds)
	if err != nil {
		return nil, err
	}
	if filter != nil && slices.ContainsFunc(filter.Paths(), func(path string) bool { return path != "receivedDateTime" }) {
		return nil, apierror.BadRequest("ErrorInvalidUrlQueryFilter", "A filter of changes may only look at receivedDateTime.")
	}
	folderID := ""
	if _, ok := c.Params["mailFolder-id"]; ok {
		f, err := c.folder()
		if err != nil {
			return nil, err
		}
		folderID = f.ID
	}
	return c.changes(c.OwnerContext(c.messagesPath()), func(after, known int) []exchange.Change {
		return slices.DeleteFunc(c.box.MessageChanges(folderID, after, known, c.Prefer.ImmutableID), func(change exchange.Change) bool {
			return change.Message != nil && filter != nil && !filter.Match(wire.Values(change.Message))
		})
	}, func(change exchange.Change) map[string]any { return view.Message(change.Message) })
}

// folderDelta is messageDelta of folders.
func (c *call) folderDelta() (*service.Answer, error) {
	names, err := c.Options.Selected("mailFolder", wire.FolderProperties)
	if err != nil {
		return nil, err
	}
	return c.changes(c.OwnerContext("/mailFolders"), c.box.FolderChanges, func(change exchange.Change) map[string]any {
		return wire.Folder(c.box, *change.Folder, names)
	})
}

// changes pages what came after the state in the token.
func (c *call) changes(context string, since func(after, known int) []exchange.Change, show func(exchange.Change) map[string]any) (*service.Answer, error) {
	state, goesOn := c.Options.Delta()
	epoch := int(c.epoch.Load())
	if !goesOn {
		state = query.Delta{Known: c.box.Now(), Epoch: epoch}
	} else if err := state.Expired(epoch, c.Now); err != nil {
		return nil, err
	}
	all := since(state.After, state.Known)
	size := c.Options.Top()
	if c.Prefer.MaxPageSize > 0 {
		size = min(c.Prefer.MaxPageSize, query.Outlook.Most)
	}
	page := all[:min(size, len(all))]
	items := make([]any, 0, len(page))
	for _, change := range page {
		if change.GoneID != "" {
			items = append(items, map[string]any{"id": change.GoneID, "@removed": map[string]string{"reason": "deleted"}})
		} else {
			items = append(items, show(change))
		}
	}
	value := map[string]any{"@odata.context": context, "value": items}
	link, option := "@odata.deltaLink", "$deltatoken"
	state.Issued = c.Now
	if len(page) < len(all) {
		link, option = "@odata.nextLink", "$skiptoken"
		state.After = page[len(page)-1].Number
	} else {
		state.After, state.Known = c.box.Now(), 0
	}
	value[link] = c.BaseURL + c.Request.URL.EscapedPath() + "?" + c.Options.DeltaQuery(option, state)
	return &service.Answer{Status: http.StatusOK, Value: value, Preferences: true}, nil
}
