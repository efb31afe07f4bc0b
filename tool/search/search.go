// Package search looks through everything at once: mail, events, chats, files
// and sites, by Microsoft Search.
package search

import (
	"context"
	"slices"
	"strings"
	"time"

	"m365mcp/graph"
	"m365mcp/tool"
)

const family = "search"

// Tools returns the family.
func Tools() []*tool.Tool { return []*tool.Tool{searchAll()} }

// kind is one kind of thing that can be searched. Microsoft Search takes messages
// and events in requests of their own, 25 hits at most
// (https://learn.microsoft.com/graph/api/resources/search-api-overview).
type kind struct {
	name   string // in arguments and results
	entity string // Graph's entityType
	scope  string
	tool   string // that shows the same
}

var kinds = []kind{
	{"mail", "message", "Mail.Read", "getEmail"},
	{"event", "event", "Calendars.Read", "getCalendarEvent"},
	{"file", "driveItem", "Files.Read.All", "readFile"},
	{"chat", "chatMessage", "Chat.Read", "getChatMessages"},
	{"site", "site", "Sites.Read.All", "searchSites"},
}

type searchArgs struct {
	Query string   `json:"query"`
	Types []string `json:"types"`
	Count int      `json:"count"`
}

type searchOut struct {
	Results    []hit    `json:"results"`
	More       []string `json:"more,omitempty"`
	NotGranted []string `json:"notGranted,omitempty"`
	Failed     []string `json:"failed,omitempty"`
	TimeZone   string   `json:"timeZone,omitempty"`
}

type hit struct {
	Type    string `json:"type"`
	ID      string `json:"id,omitempty"`
	Title   string `json:"title,omitempty"`
	From    string `json:"from,omitempty"`
	Time    string `json:"time,omitempty"`
	Summary string `json:"summary,omitempty"`
	URL     string `json:"url,omitempty"`
}

func searchAll() *tool.Tool {
	scopes := make([][]string, len(kinds))
	names, tools := make([]string, len(kinds)), make([]string, len(kinds))
	for i, k := range kinds {
		scopes[i], names[i], tools[i] = []string{k.scope}, k.name, k.tool
	}
	return tool.Define(tool.Spec{
		Name: "searchAll", Title: "Search everywhere", Family: family,
		Description: "Search everywhere in Microsoft 365 at once: mail, calendar, files, chats, sites; when it is not known where something is.",
		Keywords:    "find look for anything Microsoft 365 search across",
		Input: []tool.Field{
			{Name: "query", Type: tool.String, Required: true, MaxLength: 500},
			{Name: "types", Type: tool.StringList, Enum: names, Description: "Where to look; everywhere if absent."},
			{Name: "count", Type: tool.Integer, Default: 5, Min: 1, Max: 25, Description: "Per type."},
		},
		Output: []tool.Field{
			{Name: "results", Type: tool.ObjectList, Required: true, Items: []tool.Field{
				{Name: "type", Type: tool.String},
				{Name: "id", Type: tool.String},
				{Name: "title", Type: tool.String},
				{Name: "from", Type: tool.String},
				{Name: "time", Type: tool.String},
				{Name: "summary", Type: tool.String},
				{Name: "url", Type: tool.String},
			}},
			{Name: "more", Type: tool.StringList},
			{Name: "notGranted", Type: tool.StringList},
			{Name: "failed", Type: tool.StringList},
			{Name: "timeZone", Type: tool.String},
		},
		ReadOnly: true, Idempotent: true, OpenWorld: true, Core: true, Untrusted: true,
		AnyScope: scopes, AnyOf: tools,
	}, planSearch, doSearch)
}

func planSearch(_ context.Context, c tool.Call, a searchArgs) (tool.Plan, error) {
	if graph.NewKQL().Words(a.Query).IsZero() {
		return tool.Plan{}, tool.Invalid("query", "has no word to search for")
	}
	plan := tool.Plan{Target: "/search/query"}
	// Types that were asked for by name must be granted; of all, those that are.
	for _, k := range kinds {
		if slices.Contains(a.Types, k.name) {
			if c.Denied(k.tool) {
				return tool.Plan{}, tool.Invalid("types", k.name+" is not offered by this server: its administrator has taken "+k.tool+" away")
			}
			plan.Scopes = append(plan.Scopes, k.scope)
		}
	}
	return plan, nil
}

