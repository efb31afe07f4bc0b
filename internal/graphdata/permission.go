package graphdata

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// grant is what Microsoft lists for an operation.
type grant struct {
	Delegated []listed `json:"delegatedWork"` // least privileged first
	Match     string   `json:"match"`
	Depends   bool     `json:"dependsOnResource"`
}

type listed struct {
	Scope        string   `json:"scope"`
	Least        bool     `json:"msLeast"`
	AlsoRequires []string `json:"alsoRequires"`
}

func (d *Data) grantOf(method, template string) (grant, bool) {
	method = strings.ToUpper(method)
	if g, ok := d.granted[template][method]; ok {
		return g, true
	}
	g, ok := d.granted[twin(template)][method]
	return g, ok
}

// Allowed returns nil if a delegated token with the scopes may do the operation:
// it has one of those that Microsoft lists, or a documented wider one (Microsoft
// leaves out supersets: ReadWrite of Read, .All and .Shared of none).
func (d *Data) Allowed(method, template string, scopes []string) error {
	return d.allowed(method, template, scopes, func(string) bool { return true })
}

// AllowedShared is Allowed for another person's mailbox: only scopes with
// .Shared reach it (Microsoft Graph permissions reference, *.Shared).
func (d *Data) AllowedShared(method, template string, scopes []string) error {
	return d.allowed(method, template, scopes, func(scope string) bool { return strings.HasSuffix(scope, ".Shared") })
}

func (d *Data) allowed(method, template string, scopes []string, usable func(string) bool) error {
	g, ok := d.grantOf(method, template)
	if !ok {
		return fmt.Errorf("%s %s: Microsoft's permissions do not list it", method, template)
	}
	if g.Depends || g.Match == "none-required" {
		return nil
	}
	for _, need := range g.Delegated {
		every := append([]string{need.Scope}, need.AlsoRequires...)
		if !slices.ContainsFunc(every, func(want string) bool {
			return !slices.ContainsFunc(scopes, func(have string) bool { return usable(have) && covers(have, want) })
		}) {
			return nil
		}
	}
	return fmt.Errorf("%s %s: needs %s; the scopes are %v", method, template, strings.Join(d.Least(method, template), " or "), scopes)
}

// Least names the least privileged scopes of an operation, as Microsoft marks
// them, without those that include another of them.
func (d *Data) Least(method, template string) []string {
	g, _ := d.grantOf(method, template)
	var out []string
	for _, l := range g.Delegated {
		if l.Least && !slices.ContainsFunc(out, func(less string) bool { return covers(l.Scope, less) }) {
			out = append(out, l.Scope)
		}
	}
	if out == nil && len(g.Delegated) > 0 {
		out = []string{g.Delegated[0].Scope}
	}
	return out
}

// AdminConsent reports whether only an administrator can grant a scope; known is
// false for scopes outside Microsoft's list here.
func (d *Data) AdminConsent(scope string) (needed, known bool) {
	s, known := d.scopes[scope]
	return s.AdminConsent, known
}

// covers reports whether a token with have may do what want is listed for, by the
// build of Microsoft's names: Resource.Verb[.Reach].
func covers(have, want string) bool {
	if have == want {
		return true
	}
	h, w := strings.Split(have, "."), strings.Split(want, ".")
	if len(h) < 2 || len(w) < 2 || h[0] != w[0] {
		return false
	}
	verbs := []string{"ReadBasic", "Read", "ReadWrite"}
	hv, wv := slices.Index(verbs, h[1]), slices.Index(verbs, w[1])
	if h[1] != w[1] && (hv < 0 || wv < 0 || hv < wv) {
		return false
	}
	switch {
	case slices.Equal(h[2:], w[2:]):
		return true
	case len(w) == 2 && len(h) == 3:
		return h[2] == "All" || h[2] == "Shared"
	}
	return false
}

// Request is one request as it is sent, without its origin.
type Request struct {
	Method, Path, RawQuery string // Path as sent, still escaped
	Header                 map[string][]string
	Body                   []byte
}

