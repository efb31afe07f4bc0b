// Package site is SharePoint's sites and their lists in the simulated Graph.
// The document libraries of the sites are drives, of package drive.
package site

import (
	"net/http"
	"slices"
	"strings"

	"m365mcp/simulator/graph/drive/library"
	"m365mcp/simulator/graph/query"
	"m365mcp/simulator/graph/service"
)

const timestamp = "2006-01-02T15:04:05Z"

// The delegated scopes that suffice, from microsoft-graph-devx-content,
// permissions/new/permissions.json of August 2026.
var (
	scopesSites   = []string{"Sites.Read.All", "Sites.ReadWrite.All"}
	scopesColumns = []string{"Sites.Read.All", "Sites.Manage.All", "Sites.ReadWrite.All", "Sites.FullControl.All"}
)

var (
	siteProperties = []string{"id", "createdDateTime", "description", "displayName", "isPersonalSite", "lastModifiedDateTime", "name", "root", "siteCollection", "webUrl"}
	siteFurther    = []string{"createdBy", "eTag", "error", "lastModifiedBy", "parentReference", "sharepointIds"}
)

// Service answers for sites and lists.
type Service struct{ library *library.Library }

// New returns a service over the sites of a library.
func New(l *library.Library) *Service { return &Service{library: l} }

type handler func(*Service, *service.Call) (*service.Answer, error)

// Operations implements service.Workload.
func (s *Service) Operations() []service.Operation {
	entity, list := []string{"$select", "$expand"}, []string{"$top", "$skiptoken", "$select"}
	items := []string{"$top", "$skiptoken", "$select", "$expand", "$filter", "$orderby"}
	var out []service.Operation
	add := func(template string, scopes, options []string, handle handler) {
		out = append(out, service.Operation{
			Method: http.MethodGet, Template: template, Scopes: scopes, Options: options, Pages: library.Pages,
			Handle: func(c *service.Call) (*service.Answer, error) {
				s.library.Lock()
				defer s.library.Unlock()
				return handle(s, c)
			},
		})
	}
	add("/sites", scopesSites, append([]string{"$search"}, list...), (*Service).listSites) // documented as "search", OData's other spelling
	add("/sites/{site-id}", scopesSites, entity, (*Service).getSite)
	add("/sites/{host}:/{path}:", scopesSites, entity, (*Service).getSite)
	add("/sites/{site-id}/sites", scopesSites, list, (*Service).listSubsites)
	add("/me/followedSites", scopesSites, list, (*Service).followedSites)
	add("/sites/{site-id}/lists", scopesSites, list, (*Service).listLists)
	add("/sites/{site-id}/lists/{list-id}", scopesSites, entity, (*Service).getList)
	add("/sites/{site-id}/lists/{list-id}/columns", scopesColumns, list, (*Service).listColumns)
	add("/sites/{site-id}/lists/{list-id}/items", scopesSites, items, (*Service).listItems)
	add("/sites/{site-id}/lists/{list-id}/items/{listItem-id}", scopesSites, entity, (*Service).getItem)
	add("/sites/{site-id}/lists/{list-id}/items/{listItem-id}/fields", scopesSites, entity, (*Service).getFields)
	return out
}

// Find is a site by any form of its id, if the caller may see it. The
// library's lock is held.
func (s *Service) Find(c *service.Call, id string) (*library.Site, error) {
	return s.visible(c, s.library.SiteByID(id))
}

func (s *Service) visible(c *service.Call, site *library.Site) (*library.Site, error) {
	switch {
	case site == nil:
		return nil, library.NotFound()
	case site.Role(c.Me) == library.None:
		return nil, library.Denied("Access denied")
	}
	return site, nil
}

// site is the one that the path names: by id, or by host and path.
func (s *Service) site(c *service.Call) (*library.Site, error) {
	if host, ok := c.Params["host"]; ok {
		return s.visible(c, s.library.SiteByPath(host, c.Params["path"]))
	}
	return s.Find(c, c.Params["site-id"])
}

