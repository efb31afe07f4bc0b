package files

import (
	"context"
	"path"
	"regexp"
	"strconv"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/tool"
)

type searchArgs struct {
	Query  string   `json:"query"`
	Scope  string   `json:"scope"`
	Type   string   `json:"type"`
	Count  int      `json:"count"`
	Cursor string   `json:"cursor"`
	Fields []string `json:"fields"`
}

type searchOut struct {
	Files    []file `json:"files"`
	TimeZone string `json:"timeZone,omitempty"`
	Cursor   string `json:"cursor,omitempty"`
}

const everywhere = "everywhere"

func searchFiles() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "searchFiles", Title: "Search files", Family: family,
		Description: "Find a file by words of its name or text, in OneDrive or everywhere: shared files and SharePoint too.",
		Keywords:    "documents find Word Excel PowerPoint PDF OneDrive SharePoint where is",
		Input: []tool.Field{
			{Name: "query", Type: tool.String, Required: true, MaxLength: 300},
			{Name: "scope", Type: tool.String, Enum: []string{"mine", everywhere}, Default: "mine"},
			{Name: "type", Type: tool.String, MaxLength: 10, Description: "Extension, such as docx."},
			{Name: "count", Type: tool.Integer, Default: 10, Min: 1, Max: 50},
			{Name: "cursor", Type: tool.String},
			fieldsField,
		},
		Output: []tool.Field{
			{Name: "files", Type: tool.ObjectList, Required: true, Items: foundFields},
			{Name: "timeZone", Type: tool.String},
			{Name: "cursor", Type: tool.String},
		},
		ReadOnly: true, Idempotent: true, OpenWorld: true, Core: true, Untrusted: true,
		Scopes: []string{readScope}, OptionalScopes: readElsewhere[:1],
	}, planSearch, doSearch)
}

var extension = regexp.MustCompile(`^[A-Za-z0-9]{0,10}$`)

// path is where is searched; of one's own files the words stand in it.
func (a searchArgs) path() (graph.Path, error) {
	if a.Scope == everywhere {
		return graph.Fixed("/search/query"), nil
	}
	at, err := graph.To("/me/drive/root/search(q='{q}')", strings.TrimSpace(a.Query))
	if err != nil {
		return graph.Path{}, tool.Invalid("query", "cannot be searched for as it is; give words of the name or the text")
	}
	return at, nil
}

func planSearch(ctx context.Context, c tool.Call, a searchArgs) (tool.Plan, error) {
	if graph.NewKQL().Words(a.Query).IsZero() {
		return tool.Plan{}, tool.Invalid("query", "has no word to search for")
	}
	if !extension.MatchString(a.Type) {
		return tool.Plan{}, tool.Invalid("type", "is no extension; write docx, xlsx, pdf and the like, without the dot")
	}
	at, err := a.path()
	if err != nil {
		return tool.Plan{}, err
	}
	if _, err := c.Next(ctx, at, a.Cursor); err != nil {
		return tool.Plan{}, err
	}
	plan := tool.Plan{Target: at.Template()}
	if a.Scope == everywhere && !c.Has(readElsewhere[0]) && !c.Has(readElsewhere[1]) {
		plan.Scopes = readElsewhere[:1]
	}
	return plan, nil
}

func doSearch(ctx context.Context, c tool.Call, a searchArgs) (tool.Result, error) {
	at, err := a.path()
	if err != nil {
		return tool.Result{}, err
	}
	from, err := c.Next(ctx, at, a.Cursor)
	if err != nil {
		return tool.Result{}, err
	}
	zone, err := c.Zone(ctx, "")
	if err != nil {
		return tool.Result{}, err
	}
	search := a.mine
	if a.Scope == everywhere {
		search = a.everywhere
	}
	items, summaries, next, err := search(ctx, c, at, from)
	if err != nil {
		return tool.Result{}, err
	}
	out := searchOut{TimeZone: zone.Label()}
	if out.Files, err = shape(ctx, c, items, a.Fields, true, zone); err != nil {
		return tool.Result{}, err
	}
	for i, s := range summaries {
		out.Files[i].Summary = s
	}
	if out.Cursor, err = c.Cursor(ctx, at, next); err != nil {
		return tool.Result{}, err
	}
	return tool.Result{Structured: out, Text: out.text(), Items: len(items)}, nil
}

