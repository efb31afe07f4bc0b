package site

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/drive/library"
	"m365mcp/simulator/graph/odata"
	"m365mcp/simulator/graph/query"
	"m365mcp/simulator/graph/service"
)

var (
	listProperties = []string{
		"id", "createdBy", "createdDateTime", "description", "displayName", "eTag", "lastModifiedBy", "lastModifiedDateTime", "list", "name", "parentReference", "webUrl",
	}
	itemProperties = []string{
		"id", "contentType", "createdBy", "createdDateTime", "eTag", "lastModifiedBy", "lastModifiedDateTime", "parentReference", "webUrl",
	}
)

// list finds a list by id or by title; the document library is not one of them.
func (s *Service) list(c *service.Call) (*library.Site, *dataset.List, error) {
	site, err := s.site(c)
	if err != nil {
		return nil, nil, err
	}
	name := c.Params["list-id"]
	for i := range site.Lists {
		if strings.EqualFold(site.Lists[i].ID, name) || strings.EqualFold(site.Lists[i].Name, name) {
			return site, &site.Lists[i], nil
		}
	}
	return nil, nil, library.NotFound()
}

// ListURL is the address of a list for people.
func ListURL(site *library.Site, l *dataset.List) string {
	return site.URL() + "/Lists/" + url.PathEscape(l.Name)
}

// ListJSON is Graph's form of a list.
func ListJSON(site *library.Site, l *dataset.List) map[string]any {
	at := l.Created.UTC().Format(timestamp)
	return map[string]any{
		"id": l.ID, "name": l.Name, "displayName": l.Name, "description": l.Description, "webUrl": ListURL(site, l), "eTag": `"` + l.ID + `,1"`,
		"createdDateTime": at, "lastModifiedDateTime": at, "parentReference": map[string]any{"siteId": site.ID},
		"list": map[string]any{"contentTypesEnabled": false, "hidden": false, "template": "genericList"},
	}
}

// libraryJSON is the document library as a list.
func libraryJSON(site *library.Site) map[string]any {
	root := site.Drive.Root
	return map[string]any{
		"id": strings.ToLower(root.GUID()), "name": "Shared Documents", "displayName": site.Drive.Name, "description": "", "webUrl": site.Drive.URL(), "eTag": root.ETag(),
		"createdDateTime": root.Created.UTC().Format(timestamp), "lastModifiedDateTime": root.Modified.UTC().Format(timestamp),
		"parentReference": map[string]any{"siteId": site.ID},
		"list":            map[string]any{"contentTypesEnabled": false, "hidden": false, "template": "documentLibrary"},
	}
}

func (s *Service) listLists(c *service.Call) (*service.Answer, error) {
	site, err := s.site(c)
	if err != nil {
		return nil, err
	}
	names, err := c.Options.Selected("list", listProperties, []string{"sharepointIds", "system"})
	if err != nil {
		return nil, err
	}
	all := []map[string]any{libraryJSON(site)}
	for i := range site.Lists {
		all = append(all, ListJSON(site, &site.Lists[i]))
	}
	return c.Page(c.Context("sites('"+site.ID+"')/lists"), len(all), func(n int) any { return pick(all[n], names) }), nil
}

func (s *Service) getList(c *service.Call) (*service.Answer, error) {
	site, l, err := s.list(c)
	if err != nil {
		return nil, err
	}
	names, err := c.Options.Selected("list", listProperties, []string{"sharepointIds", "system"})
	if err != nil {
		return nil, err
	}
	return entity(c, "sites('"+site.ID+"')/lists", pick(ListJSON(site, l), names))
}

func (s *Service) listColumns(c *service.Call) (*service.Answer, error) {
	site, l, err := s.list(c)
	if err != nil {
		return nil, err
	}
	return c.Page(c.Context("sites('"+site.ID+"')/lists('"+l.ID+"')/columns"), len(l.Columns), func(n int) any { return columnJSON(l, l.Columns[n]) }), nil
}

