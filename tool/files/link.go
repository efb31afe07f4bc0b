package files

import (
	"context"
	"encoding/json"
	"fmt"

	"m365mcp/content"
	"m365mcp/tool"
)

type idArgs struct {
	ID string `json:"id"`
}

type linkOut struct {
	Name        string `json:"name"`
	Size        int64  `json:"size,omitempty"`
	DownloadURL string `json:"downloadUrl,omitempty"`
	Expires     string `json:"expires,omitempty"`
	WebURL      string `json:"webUrl,omitempty"`
}

func getFileLink() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "getFileLink", Title: "Link to a file", Family: family,
		Description: "Returns a link to download a file once within ten minutes, for this person alone, and its web page. Gives nobody else access; see shareFile.",
		Keywords:    "download URL open in browser save attachment",
		Input:       []tool.Field{idField},
		Output: []tool.Field{
			{Name: "name", Type: tool.String},
			{Name: "size", Type: tool.Integer},
			{Name: "downloadUrl", Type: tool.String},
			{Name: "expires", Type: tool.String},
			{Name: "webUrl", Type: tool.String},
		},
		ReadOnly: true, Untrusted: true,
		Scopes: []string{readScope}, OptionalScopes: readElsewhere[:1],
	}, planLink, doLink)
}

func planLink(ctx context.Context, c tool.Call, a idArgs) (tool.Plan, error) {
	at, lacks, err := named(ctx, c, "id", a.ID, readElsewhere)
	if err != nil {
		return tool.Plan{}, err
	}
	path, err := at.to("")
	return tool.Plan{Target: path.Template(), Scopes: lacks}, err
}

func doLink(ctx context.Context, c tool.Call, a idArgs) (tool.Result, error) {
	ref, err := c.ResolveDriveItem(ctx, "id", a.ID)
	if err != nil {
		return tool.Result{}, err
	}
	d, err := spot{ref.Drive, ref.Item}.get(ctx, c, "id", "name", "size", "file", "webUrl")
	if err != nil {
		return tool.Result{}, err
	}
	out := linkOut{Name: content.Line(d.Name, maxName), WebURL: content.Line(d.WebURL, maxURL)}
	text := out.Name + " on the web: " + out.WebURL
	if d.File != nil { // a folder has no bytes
		args, err := json.Marshal(idArgs{ref.String()})
		if err != nil {
			return tool.Result{}, fmt.Errorf("ticket: %w", err)
		}
		zone, err := c.Zone(ctx, "")
		if err != nil {
			return tool.Result{}, err
		}
		link, err := c.Tickets.Download(ctx, c.Principal, zone, tool.Download{
			Tool: downloadName, Args: args, Name: d.Name, ContentType: d.File.MimeType, Size: d.Size,
		})
		if err != nil {
			return tool.Result{}, fmt.Errorf("ticket: %w", err)
		}
		out.Size, out.DownloadURL, out.Expires = d.Size, link.URL, zone.Format(link.Expires)
		text = fmt.Sprintf("%s, %s, to download once, until %s (%s): %s\nOn the web: %s", out.Name, sizeOf(d.Size), out.Expires, zone.Label(), out.DownloadURL, out.WebURL)
	}
	return tool.Result{Structured: out, Text: text, Items: 1}, nil
}

// downloadName is the internal tool behind download links.
const downloadName = "download:file"

// downloadFile sends the bytes of a file to the person who redeems a link. They
// leave: what the person gets is on the person's own device from then on.
func downloadFile() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: downloadName, Title: "Download a file", Family: family, Of: "getFileLink",
		Description: "Streams a file to its person.",
		Input:       []tool.Field{idField},
		ReadOnly:    true, Idempotent: true, OpenWorld: true,
		Scopes: []string{readScope}, OptionalScopes: readElsewhere[:1],
	}, planDownload, doDownload)
}

func planDownload(ctx context.Context, c tool.Call, a idArgs) (tool.Plan, error) {
	plan, err := planRead(ctx, c, readArgs{ID: a.ID})
	if err != nil || plan.Scopes != nil {
		return plan, err
	}
	at, err := resolved(ctx, c, "id", a.ID)
	if err != nil {
		return tool.Plan{}, err
	}
	d, err := at.get(ctx, c, "id", "name", "eTag", "size", "file")
	if err != nil {
		return tool.Plan{}, err
	}
	file, err := at.leaving(c, d)
	plan.Files = []tool.Source{file}
	return plan, err
}

func doDownload(ctx context.Context, c tool.Call, _ idArgs) (tool.Result, error) {
	return tool.Result{Structured: struct{}{}, Items: 1}, c.Send(ctx, c.Plan.Files[0])
}
