package mail

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/odata"
	"m365mcp/simulator/graph/query"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// maxSearch is how many messages a $search ever finds.
const maxSearch = 1000

func (c *call) listMessages() (*service.Answer, error) {
	view, err := c.messageView()
	if err != nil {
		return nil, err
	}
	found, err := c.findMessages()
	if err != nil {
		return nil, err
	}
	answer := c.Page(c.OwnerContext(c.messagesPath()), len(found), func(i int) any { return view.Message(found[i]) })
	answer.Preferences = true
	return answer, nil
}

func (c *call) countMessages() (*service.Answer, error) {
	found, err := c.findMessages()
	if err != nil {
		return nil, err
	}
	return &service.Answer{Status: http.StatusOK, Raw: []byte(strconv.Itoa(len(found))), ContentType: "text/plain"}, nil
}

func (c *call) getMessage() (*service.Answer, error) {
	view, err := c.messageView()
	if err != nil {
		return nil, err
	}
	m, err := c.message()
	if err != nil {
		return nil, err
	}
	value := view.Message(m)
	value["@odata.context"] = c.OwnerContext(c.messagesPath()) + "/$entity"
	return &service.Answer{Status: http.StatusOK, Value: value, Preferences: true}, nil
}

// getMIME is the message in the format of RFC 5322 and RFC 2045.
func (c *call) getMIME() (*service.Answer, error) {
	m, err := c.message()
	if err != nil {
		return nil, err
	}
	raw, err := m.MIME()
	if err != nil {
		return nil, fmt.Errorf("writing MIME: %w", err)
	}
	return &service.Answer{Status: http.StatusOK, Raw: raw, ContentType: "text/plain"}, nil
}

// message finds the message of the path, which must be in the folder of the
// path where there is one.
func (c *call) message() (*exchange.Message, error) {
	m, err := c.box.Message(c.Params["message-id"])
	if err != nil {
		return nil, err
	}
	if name, ok := c.Params["mailFolder-id"]; ok {
		folder, err := c.box.Folder(name)
		if err != nil {
			return nil, err
		}
		if folder.ID != m.FolderID {
			return nil, apierror.ItemNotFound()
		}
	}
	return m, nil
}

// messageView reads $select, $expand and Prefer.
func (c *call) messageView() (wire.Renderer, error) {
	names, err := c.Options.Selected("message", wire.MessageProperties, wire.MessageOnDemand, wire.MessageNavigation)
	if err != nil {
		return wire.Renderer{}, err
	}
	view := wire.Renderer{Base: c.BaseURL, Names: names, Prefer: c.Prefer, Basic: c.basicOnly()}
	for _, expand := range c.Options.List("$expand") {
		switch {
		case expand == "attachments" && view.Basic:
			return wire.Renderer{}, apierror.AccessDenied()
		case expand == "attachments":
			view.WithFile = true
		case !slices.Contains(wire.MessageNavigation, expand):
			return wire.Renderer{}, apierror.BadRequest("BadRequest", "Parsing OData Select and Expand failed: Could not find a property named '%s' on type 'microsoft.graph.message'.", expand)
		}
	}
	return view, nil
}

// findMessages applies the folder of the path, $search or $filter, and $orderby.
func (c *call) findMessages() ([]*exchange.Message, error) {
	candidates := c.box.Messages("")
	if name, ok := c.Params["mailFolder-id"]; ok {
		folder, err := c.box.Folder(name)
		if err != nil {
			return nil, err
		}
		candidates = c.box.Messages(folder.ID)
	}
	if c.Options.Has("$search") {
		return c.searchMessages(candidates)
	}
	filter, err := c.Options.Filter("message", wire.MessageKinds)
	if err != nil {
		return nil, err
	}
	keys, err := c.Options.OrderBy("message", wire.MessageKinds)
	if err != nil {
		return nil, err
	}
	if err := query.CheckEfficient(filter, keys); err != nil {
		return nil, err
	}
	if c.basicOnly() && readsContent(filter, keys) {
		return nil, apierror.AccessDenied()
	}
	found := candidates
	if filter != nil {
		found = nil
		for _, m := range candidates {
			if filter.Match(wire.Values(m)) {
				found = append(found, m)
			}
		}
	}
	if len(keys) > 0 {
		found = slices.Clone(found)
		slices.SortStableFunc(found, func(a, b *exchange.Message) int { return query.Compare(keys, wire.Values(a), wire.Values(b)) })
	}
	return found, nil
}

// readsContent reports whether a query would tell what Mail.ReadBasic hides.
func readsContent(filter *odata.Filter, keys []query.SortKey) bool {
	var paths []string
	if filter != nil {
		paths = slices.Clone(filter.Paths())
	}
	for _, key := range keys {
		paths = append(paths, key.Path)
	}
	return slices.ContainsFunc(paths, func(path string) bool {
		root, _, _ := strings.Cut(path, "/")
		return slices.Contains(wire.BasicHidden, root)
	})
}

func (c *call) messagesPath() string {
	if folder, ok := c.Params["mailFolder-id"]; ok {
		return fmt.Sprintf("/mailFolders('%s')/messages", url.PathEscape(folder))
	}
	return "/messages"
}
