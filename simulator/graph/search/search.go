// Package search is POST /search/query of the simulated Graph, Microsoft
// Search: one request over one or several kinds of things.
//
//	request -> scopes and combinations of its entity types -> KQL -> a Source for each -> ranked page of hits
//
// What can be found comes from sources; those for mail, files, sites, lists and
// people are here, others are given to [New].
package search

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// Source finds the things of one entity type that the caller may see. It runs
// under the server's lock, beside other reads.
type Source interface {
	Entity() string // of microsoft.graph.entityType
	Find(c *service.Call, q *Query) ([]Hit, error)
}

// From is a source that is a function.
func From(entity string, find func(c *service.Call, q *Query) []Hit) Source {
	return source{entity, find}
}

type source struct {
	entity string
	find   func(*service.Call, *Query) []Hit
}

func (s source) Entity() string { return s.entity }

func (s source) Find(c *service.Call, q *Query) ([]Hit, error) { return s.find(c, q), nil }

// Hit is something that answers a query.
type Hit struct {
	ID       string
	Name     string    // weighs more than the text
	Text     string    // the summary is cut from it
	At       time.Time // mail, events and chats go by it, the latest first
	Resource func() map[string]any

	entity string
	score  int
}

// entity is a kind of thing that can be searched for.
type entity struct {
	scopes []string // any one suffices
	group  string   // only those of one group go together in a request
	most   int      // results a page
	byDate bool
}

// entities are those of the search documentation, with scopes, combinations
// and page sizes ("Use the Microsoft Search API to query data").
var entities = map[string]entity{
	"message":      {[]string{"Mail.Read", "Mail.ReadWrite"}, "messages", 25, true},
	"chatMessage":  {[]string{"Chat.Read", "Chat.ReadWrite", "ChannelMessage.Read.All"}, "messages", 500, true},
	"event":        {[]string{"Calendars.Read", "Calendars.ReadWrite"}, "event", 25, true},
	"drive":        {scopesFiles, "files", 500, false},
	"driveItem":    {scopesFiles, "files", 500, false},
	"list":         {scopesSites, "files", 500, false},
	"listItem":     {scopesSites, "files", 500, false},
	"site":         {scopesSites, "files", 500, false},
	"externalItem": {[]string{"ExternalItem.Read.All"}, "files", 500, false},
	"person":       {[]string{"People.Read", "People.Read.All"}, "person", 500, false},
	"acronym":      {[]string{"Acronym.Read.All"}, "answers", 500, false},
	"bookmark":     {[]string{"Bookmark.Read.All"}, "answers", 500, false},
}

var (
	scopesFiles = []string{"Files.Read.All", "Files.ReadWrite.All", "Sites.Read.All", "Sites.ReadWrite.All"}
	scopesSites = []string{"Sites.Read.All", "Sites.ReadWrite.All"}
)

// Service answers searches.
type Service struct{ sources map[string]Source }

// New returns a service over sources; of what has none nothing is found.
func New(sources ...Source) *Service {
	s := &Service{sources: map[string]Source{}}
	for _, source := range sources {
		s.sources[source.Entity()] = source
	}
	return s
}

// Operations implements service.Workload. The scopes are those of all entity
// types: a request is held against its own.
func (s *Service) Operations() []service.Operation {
	var scopes []string
	for _, e := range entities {
		scopes = append(scopes, e.scopes...)
	}
	slices.Sort(scopes)
	return []service.Operation{{
		Method: http.MethodPost, Template: "/search/query", Reads: true, Scopes: slices.Compact(scopes), Handle: s.query,
	}}
}

// request is one searchRequest.
type request struct {
	types      []string
	query      *Query
	from, size int
	top        bool // enableTopResults
	fields     []string
	sort       []sortKey
}

type sortKey struct {
	Name         string `json:"name"`
	IsDescending bool   `json:"isDescending"`
}

