package files

import (
	"context"
	"errors"
	"fmt"
	"io"

	"m365mcp/graph"
	"m365mcp/tool"
)

type uploadArgs struct {
	UploadID string  `json:"uploadId"`
	Content  *string `json:"content"`
	Name     string  `json:"name"`
	Conflict string  `json:"conflict"`
	place
}

type uploadOut struct {
	changed
	UploadURL string `json:"uploadUrl,omitempty"`
	UploadID  string `json:"uploadId,omitempty"`
	Expires   string `json:"expires,omitempty"`
}

const (
	// maxSimple is what one request takes; the rest goes in chunks. Graph would take
	// 250 MB, but a lost answer would then cost all of it.
	maxSimple = 4 << 20

	maxInline = 200_000

	conflictFail, conflictReplace = "fail", "replace"
	behavior                      = "@microsoft.graph.conflictBehavior"
)

func uploadFile() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "uploadFile", Title: "Upload a file", Family: family,
		Description: "Uploads a file to OneDrive or a SharePoint site: text as content, or uploadId. Without both it returns a page where the person hands in a file, and the file's uploadId.",
		Keywords:    "save write create document store attach put",
		Input: append([]tool.Field{
			{Name: "name", Type: tool.String, MaxLength: maxName, Description: "With extension, such as notes.md."},
			{Name: "content", Type: tool.String, MaxLength: maxInline},
			{Name: "uploadId", Type: tool.String},
			{Name: "conflict", Type: tool.String, Enum: []string{conflictFail, "rename", conflictReplace}, Default: conflictFail, Description: "If the name is taken."},
		}, placeFields...),
		Output: append([]tool.Field{
			{Name: "size", Type: tool.Integer}, {Name: "uploadUrl", Type: tool.String}, {Name: "uploadId", Type: tool.String}, {Name: "expires", Type: tool.String},
		}, changedFields...),
		Core:   true,
		Scopes: []string{writeScope}, SharedScopes: writeElsewhere[:1],
	}, planUpload, doUpload)
}

func planUpload(ctx context.Context, c tool.Call, a uploadArgs) (tool.Plan, error) {
	switch {
	case a.Content != nil && a.UploadID != "":
		return tool.Plan{}, tool.Invalid("uploadId", "stands beside content; give one of them")
	case a.Content != nil && a.Name == "":
		return tool.Plan{}, tool.Invalid("name", "is needed with content, such as notes.md")
	case a.Content != nil && *a.Content == "":
		return tool.Plan{}, tool.Invalid("content", "is empty; give the text of the file")
	case a.Content == nil && a.UploadID == "":
		return tool.Plan{Target: "(upload link)"}, nil
	}
	at, lacks, err := a.find(ctx, c, writeElsewhere)
	if err != nil || lacks != nil {
		return tool.Plan{Target: "/drives/{drive}", Scopes: lacks}, err
	}
	if a.Content != nil {
		plan, err := a.plan(ctx, c, at, int64(len(*a.Content)), []byte(*a.Content))
		plan.Content = []string{a.Name, *a.Content}
		return plan, err
	}
	source, err := c.Uploads.Find(ctx, c.Principal, a.UploadID)
	if err != nil {
		return tool.Plan{}, fmt.Errorf("uploadId: %w", err)
	}
	plan, err := a.planSource(ctx, c, at, source)
	if err != nil { // the Runner closes the files of plans only
		return tool.Plan{}, errors.Join(err, source.Close())
	}
	plan.Files = []tool.Source{source}
	return plan, nil
}

func (a uploadArgs) planSource(ctx context.Context, c tool.Call, at spot, source tool.Source) (tool.Plan, error) {
	if a.Name == "" {
		a.Name = source.Name()
	}
	switch size := source.Size(); {
	case size == 0: // neither a chunk nor a described request
		return tool.Plan{}, tool.Invalid("uploadId", "is an empty file, which is not saved")
	case size > maxSimple:
		return a.plan(ctx, c, at, size, nil)
	}
	body, err := io.ReadAll(io.NewSectionReader(source, 0, source.Size()))
	if err != nil {
		return tool.Plan{}, fmt.Errorf("upload: %w", err)
	}
	return a.plan(ctx, c, at, source.Size(), body)
}

