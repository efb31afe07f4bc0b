package files

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/tool"
)

type rowsArgs struct {
	SiteID string `json:"siteId"`
	List   string `json:"list"`
	Field  string `json:"field"`
	Value  string `json:"value"`
	Count  int    `json:"count"`
	Cursor string `json:"cursor"`
}

type rowsOut struct {
	Lists    []list `json:"lists,omitempty"`
	Items    []row  `json:"items,omitempty"`
	TimeZone string `json:"timeZone,omitempty"`
	Cursor   string `json:"cursor,omitempty"`
}

type list struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

type row struct {
	ID       string         `json:"id"`
	Modified string         `json:"modified,omitempty"`
	Values   map[string]any `json:"values"`
}

func getListItems() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "getListItems", Title: "SharePoint list items", Family: family,
		Description: "Returns the rows of a SharePoint list with their columns; without list, the names of the site's lists.",
		Keywords:    "table rows tracker register Microsoft Lists",
		Input: []tool.Field{
			{Name: "siteId", Type: tool.String, Required: true},
			{Name: "list", Type: tool.String, MaxLength: 300, Description: "Name or id."},
			{Name: "field", Type: tool.String, MaxLength: 100, Description: "Column that must equal value."},
			{Name: "value", Type: tool.String, MaxLength: 255},
			{Name: "count", Type: tool.Integer, Default: 20, Min: 1, Max: 100},
			{Name: "cursor", Type: tool.String},
		},
		Output: []tool.Field{
			{Name: "lists", Type: tool.ObjectList, Items: []tool.Field{
				{Name: "id", Type: tool.String},
				{Name: "name", Type: tool.String},
				{Name: "description", Type: tool.String},
			}},
			{Name: "items", Type: tool.ObjectList, Items: []tool.Field{
				{Name: "id", Type: tool.String},
				{Name: "modified", Type: tool.String},
				{Name: "values", Type: tool.Object},
			}},
			{Name: "timeZone", Type: tool.String},
			{Name: "cursor", Type: tool.String},
		},
		ReadOnly: true, Idempotent: true, OpenWorld: true, Untrusted: true,
		Scopes: []string{siteScope},
	}, planRows, doRows)
}

func planRows(ctx context.Context, c tool.Call, a rowsArgs) (tool.Plan, error) {
	site, err := c.Resolve(ctx, "siteId", handle.KindSite, a.SiteID)
	if err != nil {
		return tool.Plan{}, err
	}
	path, err := graph.To("/sites/{site}/lists", site)
	if err != nil {
		return tool.Plan{}, tool.Invalid("siteId", "is no id of a site; take it from searchSites")
	}
	switch {
	case (a.Field == "") != (a.Value == ""):
		return tool.Plan{}, tool.Invalid("field", "and value go together; give both or none")
	case a.Field != "" && a.List == "":
		return tool.Plan{}, tool.Invalid("list", "is needed with field; leave both out to see the site's lists")
	case a.List != "":
		path = graph.Fixed("/sites/{site}/lists/{list}/items") // for the audit; doRows looks the list up
	}
	return tool.Plan{Target: path.Template()}, nil
}

