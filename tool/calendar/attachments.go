package calendar

import (
	"context"
	"fmt"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/tool"
)

// maxFiles bounds the attachments of an event that are looked at.
const maxFiles = 50

// graphFile is what Graph's attachment resources have in common.
type graphFile struct {
	Type        string `json:"@odata.type"`
	ID          string `json:"id"`
	Name        string `json:"name"`
	ContentType string `json:"contentType"`
	Size        int64  `json:"size"`
}

// file is an attachment as models read it; getAttachment takes its id.
type file struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Size int64  `json:"size,omitempty"`
}

var fileFields = []tool.Field{{Name: "id", Type: tool.String}, {Name: "name", Type: tool.String}, {Name: "size", Type: tool.Integer}}

// listFiles lists the attachments of an event, and says whether there are more.
func listFiles(ctx context.Context, c tool.Call, mailbox, event string) (list []graphFile, more bool, err error) {
	path, err := pathOf(mailbox, "/events/{event}/attachments", event)
	if err != nil {
		return nil, false, err
	}
	list, next, err := graph.List[graphFile](ctx, c.Graph, graph.Request{
		Method: graph.Get, Path: path, Prefer: []string{graph.ImmutableIDs}, Query: graph.Query{}.Select("id", "name", "contentType", "size").Top(maxFiles),
	}, maxFiles)
	return list, next != "", err
}

// files are the attachments of an event as models read them.
func files(ctx context.Context, c tool.Call, mailbox, event string) ([]file, error) {
	list, _, err := listFiles(ctx, c, mailbox, event)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(list))
	for i, f := range list {
		ids[i] = f.ID
	}
	if ids, err = c.Short(ctx, handle.KindAttachment, ids); err != nil {
		return nil, err
	}
	out := make([]file, len(list))
	for i, f := range list {
		out[i] = file{ids[i], content.Line(f.Name, 200), f.Size}
	}
	return out, nil
}

func (f file) line() string { return fmt.Sprintf("%s [%s] (%d KB)", f.Name, f.ID, (f.Size+1023)/1024) }

// invitation is all that somebody gets who is invited to an event that is there
// already: its texts and its attachments.
func invitation(ctx context.Context, c tool.Call, mailbox string, e graphEvent) (texts []string, files []tool.Source, err error) {
	texts = []string{e.Subject, e.Location.DisplayName}
	if e.Body != nil {
		texts = append(texts, e.Body.Content)
	}
	files, names, err := carried(ctx, c, mailbox, e)
	return append(texts, names...), files, err
}

// carried are the attachments that whoever is invited to an event gets, as files for
// DLP to read, and the names of those that are links. What hangs on an attached item
// nobody reads.
func carried(ctx context.Context, c tool.Call, mailbox string, e graphEvent) (sources []tool.Source, names []string, err error) {
	if !e.HasAttachments {
		return nil, nil, nil
	}
	list, more, err := listFiles(ctx, c, mailbox, e.ID)
	if err == nil && more {
		err = tool.Invalid("id", fmt.Sprintf("is an event with more than %d attachments, which are not all looked at", maxFiles))
	}
	if err != nil {
		return nil, nil, err
	}
	for _, f := range list {
		if strings.HasSuffix(f.Type, ".referenceAttachment") {
			names = append(names, f.Name)
			continue
		}
		path, err := pathOf(mailbox, "/events/{event}/attachments/{attachment}/$value", e.ID, f.ID)
		if err != nil {
			return nil, nil, err
		}
		sources = append(sources, c.Remote(tool.Remote{
			Name: f.Name, ContentType: f.ContentType, Size: f.Size, Version: e.ID + ":" + f.ID, Opaque: !strings.HasSuffix(f.Type, ".fileAttachment"),
			Content: graph.Request{Method: graph.Get, Path: path, Prefer: []string{graph.ImmutableIDs}},
		}))
	}
	return sources, names, nil
}
