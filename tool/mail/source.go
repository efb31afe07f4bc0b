package mail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/tool"
)

// Bounds of files that leave. Below 3 MB one request attaches a file, up to 150 MB
// an upload session does (https://learn.microsoft.com/graph/outlook-large-attachments).
const (
	maxInline      = 3 << 20
	maxAttachment  = 150 << 20
	maxAttachments = 20
)

var attachmentsField = tool.Field{Name: "attachments", Type: tool.StringOrList, MaxItems: maxAttachments, Description: "Ids of uploads (up_...) or files, below 3 MB."}

// source finds a file that a model names: an upload, or a file of a drive, which is
// not fetched yet. scope is what a file of a drive needs: one of a drive that
// is not the person's own, as much as the tools for files need for it.
func source(ctx context.Context, c tool.Call, field, given string) (file tool.Source, scope string, err error) {
	if strings.HasPrefix(given, "up_") {
		file, err = c.Uploads.Find(ctx, c.Principal, given)
		return file, "", err //nolint:wrapcheck // words for the caller
	}
	if c.Denied(fileTool) {
		return nil, "", tool.Invalid(field, "is no upload (up_...), and files of drives this server does not offer")
	}
	item, err := c.ResolveDriveItem(ctx, field, given)
	if err != nil {
		return nil, "", err
	}
	if scope, err = reach(ctx, c, item.Drive); err != nil || !c.Has(scope) {
		return nil, scope, err // the plan's scopes refuse it, in the words for that
	}
	path, err := graph.To("/drives/{drive}/items/{item}", item.Drive, item.Item)
	if err != nil {
		return nil, scope, tool.Invalid(field, "is no id of a file; take it from searchFiles or listFiles")
	}
	resp, err := c.Graph.Do(ctx, graph.Request{Method: graph.Get, Path: path, Query: graph.Query{}.Select("id", "name", "size", "file", "eTag")})
	if err != nil {
		return nil, scope, err
	}
	var meta struct {
		Name string
		Size int64
		ETag string
		File *struct{ MimeType string }
	}
	if err := resp.Decode(&meta); err != nil {
		return nil, scope, err
	}
	switch {
	case meta.File == nil:
		return nil, scope, tool.Invalid(field, "is a folder; only files can be attached")
	case meta.Size > maxAttachment:
		return nil, scope, tool.Invalid(field, fmt.Sprintf("has %s; at most %s can be attached: share it instead with shareFile", size(meta.Size), size(maxAttachment)))
	}
	if path, err = graph.To("/drives/{drive}/items/{item}/content", item.Drive, item.Item); err != nil {
		return nil, scope, fmt.Errorf("drive item: %w", err)
	}
	return c.Remote(tool.Remote{
		Name: meta.Name, ContentType: meta.File.MimeType, Size: meta.Size, Version: item.String() + ":" + meta.ETag,
		Content: graph.Request{Method: graph.Get, Path: path, Follow: true},
	}), scope, nil
}

// fileTool reads files: where an administrator has taken it away, none is sent either.
const fileTool = "readFile"

// reach is the scope that reading a drive needs.
func reach(ctx context.Context, c tool.Call, drive string) (string, error) {
	if c.Has(everyFileScope) || !c.Has(fileScope) {
		return fileScope, nil
	}
	resp, err := c.Graph.Do(ctx, graph.Request{Method: graph.Get, Path: graph.Fixed("/me/drive"), Query: graph.Query{}.Select("id")})
	if err != nil {
		return "", err
	}
	var own struct {
		ID string `json:"id"`
	}
	if err := resp.Decode(&own); err != nil {
		return "", err
	}
	if own.ID != drive {
		return everyFileScope, nil
	}
	return fileScope, nil
}

// everyFileScope reads the drives of others and of sites.
const everyFileScope = "Files.Read.All"

// sources opens several files for one request; p gets them, and the scope that files
// of a drive need. Nothing is fetched before it is known that all of them fit.
func sources(ctx context.Context, c tool.Call, p *tool.Plan, given []string) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll(p.Files))
		}
	}()
	for _, id := range given {
		file, scope, err := source(ctx, c, "attachments", id)
		if scope != "" {
			p.Scopes = append(p.Scopes, scope)
		}
		if err != nil {
			return err
		}
		if file != nil {
			p.Files = append(p.Files, file)
		}
	}
	if err := together(p.Files); err != nil {
		return err
	}
	for _, f := range p.Files {
		if err := c.Load(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// together refuses files that are too large for one request.
func together(files []tool.Source) error {
	var total int64
	for _, f := range files {
		total += f.Size()
	}
	if total >= maxInline {
		return tool.Invalid("attachments", fmt.Sprintf("have %s, and a mail takes less than %s at once; use createDraft, addDraftAttachment for each file, and sendDraft", size(total), size(maxInline)))
	}
	return nil
}

// closeAll closes the files of a plan that comes to nothing.
func closeAll(files []tool.Source) error {
	var errs []error
	for _, f := range files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// attach reads files into what one request attaches.
func attach(files []tool.Source) ([]attachedFile, error) {
	if err := together(files); err != nil { // one has grown
		return nil, err
	}
	var out []attachedFile
	for _, f := range files {
		one, err := attached(f)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func attached(f tool.Source) (attachedFile, error) {
	bytes, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
	if err != nil {
		return attachedFile{}, fmt.Errorf("attachment: %w", err)
	}
	return attachedFile{fileAttachment, content.Line(f.Name(), 255), f.ContentType(), bytes}, nil
}

// carried are the files of a mail that go out with it, and what is known of their
// text by now.
func carried(ctx context.Context, c tool.Call, b graph.Mailbox, mail string, list []attachment) (files []tool.Source, texts []string, err error) {
	of := holder{box: b, id: mail}
	for _, a := range list {
		if a.Type == referenceAttachment {
			texts = append(texts, a.Name)
			continue
		}
		file, text, err := a.leaving(ctx, c, of)
		if err != nil {
			return nil, nil, err
		}
		files, texts = append(files, file), append(texts, text)
	}
	return files, texts, nil
}

// leaving is the attachment as a file that goes out. The content of an attachment
// never changes; another one has another id.
func (a attachment) leaving(ctx context.Context, c tool.Call, of holder) (file tool.Source, text string, err error) {
	path, err := of.to(contentSuffix, a.ID)
	if err != nil {
		return nil, "", err
	}
	r := tool.Remote{
		Name: or(a.Name, "attachment"), ContentType: a.ContentType, Size: a.Size, Version: of.id + ":" + a.ID,
		Content: graph.Request{Method: graph.Get, Path: path, Prefer: immutable},
	}
	if a.Type == itemAttachment {
		var it item
		if text, it, err = a.itemText(ctx, c, of); err != nil {
			return nil, "", err
		}
		// The whole of a mail as MIME has its own attachments too. Of an event or a
		// contact nothing brings them.
		r.Name, r.ContentType, r.Opaque = r.Name+mailFile, mailType, it.Type != messageItem
	}
	return c.Remote(r), text, nil
}