func (s *Service) query(c *service.Call) (*service.Answer, error) {
	body, err := wire.ReadObject(c.Body, "query", "requests")
	if err != nil {
		return nil, err
	}
	var raw []json.RawMessage
	if err := wire.Read(body, "requests", &raw); err != nil {
		return nil, err
	}
	if len(raw) != 1 {
		return nil, apierror.BadRequest("BadRequest", "The collection 'requests' has %d search requests. Exactly one is supported.", len(raw))
	}
	r, err := readRequest(raw[0])
	if err != nil {
		return nil, err
	}
	if err := r.check(c); err != nil {
		return nil, err
	}
	hits, err := s.find(c, r)
	if err != nil {
		return nil, err
	}
	container := map[string]any{"total": len(hits), "moreResultsAvailable": r.from+r.size < len(hits)}
	if page := hits[min(r.from, len(hits)):min(r.from+r.size, len(hits))]; len(page) > 0 { // an empty page has no hits at all
		list := make([]any, 0, len(page))
		for i, h := range page {
			list = append(list, map[string]any{
				"hitId": h.ID, "rank": r.from + i + 1, "summary": r.query.summary(h), "resource": reduce(h, r.fields),
			})
		}
		container["hits"] = list
	}
	terms := r.query.words
	if terms == nil {
		terms = []string{}
	}
	return &service.Answer{Status: http.StatusOK, Value: map[string]any{
		"@odata.context": c.Context("Collection(microsoft.graph.searchResponse)"),
		"value":          []any{map[string]any{"searchTerms": terms, "hitsContainers": []any{container}}},
	}}, nil
}

func readRequest(raw []byte) (*request, error) {
	body, err := wire.ReadObject(raw, "searchRequest", "aggregationFilters", "aggregations", "collapseProperties", "contentSources", "enableTopResults",
		"entityTypes", "fields", "from", "query", "queryAlterationOptions", "region", "resultTemplateOptions", "sharePointOneDriveOptions", "size", "sortProperties")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"aggregationFilters", "aggregations", "collapseProperties", "contentSources", "resultTemplateOptions"} {
		if body.Has(name) {
			return nil, apierror.BadRequest("BadRequest", "The simulated tenant does not support '%s' in a search.", name)
		}
	}
	r := &request{size: 25}
	for name, into := range map[string]*[]string{"entityTypes": &r.types, "fields": &r.fields} {
		if err := wire.Read(body, name, into); err != nil {
			return nil, err
		}
	}
	for name, into := range map[string]*int{"from": &r.from, "size": &r.size} {
		if err := wire.Read(body, name, into); err != nil {
			return nil, err
		}
	}
	if err := wire.Read(body, "enableTopResults", &r.top); err != nil {
		return nil, err
	}
	if err := wire.Read(body, "sortProperties", &r.sort); err != nil {
		return nil, err
	}
	var inner json.RawMessage
	if err := wire.Read(body, "query", &inner); err != nil {
		return nil, err
	}
	if inner == nil {
		return nil, apierror.BadRequest("BadRequest", "The search request has no query.")
	}
	q, err := wire.ReadObject(inner, "searchQuery", "queryString", "queryTemplate")
	if err != nil {
		return nil, err
	}
	var text string
	if err := wire.Read(q, "queryString", &text); err != nil {
		return nil, err
	}
	if q.Has("queryTemplate") {
		return nil, apierror.BadRequest("BadRequest", "The simulated tenant does not support queryTemplate.")
	}
	r.query, err = parse(text)
	return r, err
}

