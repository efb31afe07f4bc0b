package search

import (
	"net/url"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/drive/library"
	"m365mcp/simulator/graph/drive/site"
	"m365mcp/simulator/graph/kql"
	"m365mcp/simulator/graph/service"
)

const timestamp = "2006-01-02T15:04:05Z"

// Files are the sources over OneDrive and SharePoint.
func Files(l *library.Library) []Source {
	return []Source{
		From("driveItem", func(c *service.Call, q *Query) []Hit { return items(l, c, q) }),
		From("drive", func(c *service.Call, q *Query) []Hit { return drives(l, c, q) }),
		From("site", func(c *service.Call, q *Query) []Hit { return sites(l, c, q) }),
		From("list", func(c *service.Call, q *Query) []Hit { return lists(l, c, q) }),
		From("listItem", func(c *service.Call, q *Query) []Hit { return rows(l, c, q) }),
	}
}

// items are the files and folders that the caller may read, wherever they are.
func items(l *library.Library, c *service.Call, q *Query) []Hit {
	l.Lock()
	defer l.Unlock()
	me := l.Find(c.Me.ID)
	var hits []Hit
	for _, d := range l.Drives() {
		d.Root.Walk(func(i *library.Item) {
			if i.Role(me, c.Now) < library.Read || !q.Match(document(i), c.Now) {
				return
			}
			resource := itemResource(i)
			hits = append(hits, Hit{ID: i.ID, Name: i.Name, Text: i.Text(), At: i.Modified, Resource: func() map[string]any { return resource }})
		})
	}
	return hits
}

// document is a file as the index knows it, in the mail index's terms (see managed).
func document(i *library.Item) *kql.Document {
	doc := &kql.Document{
		Subject: i.Name, Body: i.Text(), Size: int(i.Size()), Sent: i.Created, Received: i.Modified,
		HasAttachments: !i.Folder, Categories: []string{plain(i.URL())},
	}
	if i.CreatedBy != nil {
		doc.From = []string{i.CreatedBy.DisplayName, i.CreatedBy.Mail}
	}
	if dot := strings.LastIndexByte(i.Name, '.'); dot >= 0 && !i.Folder {
		doc.Attachments = []string{i.Name[dot+1:]}
	}
	return doc
}

// plain is an address as people write it after "path:".
func plain(address string) string {
	if text, err := url.PathUnescape(address); err == nil {
		return text
	}
	return address
}

func itemResource(i *library.Item) map[string]any {
	at := func(t time.Time) string { return t.UTC().Format(timestamp) }
	by := func(p *dataset.Person) map[string]any {
		name := "System Account"
		if p != nil {
			name = p.DisplayName
		}
		return map[string]any{"user": map[string]any{"displayName": name}}
	}
	parent := map[string]any{"driveId": i.Drive.ID}
	if i.Parent != nil {
		parent["id"] = i.Parent.ID
	}
	if i.Drive.Site != nil {
		parent["siteId"] = i.Drive.Site.ID
	}
	return map[string]any{
		"id": i.ID, "name": i.Name, "size": i.Size(), "webUrl": i.URL(), "createdDateTime": at(i.Created), "lastModifiedDateTime": at(i.Modified),
		"createdBy": by(i.CreatedBy), "lastModifiedBy": by(i.ModifiedBy), "parentReference": parent,
		"fileSystemInfo": map[string]any{"createdDateTime": at(i.Created), "lastModifiedDateTime": at(i.Modified)},
	}
}

func drives(l *library.Library, c *service.Call, q *Query) []Hit {
	l.Lock()
	defer l.Unlock()
	me := l.Find(c.Me.ID)
	var hits []Hit
	for _, d := range l.Drives() {
		if d.Site == nil || d.Role(me, c.Now) < library.Read || !q.Matches(d.Name+" "+d.Site.Title, "", c.Now) {
			continue
		}
		resource := map[string]any{
			"id": d.ID, "name": d.Name, "webUrl": d.URL(), "createdDateTime": d.Root.Created.UTC().Format(timestamp),
			"lastModifiedDateTime": d.Root.Modified.UTC().Format(timestamp), "parentReference": map[string]any{"siteId": d.Site.ID},
		}
		hits = append(hits, Hit{ID: d.ID, Name: d.Name, At: d.Root.Modified, Resource: func() map[string]any { return resource }})
	}
	return hits
}

func sites(l *library.Library, c *service.Call, q *Query) []Hit {
	l.Lock()
	defer l.Unlock()
	var hits []Hit
	for _, s := range l.Sites(c.Me) {
		if !q.Match(&kql.Document{Subject: s.Title, Body: s.Description, Categories: []string{plain(s.URL())}}, c.Now) {
			continue
		}
		resource := site.JSON(s)
		delete(resource, "isPersonalSite")
		hits = append(hits, Hit{ID: s.ID, Name: s.Title, Text: s.Description, At: s.Drive.Root.Modified, Resource: func() map[string]any { return resource }})
	}
	return hits
}

func lists(l *library.Library, c *service.Call, q *Query) []Hit {
	var hits []Hit
	eachList(l, c, func(s *library.Site, list *dataset.List) {
		if !q.Match(&kql.Document{Subject: list.Name, Body: list.Description, Categories: []string{plain(site.ListURL(s, list))}}, c.Now) {
			return
		}
		hits = append(hits, Hit{ID: list.ID, Name: list.Name, Text: list.Description, At: list.Created, Resource: func() map[string]any { return site.ListJSON(s, list) }})
	})
	return hits
}

// rows are the items of lists, found by any of their values.
func rows(l *library.Library, c *service.Call, q *Query) []Hit {
	var hits []Hit
	eachList(l, c, func(s *library.Site, list *dataset.List) {
		for _, row := range list.Rows {
			title, _ := row.Fields["Title"].(string)
			var text []string
			for _, column := range list.Columns {
				if value, ok := row.Fields[column.Name].(string); ok {
					text = append(text, value)
				}
			}
			doc := &kql.Document{Subject: title, Body: strings.Join(text, "; "), Sent: row.Created, Received: row.Modified, Categories: []string{plain(site.ListURL(s, list))}}
			author := l.Find(row.By)
			doc.From = []string{author.DisplayName}
			if !q.Match(doc, c.Now) {
				continue
			}
			hits = append(hits, Hit{ID: list.ID + "_" + row.ID, Name: title, Text: doc.Body, At: row.Modified, Resource: func() map[string]any {
				resource := site.ItemJSON(s, list, row, author)
				resource["fields"] = site.Fields(list, row, nil)
				return resource
			}})
		}
	})
	return hits
}

func eachList(l *library.Library, c *service.Call, visit func(*library.Site, *dataset.List)) {
	l.Lock()
	defer l.Unlock()
	for _, s := range l.Sites(c.Me) {
		for i := range s.Lists {
			visit(s, &s.Lists[i])
		}
	}
}
