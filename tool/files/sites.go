package files

import (
	"context"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/tool"
)

type sitesArgs struct {
	Query string `json:"query"`
	Count int    `json:"count"`
}

type sitesOut struct {
	Sites []site `json:"sites"`
}

type site struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	URL         string `json:"url,omitempty"`
}

func searchSites() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "searchSites", Title: "Find SharePoint sites", Family: family,
		Description: "Finds SharePoint sites by words, with ids for listFiles and getListItems.",
		Keywords:    "team site intranet",
		Input: []tool.Field{
			{Name: "query", Type: tool.String, Required: true, MaxLength: 200},
			{Name: "count", Type: tool.Integer, Default: 10, Min: 1, Max: 50},
		},
		Output: []tool.Field{{Name: "sites", Type: tool.ObjectList, Required: true, Items: []tool.Field{
			{Name: "id", Type: tool.String},
			{Name: "name", Type: tool.String},
			{Name: "description", Type: tool.String},
			{Name: "url", Type: tool.String},
		}}},
		ReadOnly: true, Idempotent: true, Untrusted: true,
		Scopes: []string{siteScope},
	}, planSites, doSites)
}

func planSites(_ context.Context, _ tool.Call, a sitesArgs) (tool.Plan, error) {
	if graph.NewKQL().Words(a.Query).IsZero() {
		return tool.Plan{}, tool.Invalid("query", "has no word to search for")
	}
	return tool.Plan{Target: "/sites"}, nil
}

func doSites(ctx context.Context, c tool.Call, a sitesArgs) (tool.Result, error) {
	items, _, err := graph.List[struct {
		ID          string `json:"id"`
		DisplayName string `json:"displayName"`
		Description string `json:"description"`
		WebURL      string `json:"webUrl"`
	}](ctx, c.Graph, graph.Request{
		Method: graph.Get, Path: graph.Fixed("/sites"), // "search" without a dollar is this operation's own (https://learn.microsoft.com/graph/api/site-search)
		Query: graph.Query{}.Param("search", graph.NewKQL().Words(a.Query).String()).Select("id", "displayName", "description", "webUrl").Top(a.Count),
	}, a.Count)
	if err != nil {
		return tool.Result{}, err
	}
	items = items[:min(len(items), a.Count)]
	ids := make([]string, len(items))
	for i, s := range items {
		ids[i] = s.ID
	}
	if ids, err = c.Short(ctx, handle.KindSite, ids); err != nil {
		return tool.Result{}, err
	}
	out, lines := sitesOut{Sites: make([]site, len(items))}, []string{"No sites found."}
	if len(items) > 0 {
		lines = nil
	}
	for i, s := range items {
		one := site{ids[i], content.Line(s.DisplayName, maxName), content.Line(s.Description, maxSummary), content.Line(s.WebURL, maxURL)}
		out.Sites[i] = one
		line := "- " + one.Name + " [" + one.ID + "], " + one.URL
		if one.Description != "" {
			line += "\n  " + one.Description
		}
		lines = append(lines, line)
	}
	return tool.Result{Structured: out, Text: strings.Join(lines, "\n"), Items: len(items)}, nil
}
