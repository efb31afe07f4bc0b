package graph

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"m365mcp/simulator/graph/odata"
)

// maxSearch is how many messages a $search ever finds.
const maxSearch = 1000

func (s *Server) listMessages(c *call) (*answer, error) {
	view, err := s.messageView(c)
	if err != nil {
		return nil, err
	}
	found, err := s.findMessages(c)
	if err != nil {
		return nil, err
	}
	from, to, next := c.opts.page(len(found))
	items := make([]any, 0, to-from)
	for _, m := range found[from:to] {
		items = append(items, view.message(m))
	}
	value := map[string]any{"@odata.context": s.context(c, c.messagesPath()), "value": items}
	if next > 0 {
		value["@odata.nextLink"] = s.nextLink(c, next)
	}
	if c.opts.count && !c.opts.has("$search") {
		value["@odata.count"] = len(found)
	}
	return &answer{status: http.StatusOK, value: value, preferences: true}, nil
}

func (s *Server) countMessages(c *call) (*answer, error) {
	found, err := s.findMessages(c)
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, raw: []byte(strconv.Itoa(len(found))), contentType: "text/plain"}, nil
}

func (s *Server) getMessage(c *call) (*answer, error) {
	view, err := s.messageView(c)
	if err != nil {
		return nil, err
	}
	m, err := c.message()
	if err != nil {
		return nil, err
	}
	value := view.message(m)
	value["@odata.context"] = s.context(c, c.messagesPath()) + "/$entity"
	return &answer{status: http.StatusOK, value: value, preferences: true}, nil
}

// message finds the message of the path, which must be in the folder of the
// path where there is one.
func (c *call) message() (*message, error) {
	m, err := c.box.message(c.params["message-id"])
	if err != nil {
		return nil, err
	}
	if name, ok := c.params["mailFolder-id"]; ok {
		folder, err := c.box.folder(name)
		if err != nil {
			return nil, err
		}
		if folder.ID != m.FolderID {
			return nil, itemNotFound()
		}
	}
	return m, nil
}

// messageView reads $select, $expand and Prefer.
func (s *Server) messageView(c *call) (renderer, error) {
	names, err := c.opts.selected("message", messageProperties, messageOnDemand, messageNavigation)
	if err != nil {
		return renderer{}, err
	}
	view := renderer{base: s.opts.BaseURL, names: names, prefer: c.prefer, basic: c.basicOnly()}
	for _, expand := range c.opts.list("$expand") {
		switch {
		case expand == "attachments" && view.basic:
			return renderer{}, accessDenied()
		case expand == "attachments":
			view.withFile = true
		case !slices.Contains(messageNavigation, expand):
			return renderer{}, badRequest("BadRequest", "Parsing OData Select and Expand failed: Could not find a property named '%s' on type 'microsoft.graph.message'.", expand)
		}
	}
	return view, nil
}

// findMessages applies the folder of the path, $search or $filter, and $orderby.
func (s *Server) findMessages(c *call) ([]*message, error) {
	candidates := c.box.messages
	if name, ok := c.params["mailFolder-id"]; ok {
		folder, err := c.box.folder(name)
		if err != nil {
			return nil, err
		}
		candidates = slices.Collect(func(yield func(*message) bool) {
			for _, m := range c.box.messages {
				if m.FolderID == folder.ID && !yield(m) {
					return
				}
			}
		})
	}
	if c.opts.has("$search") {
		return s.searchMessages(c, candidates)
	}
	filter, err := c.opts.filter("message", messageKinds)
	if err != nil {
		return nil, err
	}
	keys, err := c.opts.orderBy("message", messageKinds)
	if err != nil {
		return nil, err
	}
	if err := checkEfficient(filter, keys); err != nil {
		return nil, err
	}
	if c.basicOnly() && readsContent(filter, keys) {
		return nil, accessDenied()
	}
	found := candidates
	if filter != nil {
		found = nil
		for _, m := range candidates {
			if filter.Match(func(path string) any { value, _ := m.plain(path); return value }) {
				found = append(found, m)
			}
		}
	}
	if len(keys) > 0 {
		found = slices.Clone(found)
		slices.SortStableFunc(found, func(a, b *message) int { return compareBy(keys, a, b) })
	}
	return found, nil
}

// checkEfficient is Exchange's rule for $filter with $orderby: the properties
// of $orderby must be in $filter, in the same order and before all others
// (Graph, "List messages", using filter and orderby in the same query).
func checkEfficient(filter *odata.Filter, keys []sortKey) error {
	if filter == nil || len(keys) == 0 {
		return nil
	}
	paths := filter.Paths()
	for i, key := range keys {
		if i >= len(paths) || paths[i] != key.path {
			return badRequest("InefficientFilter", "The restriction or sort order is too complex for this operation.")
		}
	}
	return nil
}

// readsContent reports whether a query would tell what Mail.ReadBasic hides.
func readsContent(filter *odata.Filter, keys []sortKey) bool {
	var paths []string
	if filter != nil {
		paths = slices.Clone(filter.Paths())
	}
	for _, key := range keys {
		paths = append(paths, key.path)
	}
	return slices.ContainsFunc(paths, func(path string) bool {
		root, _, _ := strings.Cut(path, "/")
		return slices.Contains(basicHidden, root)
	})
}

func compareBy(keys []sortKey, a, b *message) int {
	for _, key := range keys {
		x, _ := a.plain(key.path)
		y, _ := b.plain(key.path)
		order := comparePlain(x, y)
		if key.descending {
			order = -order
		}
		if order != 0 {
			return order
		}
	}
	return 0
}

func comparePlain(x, y any) int {
	switch a := x.(type) {
	case time.Time:
		if b, ok := y.(time.Time); ok {
			return a.Compare(b)
		}
	case string:
		if b, ok := y.(string); ok {
			return cmp.Compare(strings.ToLower(a), strings.ToLower(b))
		}
	case bool:
		if b, ok := y.(bool); ok && a != b {
			if b {
				return -1
			}
			return 1
		}
	}
	return 0
}

// context is the @odata.context of a resource of the owner.
func (s *Server) context(c *call, path string) string {
	context := s.opts.BaseURL + "/v1.0/$metadata#users('" + c.owner.ID + "')" + path
	if names := c.opts.list("$select"); names != nil {
		context += "(" + strings.Join(names, ",") + ")"
	}
	return context
}

func (c *call) messagesPath() string {
	if folder, ok := c.params["mailFolder-id"]; ok {
		return fmt.Sprintf("/mailFolders('%s')/messages", url.PathEscape(folder))
	}
	return "/messages"
}
