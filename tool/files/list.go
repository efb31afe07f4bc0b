package files

import (
	"context"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/tool"
)

type listArgs struct {
	ID      string   `json:"id"`
	Path    string   `json:"path"`
	SiteID  string   `json:"siteId"`
	DriveID string   `json:"driveId"`
	Count   int      `json:"count"`
	Cursor  string   `json:"cursor"`
	Fields  []string `json:"fields"`
}

type listOut struct {
	Files     []file    `json:"files"`
	Libraries []library `json:"libraries,omitempty"`
	TimeZone  string    `json:"timeZone,omitempty"`
	Cursor    string    `json:"cursor,omitempty"`
}

// library is one of a site's document libraries.
type library struct {
	DriveID string `json:"driveId"`
	Name    string `json:"name"`
}

func listFiles() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "listFiles", Title: "Files of a folder", Family: family,
		Description: "Lists the files and folders in a folder of OneDrive or of a SharePoint site; the top folder if none is named.",
		Keywords:    "browse directory documents library contents OneDrive show",
		Input: []tool.Field{
			{Name: "id", Aliases: []string{"folderId"}, Type: tool.String, Description: "Of the folder."},
			placeFields[1],
			placeFields[2],
			{Name: "driveId", Type: tool.String, Description: "Another library of a site."},
			{Name: "count", Type: tool.Integer, Default: 50, Min: 1, Max: 200},
			{Name: "cursor", Type: tool.String},
			fieldsField,
		},
		Output: []tool.Field{
			{Name: "files", Type: tool.ObjectList, Required: true, Items: listedFields},
			{Name: "libraries", Type: tool.ObjectList, Items: []tool.Field{{Name: "driveId", Type: tool.String}, {Name: "name", Type: tool.String}}},
			{Name: "timeZone", Type: tool.String},
			{Name: "cursor", Type: tool.String},
		},
		ReadOnly: true, Idempotent: true, OpenWorld: true, Untrusted: true,
		Scopes: []string{readScope}, OptionalScopes: readElsewhere[:1],
	}, planList, doList)
}

func (a listArgs) place() place {
	return place{FolderID: a.ID, Path: a.Path, SiteID: a.SiteID, idField: "id"}
}

// start is the folder where the path begins; p is the place of the arguments.
func (a listArgs) start(ctx context.Context, c tool.Call, p place) (at spot, lacks []string, err error) {
	switch {
	case a.DriveID == "":
		return p.start(ctx, c, readElsewhere)
	case a.ID != "" || a.SiteID != "":
		return at, nil, tool.Invalid("driveId", "stands beside id or siteId, which name another place; give one of them")
	}
	if at.drive, err = c.Resolve(ctx, "driveId", handle.KindDrive, a.DriveID); err != nil {
		return at, nil, err
	}
	if _, err := at.to(""); err != nil {
		return at, nil, tool.Invalid("driveId", "is no id of a library; take it from listFiles of the site")
	}
	if !p.allowed {
		lacks, err = lacking(ctx, c, at.drive, readElsewhere)
	}
	return at, lacks, err
}

// planList leaves the walk along the path to doList: the plan needs the scopes only.
func planList(ctx context.Context, c tool.Call, a listArgs) (tool.Plan, error) {
	if _, err := a.place().names(); err != nil {
		return tool.Plan{}, err
	}
	at, lacks, err := a.start(ctx, c, a.place())
	if err != nil {
		return tool.Plan{}, err
	}
	path, err := at.to("/children")
	return tool.Plan{Target: path.Template(), Scopes: lacks}, err
}

// find walks to the folder from where the plan has been.
func (a listArgs) find(ctx context.Context, c tool.Call) (spot, error) {
	p := a.place()
	p.allowed = true
	from, _, err := a.start(ctx, c, p)
	if err != nil {
		return spot{}, err
	}
	at, lacks, err := p.walk(ctx, c, from, readElsewhere)
	if err == nil && lacks != nil {
		err = tool.Invalid("path", "leads through a shortcut into another drive, for which the connection was not granted "+lacks[0])
	}
	return at, err
}

func doList(ctx context.Context, c tool.Call, a listArgs) (tool.Result, error) {
	at, err := a.find(ctx, c)
	if err != nil {
		return tool.Result{}, err
	}
	path, err := at.to("/children")
	if err != nil {
		return tool.Result{}, err
	}
	next, err := c.Next(ctx, path, a.Cursor)
	if err != nil {
		return tool.Result{}, err
	}
	zone, err := c.Zone(ctx, "")
	if err != nil {
		return tool.Result{}, err
	}
	items, more, err := graph.List[driveItem](ctx, c.Graph, graph.Request{
		Method: graph.Get, Path: path, Next: next, Query: graph.Query{}.Select(selected(a.Fields)...).Top(a.Count),
	}, a.Count)
	if err != nil {
		return tool.Result{}, err
	}
	out := listOut{TimeZone: zone.Label()}
	if out.Files, err = shape(ctx, c, items, a.Fields, false, zone); err != nil {
		return tool.Result{}, err
	}
	if a.SiteID != "" && a.Path == "" && a.Cursor == "" {
		if out.Libraries, err = libraries(ctx, c, a.SiteID); err != nil {
			return tool.Result{}, err
		}
	}
	if out.Cursor, err = c.Cursor(ctx, path, more); err != nil {
		return tool.Result{}, err
	}
	return tool.Result{Structured: out, Text: out.text(), Items: len(items)}, nil
}

// libraries are those of a site: many have more than the one that is listed.
func libraries(ctx context.Context, c tool.Call, siteID string) ([]library, error) {
	site, err := c.Resolve(ctx, "siteId", handle.KindSite, siteID)
	if err != nil {
		return nil, err
	}
	path, err := graph.To("/sites/{site}/drives", site)
	if err != nil {
		return nil, tool.Invalid("siteId", "is no id of a site; take it from searchSites")
	}
	drives, _, err := graph.List[struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}](ctx, c.Graph, graph.Request{Method: graph.Get, Path: path, Query: graph.Query{}.Select("id", "name")}, maxLibraries)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(drives))
	for i, d := range drives {
		ids[i] = d.ID
	}
	if ids, err = c.Short(ctx, handle.KindDrive, ids); err != nil {
		return nil, err
	}
	out := make([]library, len(drives))
	for i, d := range drives {
		out[i] = library{ids[i], content.Line(d.Name, maxName)}
	}
	return out, nil
}

const maxLibraries = 50

func (o listOut) text() string {
	var lines []string
	for _, f := range o.Files {
		lines = append(lines, f.line())
	}
	if len(o.Files) == 0 {
		lines = append(lines, "The folder is empty.")
	} else {
		lines = append([]string{"Times in " + o.TimeZone + ":"}, lines...)
	}
	for _, l := range o.Libraries {
		lines = append(lines, "Library "+l.Name+" ["+l.DriveID+"]")
	}
	if o.Cursor != "" {
		lines = append(lines, "More: cursor "+o.Cursor)
	}
	return strings.Join(lines, "\n")
}
