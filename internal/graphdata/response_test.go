package graphdata_test

import "testing"

func TestCheckResponse(t *testing.T) {
	t.Parallel()
	d := load(t)
	const list, item = "/me/messages", "/me/messages/{message-id}"
	for name, c := range map[string]struct {
		template string
		status   int
		body     string
		ok       bool
	}{
		"good":                 {item, 200, `{"id":"x","subject":null,"isRead":true,"importance":"low","receivedDateTime":"2026-01-01T00:00:00Z"}`, true},
		"annotations":          {item, 200, `{"id":"x","@odata.etag":"W/\"1\"","attachments@odata.context":"y"}`, true},
		"unknown property":     {item, 200, `{"id":"x","colour":"red"}`, false},
		"unknown nested":       {item, 200, `{"id":"x","body":{"contentType":"html","text":"x"}}`, false},
		"wrong type":           {item, 200, `{"id":"x","isRead":"yes"}`, false},
		"wrong enum":           {item, 200, `{"id":"x","importance":"urgent"}`, false},
		"wrong case of enum":   {item, 200, `{"id":"x","body":{"contentType":"HTML"}}`, false},
		"no date":              {item, 200, `{"id":"x","receivedDateTime":"yesterday"}`, false},
		"no base64":            {item, 200, `{"id":"x","conversationIndex":"%%"}`, false},
		"null id":              {item, 200, `{"id":null}`, false},
		"object for array":     {item, 200, `{"id":"x","toRecipients":{}}`, false},
		"item for list":        {list, 200, `{"id":"x"}`, false},
		"list":                 {list, 200, `{"value":[{"id":"x"}],"@odata.nextLink":"n"}`, true},
		"derived attachment":   {item + "/attachments", 200, `{"value":[{"@odata.type":"#microsoft.graph.fileAttachment","id":"a","contentBytes":"eA=="}]}`, true},
		"base with derived":    {item + "/attachments", 200, `{"value":[{"id":"a","contentBytes":"eA=="}]}`, false},
		"size is no float":     {item + "/attachments", 200, `{"value":[{"@odata.type":"#microsoft.graph.fileAttachment","id":"a","size":1.5}]}`, false},
		"no type of abstract":  {item + "/attachments", 200, `{"value":[{"id":"a"}]}`, false},
		"type outside slice":   {item, 200, `{"@odata.type":"#microsoft.graph.eventMessage","id":"x","meetingMessageType":"meetingRequest"}`, true},
		"type of another":      {item, 200, `{"@odata.type":"#microsoft.graph.calendar","id":"x"}`, false},
		"below users":          {"/users/{user-id}/messages/{message-id}", 200, `{"id":"x"}`, true},
		"twin only":            {"/users/{user-id}/chats", 200, `{"value":[{"id":"x","topic":null}]}`, true},
		"expanded navigation":  {item, 200, `{"id":"x","attachments":[{"@odata.type":"#microsoft.graph.fileAttachment","colour":1}]}`, false},
		"members of any kind":  {"/me/memberOf", 200, `{"value":[{"@odata.type":"#microsoft.graph.group","id":"g","displayName":"All"}]}`, true},
		"item with its URL":    {"/me/drive/items/{driveItem-id}", 200, `{"id":"x","name":"a","@microsoft.graph.downloadUrl":"u","file":{"mimeType":"t"},"createdBy":{"user":{"id":"u","displayName":"d","email":"e@example.com"}}}`, true},
		"removed by delta":     {"/me/messages/delta()", 200, `{"value":[{"id":"x","@removed":{"reason":"deleted"}}],"@odata.deltaLink":"d"}`, true},
		"flags":                {"/me/messages/{message-id}", 200, `{"id":"x","flag":{"flagStatus":"flagged","dueDateTime":{"dateTime":"2026-01-01T00:00:00","timeZone":"UTC"}}}`, true},
		"error":                {item, 404, `{"error":{"code":"c","message":"m","innerError":{"date":"d","request-id":"r","client-request-id":"q"}}}`, true},
		"error without code":   {item, 404, `{"error":{"message":"m"}}`, false},
		"error as text":        {item, 404, `{"error":"m"}`, false},
		"undescribed status":   {item, 201, `{"id":"x"}`, false},
		"undescribed path":     {"/me/nothing", 200, `{}`, false},
		"body where none goes": {"/me/sendMail", 202, `{}`, false},
	} {
		method := "GET"
		if c.template == "/me/sendMail" {
			method = "POST"
		}
		if err := d.CheckResponse(method, c.template, c.status, "application/json", []byte(c.body)); (err == nil) != c.ok {
			t.Errorf("%s: %v, want acceptance: %v", name, err, c.ok)
		}
	}
}

func TestStatusesOfThePages(t *testing.T) {
	t.Parallel()
	d := load(t)
	for _, c := range []struct {
		method, template string
		status           int
		body             string
		ok               bool
	}{
		{"PUT", "/me/drive/root/content", 201, `{"id":"x","name":"a.txt"}`, true},
		{"PUT", "/me/drive/root/content", 201, `{"id":"x","colour":"red"}`, false},
		{"PUT", "/me/drive/root/content", 202, `{"id":"x"}`, false},
		{"POST", "/me/drive/items/{driveItem-id}/createLink", 201, `{"id":"x","link":{"type":"view","webUrl":"u"}}`, true},
		{"PATCH", "/planner/tasks/{plannerTask-id}", 200, `{"id":"x","title":"t"}`, true},
		{"PATCH", "/planner/tasks/{plannerTask-id}", 200, `{"id":"x","name":"t"}`, false},
		{"PATCH", "/planner/tasks/{plannerTask-id}", 204, ``, true},
		{"GET", "/me/drive/items/{driveItem-id}/content", 302, ``, true},
	} {
		if err := d.CheckResponse(c.method, c.template, c.status, "application/json", []byte(c.body)); (err == nil) != c.ok {
			t.Errorf("%s %s %d %s: %v, want acceptance: %v", c.method, c.template, c.status, c.body, err, c.ok)
		}
	}
}
