package search

import (
	"strings"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/kql"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// Mailboxes is where the messages are; exchange.Store is one.
type Mailboxes interface {
	Mailbox(person string) *exchange.Mailbox
}

// messageProperties are what a hit shows of a message: its id is the hit's.
var messageProperties = []string{
	"createdDateTime", "lastModifiedDateTime", "receivedDateTime", "sentDateTime", "hasAttachments", "internetMessageId", "subject", "bodyPreview",
	"importance", "parentFolderId", "conversationId", "isRead", "isDraft", "webLink", "replyTo", "sender", "from",
}

// Messages is the source over the caller's own mail.
func Messages(store Mailboxes) Source {
	return From("message", func(c *service.Call, q *Query) []Hit {
		box := store.Mailbox(c.Me.ID)
		if box == nil {
			return nil
		}
		var hits []Hit
		for _, m := range box.Messages("") {
			doc := m.Document()
			if !q.Match(doc, c.Now) {
				continue
			}
			hits = append(hits, Hit{ID: m.ID, Name: m.Subject, Text: doc.Body, At: m.Received, Resource: func() map[string]any {
				out := wire.Renderer{Base: c.BaseURL, Names: messageProperties}.Message(m)
				delete(out, "@odata.etag")
				return out
			}})
		}
		return hits
	})
}

// People is the source over the members of the tenant.
func People(tenant *dataset.Tenant) Source {
	return From("person", func(c *service.Call, q *Query) []Hit {
		var hits []Hit
		for i := range tenant.People {
			p := &tenant.People[i]
			text := strings.Join([]string{p.JobTitle, p.Department, p.OfficeLocation, p.Mail}, "; ")
			if !q.Match(&kql.Document{Subject: p.DisplayName, Body: text}, c.Now) {
				continue
			}
			hits = append(hits, Hit{ID: p.ID, Name: p.DisplayName, Text: text, Resource: func() map[string]any {
				return map[string]any{
					"id": p.ID, "displayName": p.DisplayName, "givenName": p.GivenName, "surname": p.Surname, "jobTitle": p.JobTitle,
					"department": p.Department, "officeLocation": p.OfficeLocation, "companyName": tenant.Name, "userPrincipalName": p.UPN,
					"scoredEmailAddresses": []any{map[string]any{"address": p.Mail, "relevanceScore": 1.0}},
				}
			}})
		}
		return hits
	})
}
