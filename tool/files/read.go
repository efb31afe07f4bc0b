package files

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/tool"
)

type readArgs struct {
	ID       string `json:"id"`
	Part     string `json:"part"`
	MaxChars int    `json:"maxChars"`
	Cursor   string `json:"cursor"`
}

type readOut struct {
	Name     string   `json:"name"`
	Modified string   `json:"modified,omitempty"`
	Text     string   `json:"text"`
	Notes    []string `json:"notes,omitempty"`
	Cursor   string   `json:"cursor,omitempty"`
}

// maxRead is how much of a file is held in memory for its text.
const maxRead = 25 << 20

func readFile() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "readFile", Title: "Read a file", Family: family,
		Description: "Reads the text of a document or file: Word, Excel, PowerPoint, PDF, CSV, mail, text. getFileLink is for others and above 25 MB.",
		Keywords:    "open document contents summarize spreadsheet presentation extract",
		Input: []tool.Field{
			idField,
			{Name: "part", Type: tool.String, MaxLength: 100, Description: "One sheet (name), page or slide (number)."},
			{Name: "maxChars", Type: tool.Integer, Default: content.PageSize, Min: 500, Max: 50_000},
			{Name: "cursor", Type: tool.String},
		},
		Output: []tool.Field{
			{Name: "name", Type: tool.String},
			{Name: "modified", Type: tool.String},
			{Name: "text", Type: tool.String, Required: true},
			{Name: "notes", Type: tool.StringList},
			{Name: "cursor", Type: tool.String},
		},
		ReadOnly: true, Idempotent: true, OpenWorld: true, Core: true, Untrusted: true,
		Scopes: []string{readScope}, OptionalScopes: readElsewhere[:1],
	}, planRead, doRead)
}

func planRead(ctx context.Context, c tool.Call, a readArgs) (tool.Plan, error) {
	at, lacks, err := named(ctx, c, "id", a.ID, readElsewhere)
	if err != nil {
		return tool.Plan{}, err
	}
	path, err := at.to("/content")
	return tool.Plan{Target: path.Template(), Scopes: lacks}, err
}

func doRead(ctx context.Context, c tool.Call, a readArgs) (tool.Result, error) {
	ref, err := c.ResolveDriveItem(ctx, "id", a.ID)
	if err != nil {
		return tool.Result{}, err
	}
	at := spot{ref.Drive, ref.Item}
	d, err := at.get(ctx, c, "id", "name", "size", "file", "folder", "lastModifiedDateTime")
	if err != nil {
		return tool.Result{}, err
	}
	doc, err := at.text(ctx, c, d)
	if err != nil {
		return tool.Result{}, err
	}
	text := doc.Text
	if a.Part != "" {
		if text = part(text, a.Part); text == "" {
			return tool.Result{}, tool.Invalid("part", "is no sheet, page or slide of this file; leave it out to read from the beginning")
		}
	}
	page, next, err := content.Page(text, a.MaxChars, a.Cursor)
	if err != nil {
		return tool.Result{}, tool.Invalid("cursor", err.Error())
	}
	zone, err := c.Zone(ctx, "")
	if err != nil {
		return tool.Result{}, err
	}
	out := readOut{Name: content.Line(d.Name, maxName), Modified: zone.Format(d.Modified), Text: page, Cursor: next}
	for _, n := range doc.Notes {
		out.Notes = append(out.Notes, content.Line(n, maxSummary))
	}
	return tool.Result{Structured: out, Text: out.text(), Items: 1}, nil
}

// text reads the file into memory and takes its text out.
func (s spot) text(ctx context.Context, c tool.Call, d driveItem) (tool.Document, error) {
	switch {
	case d.File == nil:
		return tool.Document{}, tool.Invalid("id", "is a folder or a notebook, which has no text; listFiles shows what is in a folder")
	case d.Size > maxRead:
		return tool.Document{}, tooLarge(d.Size)
	}
	path, err := s.to("/content")
	if err != nil {
		return tool.Document{}, err
	}
	resp, err := c.Graph.Do(ctx, graph.Request{Method: graph.Get, Path: path, Follow: true, MaxBytes: maxRead})
	if errors.Is(err, graph.ErrTooLarge) { // it has grown since
		return tool.Document{}, tooLarge(maxRead + 1)
	}
	if err != nil {
		return tool.Document{}, err
	}
	doc, err := c.Documents.Text(ctx, c.Principal, d.Name, d.File.MimeType, resp.Body)
	if errors.Is(err, tool.ErrUnreadable) {
		return tool.Document{}, tool.Invalid("id", "is a file of which "+err.Error()+"; getFileLink gives the person a link to the file itself")
	}
	if err != nil {
		return tool.Document{}, fmt.Errorf("text of the file: %w", err)
	}
	return doc, nil
}

func tooLarge(size int64) error {
	return &tool.Error{
		Code: tool.CodeTooLarge, Message: fmt.Sprintf("the file has %s; text is read of files of at most %d MB.", sizeOf(size), maxRead>>20),
		Action: "give the person the link of getFileLink, or read a smaller file.",
	}
}

// part is the text below the heading that package document sets above a sheet, a
// page or a slide, up to the next one; "" for none.
func part(text, wanted string) string {
	inside := false
	var b strings.Builder
	for line := range strings.Lines(text) {
		heading, ok := strings.CutPrefix(strings.TrimSpace(line), "## ")
		kind, name, split := strings.Cut(heading, " ")
		if ok && split && (kind == "Sheet:" || kind == "Page" || kind == "Slide") {
			if inside {
				break
			}
			inside = strings.EqualFold(name, wanted) || strings.EqualFold(heading, wanted)
		}
		if inside {
			b.WriteString(line)
		}
	}
	return strings.TrimSpace(b.String())
}

func (o readOut) text() string {
	lines := []string{o.Name + ", " + o.Modified, "", o.Text}
	for _, n := range o.Notes {
		lines = append(lines, "Note: "+n)
	}
	if o.Cursor != "" {
		lines = append(lines, "More: cursor "+o.Cursor)
	}
	return strings.Join(lines, "\n")
}