// maxTries bounds how many pages are read for one page of a type: Graph's search of
// a drive cannot be restricted to one.
const maxTries = 8

// mine searches the person's own drive. Pages stay whole, so that the next one
// neither skips nor repeats a file.
func (a searchArgs) mine(ctx context.Context, c tool.Call, at graph.Path, from string) (items []driveItem, _ []string, next string, err error) {
	r := graph.Request{Method: graph.Get, Path: at, Next: from, Query: graph.Query{}.Select(selected(a.Fields)...).Top(a.Count)}
	for range maxTries {
		resp, err := c.Graph.Do(ctx, r)
		if err != nil {
			return nil, nil, "", err
		}
		var page graph.Page[driveItem]
		if err := resp.Decode(&page); err != nil {
			return nil, nil, "", err
		}
		var fit []driveItem
		for _, d := range page.Value {
			if a.Type == "" || strings.EqualFold(path.Ext(d.Name), "."+a.Type) {
				fit = append(fit, d)
			}
		}
		if len(items) > 0 && len(items)+len(fit) > a.Count {
			return items, nil, r.Next, nil
		}
		items, r.Next = append(items, fit...), page.NextLink
		if r.Next == "" || len(items) >= a.Count {
			break
		}
	}
	return items, nil, r.Next, nil
}

// found is Graph's answer to a search request.
type found struct {
	Value []struct {
		Containers []struct {
			Hits []struct {
				Summary  string    `json:"summary"`
				Resource driveItem `json:"resource"`
			} `json:"hits"`
			More bool `json:"moreResultsAvailable"`
		} `json:"hitsContainers"`
	} `json:"value"`
}

// highlights are Microsoft Search's marks in a summary.
var highlights = strings.NewReplacer("<c0>", "", "</c0>", "", "<ddd/>", "…")

// everywhere asks Microsoft Search; its cursor is how many hits were seen.
func (a searchArgs) everywhere(ctx context.Context, c tool.Call, at graph.Path, from string) (items []driveItem, summaries []string, next string, err error) {
	seen := 0
	if from != "" {
		if seen, err = strconv.Atoi(from); err != nil {
			return nil, nil, "", tool.Invalid("cursor", "is not a cursor of this list; leave it out to begin at the start")
		}
	}
	words := graph.NewKQL().Words(a.Query).Property("filetype", a.Type)
	r, err := graph.PostJSON(at, map[string]any{"requests": []any{map[string]any{
		"entityTypes": []string{"driveItem"}, "query": map[string]string{"queryString": words.String()}, "from": seen, "size": a.Count,
	}}})
	if err != nil {
		return nil, nil, "", err
	}
	resp, err := c.Graph.Do(ctx, r)
	if err != nil {
		return nil, nil, "", err
	}
	var answer found
	if err := resp.Decode(&answer); err != nil {
		return nil, nil, "", err
	}
	for _, v := range answer.Value {
		for _, container := range v.Containers {
			for _, h := range container.Hits {
				items, summaries = append(items, h.Resource), append(summaries, content.Line(highlights.Replace(h.Summary), maxSummary))
			}
			if container.More && len(container.Hits) > 0 {
				next = strconv.Itoa(seen + len(items))
			}
		}
	}
	return items, summaries, next, nil
}

func (o searchOut) text() string {
	if len(o.Files) == 0 && o.Cursor == "" {
		return "No files found."
	}
	lines := []string{"Times in " + o.TimeZone + ":"}
	for _, f := range o.Files {
		lines = append(lines, f.line())
	}
	if o.Cursor != "" {
		lines = append(lines, "More: cursor "+o.Cursor)
	}
	return strings.Join(lines, "\n")
}