func columnJSON(l *dataset.List, column dataset.Column) map[string]any {
	out := map[string]any{
		"id": l.ID[:24] + fmt.Sprintf("%012x", len(column.Name)*7919+int(column.Name[0])), "name": column.Name, "displayName": column.Name, "description": "",
		"columnGroup": "Custom Columns", "enforceUniqueValues": false, "hidden": false, "indexed": column.Indexed, "readOnly": false, "required": column.Name == "Title",
	}
	facets := map[string]map[string]any{
		"text":     {"allowMultipleLines": false, "appendChangesToExistingText": false, "linesForEditing": 0, "maxLength": 255},
		"choice":   {"allowTextEntry": false, "choices": column.Choices, "displayAs": "dropDownMenu"},
		"number":   {"decimalPlaces": "automatic", "displayAs": "number"},
		"dateTime": {"displayAs": "default", "format": "dateOnly"},
		"boolean":  {},
	}
	out[column.Type] = facets[column.Type]
	return out
}

// ItemJSON is Graph's form of a list's row, without its fields.
func ItemJSON(site *library.Site, l *dataset.List, row dataset.Row, by *dataset.Person) map[string]any {
	set := map[string]any{"user": map[string]any{"id": by.ID, "displayName": by.DisplayName}}
	return map[string]any{
		"id": row.ID, "eTag": `"` + l.ID[:8] + "," + row.ID + `"`, "webUrl": ListURL(site, l) + "/" + row.ID + "_.000", "createdBy": set, "lastModifiedBy": set,
		"createdDateTime": row.Created.UTC().Format(timestamp), "lastModifiedDateTime": row.Modified.UTC().Format(timestamp),
		"contentType":     map[string]any{"id": "0x0100" + strings.ToUpper(strings.ReplaceAll(l.ID, "-", "")), "name": "Item"},
		"parentReference": map[string]any{"id": l.ID, "siteId": site.ID},
	}
}

// Fields are the values of a row; names nil: all of them.
func Fields(l *dataset.List, row dataset.Row, names []string) map[string]any {
	out := map[string]any{}
	for _, column := range l.Columns {
		value := row.Fields[column.Name]
		if at, ok := value.(time.Time); ok {
			value = at.Format(timestamp)
		}
		out[column.Name] = value
	}
	out["Created"], out["Modified"], out["ContentType"] = row.Created.UTC().Format(timestamp), row.Modified.UTC().Format(timestamp), "Item"
	out["id"] = row.ID
	if names != nil {
		for name := range out {
			if !slices.Contains(names, name) {
				delete(out, name)
			}
		}
	}
	out["@odata.etag"] = `"` + l.ID[:8] + "," + row.ID + `"`
	return out
}

func (s *Service) listItems(c *service.Call) (*service.Answer, error) {
	site, l, err := s.list(c)
	if err != nil {
		return nil, err
	}
	names, err := c.Options.Selected("listItem", itemProperties, []string{"fields", "description", "name", "sharepointIds"})
	if err != nil {
		return nil, err
	}
	fields, expanded, err := selected(c.Options)
	if err != nil {
		return nil, err
	}
	rows, err := choose(c, l)
	if err != nil {
		return nil, err
	}
	return c.Page(c.Context("sites('"+site.ID+"')/lists('"+l.ID+"')/items"), len(rows), func(n int) any {
		value := pick(ItemJSON(site, l, rows[n], s.author(rows[n])), names)
		if expanded {
			value["fields"] = Fields(l, rows[n], fields)
		}
		return value
	}), nil
}

func (s *Service) author(row dataset.Row) *dataset.Person { return s.library.Find(row.By) }

