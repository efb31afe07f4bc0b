package teams

import (
	"cmp"
	"net/http"
	"slices"

	"m365mcp/simulator/graph/odata"
	"m365mcp/simulator/graph/query"
	"m365mcp/simulator/graph/service"
)

// message finds the message of the path.
func (c *call) message() (*post, error) {
	id, replyTo := c.Params["chatMessage-id"], ""
	if reply, ok := c.Params["chatMessage-id1"]; ok {
		id, replyTo = reply, id
	}
	if m := c.thread.post(id, replyTo); m != nil {
		return m, nil
	}
	return nil, notFound("The message was not found in the thread.")
}

func (c *call) getMessage() (*service.Answer, error) {
	m, err := c.message()
	if err != nil {
		return nil, err
	}
	return c.answerMessage(http.StatusOK, m), nil
}

func (c *call) answerMessage(status int, m *post) *service.Answer {
	value := c.messageJSON(m)
	context := c.threadContext() + "/messages"
	if m.ReplyTo != "" {
		context += "('" + m.ReplyTo + "')/replies"
	}
	value["@odata.context"] = c.Context(context + "/$entity")
	return &service.Answer{Status: status, Value: value}
}

// wantReplies reads $expand of channel messages.
func (c *call) wantReplies() (bool, error) {
	for _, name := range c.Options.List("$expand") {
		if name != "replies" {
			return false, badRequest("Query option 'Expand' with the value '%s' is not allowed. Allowed: replies.", name)
		}
	}
	return c.Options.Has("$expand"), nil
}

// roots are the messages of a channel that begin a thread, last modified first.
func (c *call) roots() []*post {
	var out []*post
	for _, m := range c.thread.posts {
		if m.ReplyTo == "" {
			out = append(out, m)
		}
	}
	slices.SortStableFunc(out, func(a, b *post) int { return cmp.Or(b.Modified.Compare(a.Modified), cmp.Compare(b.ID, a.ID)) })
	return out
}

// replies are those of a message, the newest first.
func (c *call) replies(root *post) []*post {
	var out []*post
	for _, m := range c.thread.posts {
		if m.ReplyTo == root.ID {
			out = append(out, m)
		}
	}
	slices.Reverse(out)
	return out
}

func (c *call) rootJSON(m *post, withReplies bool) map[string]any {
	out := c.messageJSON(m)
	if withReplies {
		list := []any{}
		for _, reply := range c.replies(m) {
			list = append(list, c.messageJSON(reply))
		}
		out["replies"], out["replies@odata.count"] = list, len(list)
		out["replies@odata.context"] = c.Context(c.threadContext() + "/messages('" + m.ID + "')/replies")
	}
	return out
}

func (c *call) listPosts() (*service.Answer, error) {
	withReplies, err := c.wantReplies()
	if err != nil {
		return nil, err
	}
	return c.messagePage("/messages", c.roots(), func(m *post) map[string]any { return c.rootJSON(m, withReplies) }), nil
}

func (c *call) listReplies() (*service.Answer, error) {
	root, err := c.message()
	if err != nil {
		return nil, err
	}
	return c.messagePage("/messages('"+root.ID+"')/replies", c.replies(root), c.messageJSON), nil
}

// messagePage counts the messages of the page, as Teams does.
func (c *call) messagePage(context string, list []*post, show func(*post) map[string]any) *service.Answer {
	answer := c.Page(c.Context(c.threadContext()+context), len(list), func(i int) any { return show(list[i]) })
	from, to, _ := c.Options.Page(len(list))
	answer.Value["@odata.count"] = to - from
	return answer
}

var messageKinds = map[string]odata.Kind{"createdDateTime": odata.Time, "lastModifiedDateTime": odata.Time}

func messageValues(m *post) func(string) any {
	return func(path string) any {
		if path == "createdDateTime" {
			return m.At
		}
		return m.Modified
	}
}

// listChatMessages filters by a time only where $orderby names the same: any
// other $filter is ignored (Graph, "List messages in a chat").
func (c *call) listChatMessages() (*service.Answer, error) {
	keys, err := c.Options.OrderBy("chatMessage", messageKinds)
	if err != nil {
		return nil, err
	}
	if len(keys) > 1 || len(keys) == 1 && !keys[0].Descending {
		return nil, badRequest("QueryOptions to order by '%s' is not supported: only one property, in descending order.", c.Options.List("$orderby")[0])
	}
	filter, err := c.Options.Filter("chatMessage", messageKinds)
	if err != nil {
		return nil, err
	}
	if filter != nil {
		if err := c.checkRange(filter); err != nil {
			return nil, err
		}
		if len(keys) == 0 || slices.ContainsFunc(filter.Paths(), func(path string) bool { return path != keys[0].Path }) {
			filter = nil
		}
	}
	if len(keys) == 0 {
		keys = []query.SortKey{{Path: "lastModifiedDateTime", Descending: true}}
	}
	var found []*post
	for _, m := range slices.Backward(c.thread.posts) {
		if filter == nil || filter.Match(messageValues(m)) {
			found = append(found, m)
		}
	}
	slices.SortStableFunc(found, func(a, b *post) int { return query.Compare(keys, messageValues(a), messageValues(b)) })
	return c.messagePage("/messages", found, c.messageJSON), nil
}

// checkRange holds a filter against the operators that are documented:
// lastModifiedDateTime gt and lt, createdDateTime lt.
func (c *call) checkRange(filter *odata.Filter) error {
	for _, part := range operators(c.filterText()) {
		allowed := part == "lt" || part == "and" || part == "gt" && !slices.Contains(filter.Paths(), "createdDateTime")
		if !allowed {
			return badRequest("The operator '%s' is not supported in $filter of %v.", part, filter.Paths())
		}
	}
	return nil
}

// postDelta answers the changes of the messages that begin a thread; replies
// come with $expand. The first round is everything.
func (c *call) postDelta() (*service.Answer, error) {
	withReplies, err := c.wantReplies()
	if err != nil {
		return nil, err
	}
	filter, err := c.Options.Filter("chatMessage", map[string]odata.Kind{"lastModifiedDateTime": odata.Time})
	if err != nil {
		return nil, err
	}
	state, goesOn := c.Options.Delta()
	epoch := int(c.epoch.Load())
	if !goesOn {
		state = query.Delta{Epoch: epoch}
	} else if err := state.Expired(epoch, c.Now); err != nil {
		return nil, err
	}
	var found []*post
	for _, m := range c.roots() {
		if m.change > state.After && (filter == nil || filter.Match(messageValues(m))) {
			found = append(found, m)
		}
	}
	slices.SortFunc(found, func(a, b *post) int { return cmp.Compare(a.change, b.change) })
	page := found[:min(c.Options.Top(), len(found))]
	items := make([]any, 0, len(page))
	for _, m := range page {
		items = append(items, c.rootJSON(m, withReplies))
	}
	value := map[string]any{"@odata.context": c.BaseURL + "/v1.0/$metadata#Collection(chatMessage)", "value": items}
	link, option := "@odata.deltaLink", "$deltatoken"
	state.Issued = c.Now
	if len(page) < len(found) {
		link, option, state.After = "@odata.nextLink", "$skiptoken", page[len(page)-1].change
	} else {
		state.After = c.changes
	}
	value[link] = c.BaseURL + c.Request.URL.EscapedPath() + "?" + c.Options.DeltaQuery(option, state)
	return &service.Answer{Status: http.StatusOK, Value: value}, nil
}