func doRows(ctx context.Context, c tool.Call, a rowsArgs) (tool.Result, error) {
	site, err := c.Resolve(ctx, "siteId", handle.KindSite, a.SiteID)
	if err != nil {
		return tool.Result{}, err
	}
	if a.List == "" {
		return lists(ctx, c, a, site)
	}
	id, err := a.find(ctx, c, site)
	if err != nil {
		return tool.Result{}, err
	}
	path, err := graph.To("/sites/{site}/lists/{list}/items", site, id)
	if err != nil {
		return tool.Result{}, tool.Invalid("list", "is no name or id of a list")
	}
	request := graph.Request{
		Method: graph.Get, Path: path, Query: graph.Query{}.Select("id", "lastModifiedDateTime").Expand("fields").Top(a.Count),
	}
	if a.Field != "" {
		filter, err := a.filter(ctx, c, site, id)
		if err != nil {
			return tool.Result{}, err
		}
		request.Query = request.Query.Filter(filter)
		// Without it Graph refuses columns without an index, however short the list.
		request.Prefer = []string{"HonorNonIndexedQueriesWarningMayFailRandomly"}
	}
	if request.Next, err = c.Next(ctx, path, a.Cursor); err != nil {
		return tool.Result{}, err
	}
	zone, err := c.Zone(ctx, "")
	if err != nil {
		return tool.Result{}, err
	}
	items, next, err := graph.List[struct {
		ID       string                     `json:"id"`
		Modified time.Time                  `json:"lastModifiedDateTime"`
		Fields   map[string]json.RawMessage `json:"fields"`
	}](ctx, c.Graph, request, a.Count)
	if err != nil {
		return tool.Result{}, err
	}
	out := rowsOut{Items: make([]row, len(items)), TimeZone: zone.Label()}
	lines := []string{"Times in " + out.TimeZone + ":"}
	for i, item := range items {
		out.Items[i] = row{content.Line(item.ID, 40), zone.Format(item.Modified), values(item.Fields, zone)}
		lines = append(lines, out.Items[i].line())
	}
	if len(items) == 0 {
		lines = []string{"No items."}
	}
	if out.Cursor, err = c.Cursor(ctx, path, next); err != nil {
		return tool.Result{}, err
	}
	if out.Cursor != "" {
		lines = append(lines, "More: cursor "+out.Cursor)
	}
	return tool.Result{Structured: out, Text: strings.Join(lines, "\n"), Items: len(items)}, nil
}

// graphList holds the properties of Graph's list resource that are of use.
type graphList struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`
	Description string `json:"description"`
}

const maxLists = 200

func listsOf(ctx context.Context, c tool.Call, site string, first graph.Request, limit int) ([]graphList, string, error) {
	path, err := graph.To("/sites/{site}/lists", site)
	if err != nil {
		return nil, "", tool.Invalid("siteId", "is no id of a site; take it from searchSites")
	}
	first.Method, first.Path, first.Query = graph.Get, path, graph.Query{}.Select("id", "name", "displayName", "description").Top(limit)
	return graph.List[graphList](ctx, c.Graph, first, limit)
}

// lists shows what lists the site has.
func lists(ctx context.Context, c tool.Call, a rowsArgs, site string) (tool.Result, error) {
	path, err := graph.To("/sites/{site}/lists", site)
	if err != nil {
		return tool.Result{}, tool.Invalid("siteId", "is no id of a site; take it from searchSites")
	}
	from, err := c.Next(ctx, path, a.Cursor)
	if err != nil {
		return tool.Result{}, err
	}
	items, next, err := listsOf(ctx, c, site, graph.Request{Next: from}, a.Count)
	if err != nil {
		return tool.Result{}, err
	}
	ids := make([]string, len(items))
	for i, l := range items {
		ids[i] = l.ID
	}
	if ids, err = c.Short(ctx, handle.KindList, ids); err != nil {
		return tool.Result{}, err
	}
	out := rowsOut{Lists: make([]list, len(items))}
	var lines []string
	for i, l := range items {
		one := list{ids[i], content.Line(l.DisplayName, maxName), content.Line(l.Description, maxSummary)}
		out.Lists[i] = one
		lines = append(lines, strings.TrimSuffix("- "+one.Name+" ["+one.ID+"], "+one.Description, ", "))
	}
	if out.Cursor, err = c.Cursor(ctx, path, next); err != nil {
		return tool.Result{}, err
	}
	if out.Cursor != "" {
		lines = append(lines, "More: cursor "+out.Cursor)
	}
	return tool.Result{Structured: out, Text: strings.Join(lines, "\n"), Items: len(items)}, nil
}

// find is the id of the list that a model names: by its id, or by a name, which
// is looked up because it may have any character.
func (a rowsArgs) find(ctx context.Context, c tool.Call, site string) (string, error) {
	id, err := c.Resolve(ctx, "list", handle.KindList, a.List)
	if err != nil {
		return "", err
	}
	all, _, err := listsOf(ctx, c, site, graph.Request{}, maxLists)
	if err != nil {
		return "", err
	}
	var names []string
	for _, l := range all {
		if strings.EqualFold(l.ID, id) || strings.EqualFold(l.DisplayName, id) || strings.EqualFold(l.Name, id) {
			return l.ID, nil
		}
		names = append(names, content.Line(l.DisplayName, 60))
	}
	return "", tool.Invalid("list", fmt.Sprintf("is not on this site; it has %s", content.Line(strings.Join(names, ", "), 500)))
}