// check refuses what the documentation does not allow.
func (r *request) check(c *service.Call) error {
	if len(r.types) == 0 {
		return apierror.BadRequest("BadRequest", "The search request names no entityTypes.")
	}
	group := ""
	for _, name := range r.types {
		e, known := entities[name]
		if !known {
			return apierror.BadRequest("BadRequest", "'%s' is not a value of microsoft.graph.entityType.", name)
		}
		if group = cmp.Or(group, e.group); e.group != group {
			return apierror.BadRequest("BadRequest", "The entity types %s cannot be combined in one request.", strings.Join(r.types, ", "))
		}
		if !c.Claims.HasAny(e.scopes...) {
			return &apierror.Error{
				Status: http.StatusForbidden, Code: "Forbidden",
				Message: fmt.Sprintf("Access to %s in Graph API requires one of the following permissions: %s. However, the application only has the following permissions granted: %s.",
					name, strings.Join(e.scopes, ", "), strings.Join(c.Claims.Scopes, ", ")),
			}
		}
		if r.size < 1 || r.size > e.most {
			return apierror.BadRequest("BadRequest", "The size of a page of %s is between 1 and %d.", name, e.most)
		}
		if len(r.sort) > 0 && group != "files" {
			return apierror.BadRequest("BadRequest", "Results of the entity type %s cannot be sorted.", name)
		}
	}
	if r.from < 0 {
		return apierror.BadRequest("BadRequest", "'from' is not negative.")
	}
	for _, key := range r.sort {
		if key.Name != "name" && key.Name != "lastModifiedDateTime" {
			return apierror.BadRequest("BadRequest", "The property '%s' is not sortable.", key.Name)
		}
	}
	return nil
}

// find asks the sources and puts the hits in order.
func (s *Service) find(c *service.Call, r *request) ([]Hit, error) {
	var hits []Hit
	seen := map[string]bool{}
	for _, name := range r.types {
		source := s.sources[name]
		if source == nil || seen[name] {
			continue
		}
		seen[name] = true
		found, err := source.Find(c, r.query)
		if err != nil {
			return nil, fmt.Errorf("searching %s: %w", name, err)
		}
		for _, h := range found {
			h.entity, h.score = name, r.query.score(h)
			hits = append(hits, h)
		}
	}
	slices.SortStableFunc(hits, r.compare)
	if r.top && slices.Contains(r.types, "message") {
		first := slices.Clone(hits)
		slices.SortStableFunc(first, func(a, b Hit) int { return b.score - a.score })
		first = first[:min(3, len(first))]
		rest := slices.DeleteFunc(hits, func(h Hit) bool { return slices.ContainsFunc(first, func(f Hit) bool { return f.ID == h.ID }) })
		hits = slices.Concat(first, rest)
	}
	return hits, nil
}

func (r *request) compare(a, b Hit) int {
	for _, key := range r.sort {
		order := a.At.Compare(b.At)
		if key.Name == "name" {
			order = strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
		}
		if key.IsDescending {
			order = -order
		}
		if order != 0 {
			return order
		}
	}
	if entities[r.types[0]].byDate {
		return b.At.Compare(a.At)
	}
	return cmp.Or(b.score-a.score, b.At.Compare(a.At), strings.Compare(a.ID, b.ID))
}

// reduce keeps the properties that were asked for; of list items only the
// custom ones are chosen so, and without a choice they have none.
func reduce(h Hit, fields []string) map[string]any {
	resource := h.Resource()
	resource["@odata.type"] = "#microsoft.graph." + h.entity
	named := func(name string) bool {
		return slices.ContainsFunc(fields, func(f string) bool { return strings.EqualFold(f, name) })
	}
	keep := func(name string) bool { return strings.HasPrefix(name, "@") || name == "id" || named(name) }
	if h.entity == "listItem" {
		values, ok := resource["fields"].(map[string]any)
		delete(resource, "fields")
		chosen := map[string]any{}
		for name, value := range values {
			if ok && named(name) {
				chosen[name] = value
			}
		}
		if len(chosen) > 0 {
			resource["fields"] = chosen
		}
		return resource
	}
	if len(fields) > 0 {
		for name := range resource {
			if !keep(name) {
				delete(resource, name)
			}
		}
	}
	return resource
}