// plan is one PUT, or the upload session of a large file.
func (a uploadArgs) plan(ctx context.Context, c tool.Call, at spot, size int64, body []byte) (tool.Plan, error) {
	if err := checkName("name", a.Name); err != nil {
		return tool.Plan{}, err
	}
	conflict, etag, place := a.Conflict, "", at
	to := func(suffix string) (graph.Path, error) { return at.to(":/{name}:"+suffix, a.Name) }
	if a.Conflict == conflictReplace {
		old, err := a.existing(ctx, c, at)
		if err != nil {
			return tool.Plan{}, err
		}
		// Nothing there: what comes in between is not replaced. Else: only what was seen is.
		conflict = conflictFail
		if old.ID != "" {
			conflict, etag, place = conflictReplace, old.ETag, spot{old.Parent.DriveID, old.ID}
			to = func(suffix string) (graph.Path, error) { return place.to(suffix) }
		}
	}
	request := graph.Request{Method: graph.Put, Body: body, ContentType: "application/octet-stream"}
	suffix := "/content"
	if size > maxSimple {
		var err error
		if request, err = graph.PostJSON(graph.Path{}, map[string]any{"item": map[string]string{behavior: conflict}}); err != nil {
			return tool.Plan{}, err
		}
		suffix = "/createUploadSession"
	} else if etag == "" {
		request.Query = graph.Query{}.Param(behavior, conflict)
	}
	path, err := to(suffix)
	if err != nil {
		return tool.Plan{}, tool.Invalid("name", "cannot stand in an address; choose another one")
	}
	request.Path, request.IfMatch = path, etag
	readers, err := place.readers(ctx, c)
	return tool.Plan{Target: path.Template(), Recipients: readers, Writes: []graph.Request{request}}, err
}

// existing is the file that has the name already; zero for none.
func (a uploadArgs) existing(ctx context.Context, c tool.Call, at spot) (driveItem, error) {
	path, err := at.to(":/{name}:", a.Name)
	if err != nil {
		return driveItem{}, tool.Invalid("name", "cannot stand in an address; choose another one")
	}
	resp, err := c.Graph.Do(ctx, graph.Request{Method: graph.Get, Path: path, Query: graph.Query{}.Select("id", "eTag", "folder", "parentReference")})
	if notFound(err) {
		return driveItem{}, nil
	}
	if err != nil {
		return driveItem{}, err
	}
	var old driveItem
	if err := resp.Decode(&old); err != nil {
		return driveItem{}, err
	}
	if old.Folder != nil {
		return driveItem{}, tool.Invalid("name", "is that of a folder there; choose another one")
	}
	return old, old.known(resp.Exchange)
}

func doUpload(ctx context.Context, c tool.Call, _ uploadArgs) (tool.Result, error) {
	if len(c.Plan.Writes) == 0 {
		return uploadLink(ctx, c)
	}
	var resp *graph.Response
	var err error
	if write := c.Plan.Writes[0]; write.Method == graph.Post {
		resp, err = c.Upload(ctx, write, c.Plan.Files[0])
	} else {
		resp, err = c.Graph.Do(ctx, write)
	}
	if err != nil {
		return tool.Result{}, err
	}
	made, err := readChanged(ctx, c, resp, "")
	if err != nil {
		return tool.Result{}, err
	}
	return tool.Result{
		Structured: uploadOut{changed: made}, Items: 1, Text: fmt.Sprintf("Saved %s [%s], %s: %s", made.Name, made.ID, sizeOf(made.Size), made.URL),
	}, nil
}

func uploadLink(ctx context.Context, c tool.Call) (tool.Result, error) {
	zone, err := c.Zone(ctx, "")
	if err != nil {
		return tool.Result{}, err
	}
	link, err := c.Tickets.Upload(ctx, c.Principal, zone)
	if err != nil {
		return tool.Result{}, fmt.Errorf("ticket: %w", err)
	}
	out := uploadOut{UploadURL: link.URL, UploadID: link.UploadID, Expires: zone.Format(link.Expires)}
	return tool.Result{Structured: out, Text: fmt.Sprintf(
		"Give the person this page, open until %s (%s): %s\nThe file they send there has the id %s, for an hour: to save it, call uploadFile with it as uploadId; to attach it, give it as an attachment.",
		out.Expires, zone.Label(), out.UploadURL, out.UploadID)}, nil
}