// choose applies $filter and $orderby. Columns without an index are only taken
// from who says that it may fail (SharePoint's rule for large lists, applied to
// all lists, as Graph does).
func choose(c *service.Call, l *dataset.List) ([]dataset.Row, error) {
	kinds := map[string]odata.Kind{"fields/id": odata.ID}
	indexed := map[string]bool{"fields/id": true}
	for _, column := range l.Columns {
		kind := odata.String
		switch column.Type {
		case "number":
			kind = odata.Int
		case "dateTime":
			kind = odata.Time
		case "boolean":
			kind = odata.Bool
		}
		kinds["fields/"+column.Name], indexed["fields/"+column.Name] = kind, column.Indexed
	}
	filter, err := c.Options.Filter("fieldValueSet", kinds)
	if err != nil {
		return nil, err
	}
	keys, err := c.Options.OrderBy("fieldValueSet", kinds)
	if err != nil {
		return nil, err
	}
	var used []string
	if filter != nil {
		used = filter.Paths()
	}
	for _, key := range keys {
		used = append(used, key.Path)
	}
	for _, path := range used {
		if !indexed[path] && !mayFail(c.Request) {
			return nil, notIndexed(strings.TrimPrefix(path, "fields/"))
		}
	}
	rows := slices.Clone(l.Rows)
	if filter != nil {
		rows = slices.DeleteFunc(rows, func(row dataset.Row) bool { return !filter.Match(values(row)) })
	}
	slices.SortStableFunc(rows, func(a, b dataset.Row) int { return compare(keys, values(a), values(b)) })
	return rows, nil
}

// compare knows numbers too, which Exchange's lists are not sorted by.
func compare(keys []query.SortKey, a, b func(path string) any) int {
	for i, key := range keys {
		order := query.Compare(keys[i:i+1], a, b)
		x, ok1 := a(key.Path).(int)
		y, ok2 := b(key.Path).(int)
		if ok1 && ok2 {
			if order = x - y; key.Descending {
				order = y - x
			}
		}
		if order != 0 {
			return order
		}
	}
	return 0
}

// values are the fields as filters and sorting want them: whole numbers.
func values(row dataset.Row) func(path string) any {
	return func(path string) any {
		name := strings.TrimPrefix(path, "fields/")
		if name == "id" {
			return row.ID
		}
		if n, ok := row.Fields[name].(float64); ok {
			return int(n)
		}
		return row.Fields[name]
	}
}

func mayFail(r *http.Request) bool {
	for _, header := range r.Header.Values("Prefer") {
		for preference := range strings.SplitSeq(header, ",") {
			if strings.EqualFold(strings.TrimSpace(preference), "HonorNonIndexedQueriesWarningMayFailRandomly") {
				return true
			}
		}
	}
	return false
}

func notIndexed(column string) *apierror.Error {
	return library.Invalid("Field '%s' cannot be referenced in filter or orderby as it is not indexed. "+
		"Provide the 'Prefer: HonorNonIndexedQueriesWarningMayFailRandomly' header to allow this, but be warned that such queries may fail on large lists.", column)
}

func (s *Service) row(c *service.Call) (*library.Site, *dataset.List, dataset.Row, error) {
	site, l, err := s.list(c)
	if err != nil {
		return nil, nil, dataset.Row{}, err
	}
	i := slices.IndexFunc(l.Rows, func(r dataset.Row) bool { return r.ID == c.Params["listItem-id"] })
	if i < 0 {
		return nil, nil, dataset.Row{}, library.NotFound()
	}
	return site, l, l.Rows[i], nil
}

// getItem shows the fields too, as Graph does for a single item.
func (s *Service) getItem(c *service.Call) (*service.Answer, error) {
	site, l, row, err := s.row(c)
	if err != nil {
		return nil, err
	}
	names, err := c.Options.Selected("listItem", itemProperties, []string{"fields", "description", "name", "sharepointIds"})
	if err != nil {
		return nil, err
	}
	fields, expanded, err := selected(c.Options)
	if err != nil {
		return nil, err
	}
	value := pick(ItemJSON(site, l, row, s.author(row)), names)
	if expanded || !c.Options.Has("$select") {
		value["fields"] = Fields(l, row, fields)
	}
	return entity(c, "sites('"+site.ID+"')/lists('"+l.ID+"')/items", value)
}

func (s *Service) getFields(c *service.Call) (*service.Answer, error) {
	site, l, row, err := s.row(c)
	if err != nil {
		return nil, err
	}
	return entity(c, "sites('"+site.ID+"')/lists('"+l.ID+"')/items('"+row.ID+"')/fields", Fields(l, row, c.Options.List("$select")))
}