// wanted splits the kinds into those to search and those that are not granted.
func (a searchArgs) wanted(c tool.Call) (search []kind, not []string) {
	for _, k := range kinds {
		switch {
		case len(a.Types) > 0 && !slices.Contains(a.Types, k.name), c.Denied(k.tool):
		case c.Has(k.scope):
			search = append(search, k)
		default:
			not = append(not, k.name)
		}
	}
	return search, not
}

func doSearch(ctx context.Context, c tool.Call, a searchArgs) (tool.Result, error) {
	zone, err := c.Zone(ctx, "")
	if err != nil {
		return tool.Result{}, err
	}
	search, not := a.wanted(c)
	requests := make([]graph.Request, len(search))
	for i, k := range search {
		if requests[i], err = a.request(k); err != nil {
			return tool.Result{}, err
		}
	}
	results, err := graph.Batch(ctx, c.Graph, requests)
	if err != nil {
		return tool.Result{}, err
	}
	out := searchOut{Results: []hit{}, NotGranted: not, TimeZone: zone.Label()}
	var failure error
	for i, r := range results {
		if r.Err != nil { // one service that is down must not hide what the others found
			out.Failed, failure = append(out.Failed, search[i].name), r.Err
			continue
		}
		hits, more, err := readHits(r.Response)
		if err != nil {
			return tool.Result{}, err
		}
		shaped, err := shape(ctx, c, search[i], hits, zone)
		if err != nil {
			return tool.Result{}, err
		}
		out.Results = append(out.Results, shaped...)
		if more {
			out.More = append(out.More, search[i].name)
		}
	}
	if len(out.Failed) == len(search) {
		return tool.Result{}, failure
	}
	return tool.Result{Structured: out, Text: out.text(), Items: len(out.Results)}, nil
}

func (a searchArgs) request(k kind) (graph.Request, error) {
	body := map[string]any{
		"entityTypes": []string{k.entity},
		"query":       map[string]string{"queryString": graph.NewKQL().Words(a.Query).String()},
		"from":        0, "size": a.Count,
	}
	return graph.PostJSON(graph.Fixed("/search/query"), map[string]any{"requests": []any{body}})
}

// answer is Graph's answer to one search request.
type answer struct {
	Value []struct {
		Containers []struct {
			Hits []found `json:"hits"`
			More bool    `json:"moreResultsAvailable"`
		} `json:"hitsContainers"`
	} `json:"value"`
}

type found struct {
	HitID    string   `json:"hitId"`
	Summary  string   `json:"summary"`
	Resource resource `json:"resource"`
}

// resource has the properties of all kinds that are shown.
type resource struct {
	ID           string    `json:"id"`
	Subject      string    `json:"subject"`
	Name         string    `json:"name"`
	DisplayName  string    `json:"displayName"`
	WebURL       string    `json:"webUrl"`
	Received     time.Time `json:"receivedDateTime"`
	Created      time.Time `json:"createdDateTime"`
	Modified     time.Time `json:"lastModifiedDateTime"`
	ChatID       string    `json:"chatId"`
	BodyPreview  string    `json:"bodyPreview"`
	From         *sender   `json:"from"`
	Organizer    *sender   `json:"organizer"`
	Start        *dateTime `json:"start"`
	ParentFolder struct {
		DriveID string `json:"driveId"`
	} `json:"parentReference"`
}

// sender is a recipient of mail or an identity set of Teams.
type sender struct {
	EmailAddress graph.EmailAddress `json:"emailAddress"`
	User         struct {
		DisplayName string `json:"displayName"`
	} `json:"user"`
}

type dateTime struct {
	DateTime string `json:"dateTime"`
	TimeZone string `json:"timeZone"`
}

func readHits(resp *graph.Response) (hits []found, more bool, err error) {
	var a answer
	if err := resp.Decode(&a); err != nil {
		return nil, false, err
	}
	for _, v := range a.Value {
		for _, container := range v.Containers {
			hits = append(hits, container.Hits...)
			more = more || container.More
		}
	}
	return hits, more, nil
}

// plain takes the highlighting of Microsoft Search out of a summary.
var plain = strings.NewReplacer("<c0>", "", "</c0>", "", "<ddd/>", "…")
