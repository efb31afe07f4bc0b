package mail

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/timezone"
	"m365mcp/tool"
)

// attachment holds what Graph's attachment resource and those derived from it have
// in common, and the link of a referenceAttachment.
type attachment struct {
	Type        string `json:"@odata.type"`
	ID          string `json:"id"`
	Name        string `json:"name"`
	ContentType string `json:"contentType"`
	Size        int64  `json:"size"`
	Inline      bool   `json:"isInline"`
	SourceURL   string `json:"sourceUrl"`
}

// The kinds of attachments.
const (
	fileAttachment      = "#microsoft.graph.fileAttachment"
	itemAttachment      = "#microsoft.graph.itemAttachment" // a mail, event or contact
	referenceAttachment = "#microsoft.graph.referenceAttachment"

	messageItem = "#microsoft.graph.message" // of an itemAttachment
)

// An attached item as a file: $value is the whole of it as MIME
// (https://learn.microsoft.com/graph/api/attachment-get).
const (
	mailFile = ".eml"
	mailType = "message/rfc822"
)

const (
	attachmentsPath = "/messages/{message}/attachments"

	// maxText is how much of a file is read for its text, as for what leaves.
	maxText = 25 << 20
)

// attachmentQuery leaves the content out.
var attachmentQuery = graph.Query{}.Select("id", "name", "contentType", "size", "isInline")

// file is an attachment as models read it.
type file struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	ContentType string `json:"contentType,omitempty"`
	Size        int64  `json:"size,omitempty"`
	Kind        string `json:"kind,omitempty"` // item or link, unless it is a file
	Inline      bool   `json:"inline,omitempty"`
}

var fileFields = []tool.Field{
	{Name: "id", Type: tool.String},
	{Name: "name", Type: tool.String},
	{Name: "contentType", Type: tool.String},
	{Name: "size", Type: tool.Integer},
	{Name: "kind", Type: tool.String},
	{Name: "inline", Type: tool.Boolean},
}

func (a attachment) shape(id string) file {
	f := file{ID: id, Name: or(content.Line(a.Name, 200), "(no name)"), ContentType: content.Line(a.ContentType, 100), Size: a.Size, Inline: a.Inline}
	switch a.Type {
	case itemAttachment:
		f.Kind = "item"
	case referenceAttachment:
		f.Kind = "link"
	}
	return f
}

// shapeFiles shapes attachments without the pictures that stand in the text.
func shapeFiles(ctx context.Context, c tool.Call, list []attachment) ([]file, error) {
	var ids []string
	var kept []attachment
	for _, a := range list {
		if !a.Inline {
			ids, kept = append(ids, a.ID), append(kept, a)
		}
	}
	ids, err := c.Short(ctx, handle.KindAttachment, ids)
	if err != nil {
		return nil, err
	}
	var out []file
	for i, a := range kept {
		one := a.shape(ids[i])
		if strings.Contains(one.Name, ".") { // the name says it, in fewer tokens
			one.ContentType = ""
		}
		out = append(out, one)
	}
	return out, nil
}

func (f file) line() string {
	parts := []string{size(f.Size)}
	if f.ContentType != "" {
		parts = append([]string{f.ContentType}, parts...)
	}
	if f.Kind != "" {
		parts = append(parts, f.Kind)
	}
	if f.Inline {
		parts = append(parts, "inline")
	}
	return f.Name + " [" + f.ID + "] (" + strings.Join(parts, ", ") + ")"
}

func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%d KB", (n+512)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}