// JSON is Graph's form of a site.
func JSON(site *library.Site) map[string]any {
	return map[string]any{
		"id": site.ID, "name": site.Name, "displayName": site.Title, "description": site.Description, "webUrl": site.URL(), "isPersonalSite": false,
		"createdDateTime": site.Created.UTC().Format(timestamp), "lastModifiedDateTime": site.Drive.Root.Modified.UTC().Format(timestamp),
		"root": map[string]any{}, "siteCollection": map[string]any{"hostname": site.Host},
	}
}

// listSites searches in names and descriptions; "*" and nothing are all.
func (s *Service) listSites(c *service.Call) (*service.Answer, error) {
	wanted := strings.ToLower(strings.Trim(c.Options.Value("$search"), `"* `))
	sites := slices.DeleteFunc(s.library.Sites(c.Me), func(site *library.Site) bool {
		return !strings.Contains(strings.ToLower(site.Name+" "+site.Title+" "+site.Description), wanted)
	})
	return s.manySites(c, sites)
}

func (s *Service) manySites(c *service.Call, sites []*library.Site) (*service.Answer, error) {
	names, err := c.Options.Selected("site", siteProperties, siteFurther)
	if err != nil {
		return nil, err
	}
	return c.Page(c.Context("sites"), len(sites), func(n int) any { return pick(JSON(sites[n]), names) }), nil
}

func (s *Service) getSite(c *service.Call) (*service.Answer, error) {
	site, err := s.site(c)
	if err != nil {
		return nil, err
	}
	names, err := c.Options.Selected("site", siteProperties, siteFurther)
	if err != nil {
		return nil, err
	}
	return entity(c, "sites", pick(JSON(site), names))
}

// listSubsites: the sites of the simulated tenant have none below them.
func (s *Service) listSubsites(c *service.Call) (*service.Answer, error) {
	if _, err := s.site(c); err != nil {
		return nil, err
	}
	return s.manySites(c, nil)
}

// followedSites are those that the caller belongs to; a visitor does not follow.
func (s *Service) followedSites(c *service.Call) (*service.Answer, error) {
	sites := slices.DeleteFunc(s.library.Sites(c.Me), func(site *library.Site) bool { return site.Role(c.Me) < library.Write })
	return s.manySites(c, sites)
}

func entity(c *service.Call, context string, value map[string]any) (*service.Answer, error) {
	value["@odata.context"] = c.Context(context) + "/$entity"
	return &service.Answer{Status: http.StatusOK, Value: value}, nil
}

func pick(all map[string]any, names []string) map[string]any {
	out := map[string]any{}
	for _, name := range names {
		if value, ok := all[name]; ok {
			out[name] = value
		}
	}
	return out
}

// selected are the names that a $select inside of $expand=fields(...) keeps; nil: all.
func selected(o query.Options) (names []string, expanded bool, err error) {
	text := strings.Join(o.List("$expand"), ",")
	if text == "" {
		return nil, false, nil
	}
	inner, nested := strings.CutPrefix(text, "fields")
	if !nested {
		return nil, false, library.NotSupported("Of list items only 'fields' can be expanded in the simulated tenant.")
	}
	if inner == "" {
		return nil, true, nil
	}
	inner, opens := strings.CutPrefix(inner, "(")
	inner, closes := strings.CutSuffix(inner, ")")
	list, isSelect := strings.CutPrefix(strings.ToLower(inner[:min(len(inner), 8)]), "$select=")
	if !opens || !closes || !isSelect || list != "" {
		return nil, false, library.Invalid("$expand=%s is malformed: write fields($select=Name,Other).", text)
	}
	for name := range strings.SplitSeq(inner[len("$select="):], ",") {
		names = append(names, strings.TrimSpace(name))
	}
	return names, true, nil
}