// Parts are the requests of a $batch; any other request is its own only part.
func Parts(r Request) ([]Request, error) {
	if !strings.HasSuffix(r.Path, "/$batch") {
		return []Request{r}, nil
	}
	var batch struct {
		Requests []struct {
			ID      string            `json:"id"`
			Method  string            `json:"method"`
			URL     string            `json:"url"`
			Headers map[string]string `json:"headers"`
			Body    json.RawMessage   `json:"body"`
		} `json:"requests"`
	}
	if err := json.Unmarshal(r.Body, &batch); err != nil {
		return nil, fmt.Errorf("the batch is not JSON: %w", err)
	}
	seen := map[string]bool{}
	var out []Request
	for _, sub := range batch.Requests {
		if sub.ID == "" || seen[sub.ID] {
			return nil, fmt.Errorf("batch: id %q is empty or there twice", sub.ID)
		}
		seen[sub.ID] = true
		path, query, _ := strings.Cut(sub.URL, "?")
		if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "/v1.0/") {
			return nil, fmt.Errorf("batch: %s: the URL must be relative to /v1.0", sub.URL)
		}
		part := Request{Method: sub.Method, Path: path, RawQuery: query, Header: map[string][]string{}, Body: sub.Body}
		for name, value := range sub.Headers {
			part.Header[canonicalHeader(name)] = []string{value}
		}
		if len(sub.Body) > 0 && part.Header["Content-Type"] == nil {
			return nil, fmt.Errorf("batch: %s: a body without Content-Type", sub.URL)
		}
		out = append(out, part)
	}
	return out, nil
}

// AllowedRequest is Allowed for a request as it is sent: for each part of a
// batch, and for a search by what it searches.
func (d *Data) AllowedRequest(r Request, scopes []string) error {
	parts, err := Parts(r)
	if err != nil {
		return err
	}
	var errs []error
	for _, part := range parts {
		found, err := d.Find(part.Method, part.Path)
		switch {
		case err != nil:
			errs = append(errs, err)
		case found.Template == "/search/query":
			errs = append(errs, allowedSearch(part.Body, scopes))
		default:
			errs = append(errs, d.Allowed(part.Method, found.Template, scopes))
		}
	}
	return errors.Join(errs...)
}

// searchScopes are those of each entity type of /search/query, one of which is
// enough (https://learn.microsoft.com/graph/search-concept-overview and
// https://learn.microsoft.com/graph/api/search-query, permissions by entity type).
var searchScopes = map[string][]string{
	"message":      {"Mail.Read"},
	"event":        {"Calendars.Read"},
	"chatMessage":  {"Chat.Read", "ChannelMessage.Read.All"},
	"driveItem":    {"Files.Read.All", "Sites.Read.All"},
	"drive":        {"Files.Read.All", "Sites.Read.All"},
	"listItem":     {"Sites.Read.All"},
	"list":         {"Sites.Read.All"},
	"site":         {"Sites.Read.All"},
	"person":       {"People.Read"},
	"acronym":      {"Acronym.Read.All"},
	"bookmark":     {"Bookmark.Read.All"},
	"qna":          {"QnA.Read.All"},
	"externalItem": {"ExternalItem.Read.All"},
}

func allowedSearch(body []byte, scopes []string) error {
	var search struct {
		Requests []struct {
			EntityTypes []string `json:"entityTypes"`
		} `json:"requests"`
	}
	if err := json.Unmarshal(body, &search); err != nil {
		return fmt.Errorf("the search is not JSON: %w", err)
	}
	for _, r := range search.Requests {
		if len(r.EntityTypes) == 0 {
			return errors.New("/search/query: a request without entityTypes")
		}
		for _, entity := range r.EntityTypes {
			needs := searchScopes[entity]
			if !slices.ContainsFunc(needs, func(want string) bool {
				return slices.ContainsFunc(scopes, func(have string) bool { return covers(have, want) })
			}) {
				return fmt.Errorf("/search/query for %s: needs %s; the scopes are %v", entity, strings.Join(needs, " or "), scopes)
			}
		}
	}
	return nil
}