// text is the text of one attachment, with notes on what is missing of it.
func (a attachment) text(ctx context.Context, c tool.Call, of holder) (tool.Document, error) {
	switch a.Type {
	case itemAttachment:
		text, _, err := a.itemText(ctx, c, of)
		return tool.Document{Text: text}, err
	case referenceAttachment:
		link := content.Line(a.SourceURL, 2000)
		if link == "" {
			return tool.Document{Text: "This is a link to the file “" + content.Line(a.Name, 200) + "” in OneDrive or SharePoint. The mail's text has the link (getEmail, fields: links); searchFiles finds the file by its name."}, nil
		}
		return tool.Document{Text: "This is a link to a file: " + link}, nil
	}
	if a.Size > maxText {
		return tool.Document{}, unreadable(a, fmt.Sprintf("has %s, and text is read of at most %s", size(a.Size), size(maxText)))
	}
	path, err := of.to(contentSuffix, a.ID)
	if err != nil {
		return tool.Document{}, err
	}
	resp, err := c.Graph.Do(ctx, graph.Request{Method: graph.Get, Path: path, Prefer: immutable, MaxBytes: maxText + 1<<20})
	if errors.Is(err, graph.ErrTooLarge) {
		return tool.Document{}, unreadable(a, "is larger than "+size(maxText))
	}
	if err != nil {
		return tool.Document{}, err
	}
	doc, err := c.Documents.Text(ctx, c.Principal, a.Name, a.ContentType, resp.Body)
	if errors.Is(err, tool.ErrUnreadable) {
		return tool.Document{}, unreadable(a, content.Line(err.Error(), 200))
	}
	if err != nil {
		return tool.Document{}, fmt.Errorf("text of an attachment: %w", err)
	}
	return doc, nil
}

func unreadable(a attachment, why string) error {
	return tool.Invalid("mode", "text is not possible for “"+content.Line(a.Name, 200)+"”: "+why+"; call again with mode link, which gives the person a link to download it")
}

// item reads a mail, event or contact that is attached as such.
func (a attachment) item(ctx context.Context, c tool.Call, of holder) (item, error) {
	path, err := of.to(oneSuffix, a.ID)
	if err != nil {
		return item{}, err
	}
	resp, err := c.Graph.Do(ctx, graph.Request{Method: graph.Get, Path: path, Prefer: immutable, Query: graph.Query{}.Expand("microsoft.graph.itemAttachment/item")})
	if err != nil {
		return item{}, err
	}
	var attached struct{ Item item }
	err = resp.Decode(&attached)
	return attached.Item, err
}

// itemText is its text, in the mailbox's zone.
func (a attachment) itemText(ctx context.Context, c tool.Call, of holder) (string, item, error) {
	it, err := a.item(ctx, c, of)
	if err != nil {
		return "", item{}, err
	}
	zone, err := c.Zone(ctx, "")
	return it.text(zone), it, err
}

// item is the attached message, event or contact: what is of interest of all three.
type item struct {
	message
	Type        string `json:"@odata.type"`
	Start       struct{ DateTime, TimeZone string }
	End         struct{ DateTime, TimeZone string }
	Location    struct{ DisplayName string }
	Organizer   *graph.Recipient
	Attendees   []graph.Recipient
	DisplayName string
	Addresses   []graph.EmailAddress `json:"emailAddresses"`
	Company     string               `json:"companyName"`
	Phones      []string             `json:"businessPhones"`
	Mobile      string               `json:"mobilePhone"`
}

func (i item) text(zone timezone.Zone) string {
	var b strings.Builder
	var contacts []string
	for _, a := range i.Addresses {
		contacts = append(contacts, content.Address(a.Name, a.Address))
	}
	for _, l := range []struct{ name, text string }{
		{"Subject", i.Subject},
		{"From", person(i.From)},
		{"To", strings.Join(people(i.To, shownPeople), ", ")},
		{"Cc", strings.Join(people(i.CC, shownPeople), ", ")},
		{"Sent", zone.Format(i.Sent)},
		{"Start", strings.TrimSpace(i.Start.DateTime + " " + i.Start.TimeZone)},
		{"End", strings.TrimSpace(i.End.DateTime + " " + i.End.TimeZone)},
		{"Place", i.Location.DisplayName},
		{"Organizer", person(i.Organizer)},
		{"Attendees", strings.Join(people(i.Attendees, shownPeople), ", ")},
		{"Name", i.DisplayName},
		{"Company", i.Company},
		{"Addresses", strings.Join(contacts, ", ")},
		{"Phones", strings.Join(append(i.Phones, i.Mobile), ", ")},
	} {
		if text := strings.Trim(content.Line(l.text, 1000), ", "); text != "" {
			fmt.Fprintf(&b, "%s: %s\n", l.name, text)
		}
	}
	reading := read(i.Body, false)
	b.WriteString("\n" + reading.Text)
	if reading.Quoted != "" {
		b.WriteString("\n\n---\n\n" + reading.Quoted)
	}
	return strings.TrimSpace(b.String())
}
