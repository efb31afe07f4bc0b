package files

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"strings"

	"m365mcp/content"
	"m365mcp/handle"
	"m365mcp/timezone"
	"m365mcp/tool"
)

// file is a file or folder as models read it. What is empty or false is left out.
type file struct {
	ID         string `json:"id,omitempty"`
	Name       string `json:"name"`
	Folder     bool   `json:"folder,omitempty"`
	Children   int    `json:"children,omitempty"`
	Size       int64  `json:"size,omitempty"`
	Modified   string `json:"modified,omitempty"`
	ModifiedBy string `json:"modifiedBy,omitempty"`
	Path       string `json:"path,omitempty"`
	Summary    string `json:"summary,omitempty"`
	URL        string `json:"url,omitempty"`
	Created    string `json:"created,omitempty"`
	CreatedBy  string `json:"createdBy,omitempty"`
}

// What lists and what searches say of a file.
var (
	listedFields = append([]tool.Field{{Name: "children", Type: tool.Integer}}, fileFields...)
	foundFields  = append([]tool.Field{{Name: "path", Type: tool.String}, {Name: "summary", Type: tool.String}}, fileFields...)
	fileFields   = []tool.Field{
		{Name: "id", Type: tool.String},
		{Name: "name", Type: tool.String},
		{Name: "folder", Type: tool.Boolean},
		{Name: "size", Type: tool.Integer},
		{Name: "modified", Type: tool.String},
		{Name: "modifiedBy", Type: tool.String},
		{Name: "url", Type: tool.String},
		{Name: "created", Type: tool.String},
		{Name: "createdBy", Type: tool.String},
	}
)

var fieldsField = tool.Field{Name: "fields", Type: tool.StringList, Enum: extraNames}

// Bounds of what is shown of an item.
const (
	maxName    = 255
	maxPerson  = 100
	maxURL     = 1000
	maxSummary = 200
)

// shape makes results of items, with short ids. Where they lie is said of search
// results only: of a listed folder it is known.
func shape(ctx context.Context, c tool.Call, items []driveItem, fields []string, paths bool, zone timezone.Zone) ([]file, error) {
	ids, out := make([]string, len(items)), make([]file, len(items))
	for i, d := range items {
		d = d.target()
		f := file{
			Name: content.Line(d.Name, maxName), Folder: d.Folder != nil, Modified: zone.Format(d.Modified),
			ModifiedBy: content.Line(d.By.User.DisplayName, maxPerson),
		}
		switch {
		case paths:
			f.Path = d.folder()
		case d.Folder != nil:
			f.Children = d.Folder.Children
		}
		if d.Folder == nil {
			f.Size = d.Size
		}
		for _, name := range fields {
			switch name {
			case "url":
				f.URL = content.Line(d.WebURL, maxURL)
			case "created":
				f.Created = zone.Format(d.Created)
			case "createdBy":
				f.CreatedBy = content.Line(d.Author.User.DisplayName, maxPerson)
			}
		}
		ids[i], out[i] = d.id(), f
	}
	short, err := c.Short(ctx, handle.KindDriveItem, ids)
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].ID = short[i]
	}
	return out, nil
}

// folder is where the item lies: below the top of its drive, or else as its address
// says, which has the site too. Addresses of Office's web pages do not say it.
func (d driveItem) folder() string {
	if _, below, found := strings.Cut(d.Parent.Path, "root:"); found {
		return content.Line(unescaped(strings.TrimPrefix(below, "/")), maxPath)
	}
	u, err := url.Parse(d.WebURL)
	if err != nil || strings.Contains(u.Path, "/_layouts/") || u.Path == "" {
		return ""
	}
	return content.Line(strings.TrimPrefix(path.Dir(u.Path), "/"), maxPath)
}

func unescaped(s string) string {
	if text, err := url.PathUnescape(s); err == nil {
		return text
	}
	return s
}

// line is the file as a line of text.
func (f file) line() string {
	var b strings.Builder
	b.WriteString("- " + f.Name)
	if f.ID != "" {
		fmt.Fprintf(&b, " [%s]", f.ID)
	}
	switch {
	case f.Children > 0:
		fmt.Fprintf(&b, ", folder of %d", f.Children)
	case f.Folder:
		b.WriteString(", folder")
	default:
		b.WriteString(", " + sizeOf(f.Size))
	}
	if f.Modified != "" {
		b.WriteString(", " + f.Modified)
	}
	for _, part := range []struct{ word, value string }{
		{" by ", f.ModifiedBy}, {", in ", f.Path}, {", created ", f.Created}, {", created by ", f.CreatedBy}, {", ", f.URL}, {"\n  ", f.Summary},
	} {
		if part.value != "" {
			b.WriteString(part.word + part.value)
		}
	}
	return b.String()
}

// sizeOf writes a size as people read it.
func sizeOf(n int64) string {
	switch {
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f KB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d bytes", n)
}
