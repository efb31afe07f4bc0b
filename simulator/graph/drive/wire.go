package drive

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/drive/library"
	"m365mcp/simulator/graph/service"
)

const timestamp = "2006-01-02T15:04:05Z"

// The properties of microsoft.graph.driveItem: what an item shows without
// $select, what only others of its kind have, and what $expand may name.
var (
	itemProperties = []string{
		"id", "createdBy", "createdDateTime", "cTag", "eTag", "lastModifiedBy", "lastModifiedDateTime", "name", "parentReference",
		"webUrl", "size", "description", "file", "folder", "root", "specialFolder", "fileSystemInfo", "shared", "publication", "deleted", downloadURL,
	}
	itemFurther = []string{
		"audio", "bundle", "content", "image", "location", "malware", "package", "pendingOperations", "photo", "remoteItem",
		"searchResult", "sharepointIds", "video", "webDavUrl", contentDownloadURL,
	}
	driveProperties = []string{
		"id", "createdBy", "createdDateTime", "description", "driveType", "lastModifiedBy", "lastModifiedDateTime", "name", "owner", "quota", "webUrl",
	}
	driveFurther = []string{"eTag", "parentReference", "sharePointIds", "system"}
)

const (
	downloadURL        = "@microsoft.graph.downloadUrl"
	contentDownloadURL = "content.downloadUrl" // the same, as $select may name it
)

// pick keeps the members that were asked for.
func pick(all map[string]any, names []string) map[string]any {
	maps.DeleteFunc(all, func(name string, _ any) bool { return !slices.Contains(names, name) })
	return all
}

func identity(p *dataset.Person) map[string]any {
	if p == nil {
		return map[string]any{"displayName": "System Account"}
	}
	return map[string]any{"id": p.ID, "displayName": p.DisplayName}
}

func identitySet(p *dataset.Person) map[string]any { return map[string]any{"user": identity(p)} }

// reference points at a folder.
func reference(i *library.Item) map[string]any {
	out := map[string]any{"driveId": i.Drive.ID, "driveType": driveType(i.Drive), "id": i.ID, "name": i.Name, "path": rootPath(i)}
	if i.Drive.Site != nil {
		out["siteId"] = i.Drive.Site.ID
	}
	if i.Parent == nil {
		out["name"] = i.Drive.Name
	}
	return out
}

// rootPath is written with the names percent-encoded, as in a URL.
func rootPath(i *library.Item) string {
	return "/drives/" + i.Drive.ID + "/root:" + i.EscapedPath()
}

func driveType(d *library.Drive) string {
	if d.Site != nil {
		return "documentLibrary"
	}
	return "business"
}

// driveItem is Graph's JSON of an item with all that it has.
func (s *Service) driveItem(r *request, i *library.Item) map[string]any {
	at := func(t time.Time) string { return t.UTC().Format(timestamp) }
	out := map[string]any{
		"id": i.ID, "name": i.Name, "eTag": i.ETag(), "cTag": i.CTag(), "size": i.Size(), "webUrl": i.URL(),
		"createdBy": identitySet(i.CreatedBy), "createdDateTime": at(i.Created),
		"lastModifiedBy": identitySet(i.ModifiedBy), "lastModifiedDateTime": at(i.Modified),
		"fileSystemInfo": map[string]any{"createdDateTime": at(i.Created), "lastModifiedDateTime": at(i.Modified)},
	}
	if i.Description != "" {
		out["description"] = i.Description
	}
	if i.Parent == nil {
		out["parentReference"] = map[string]any{"driveId": i.Drive.ID, "driveType": driveType(i.Drive)}
		out["root"] = map[string]any{}
	} else {
		out["parentReference"] = reference(i.Parent)
	}
	if i.Deleted {
		out["deleted"] = map[string]any{"state": "deleted"}
	}
	if i.Folder {
		out["folder"] = map[string]any{"childCount": len(i.Children)}
		if i.Special != "" {
			out["specialFolder"] = map[string]any{"name": i.Special}
		}
	} else {
		out["file"] = map[string]any{"mimeType": i.ContentType, "hashes": map[string]any{"sha256Hash": i.SHA256()}}
		if !i.Deleted {
			out[downloadURL] = s.downloadURL(r, i)
		}
	}
	if i.CheckedOut != nil {
		out["publication"] = map[string]any{"level": "checkout", "checkedOutBy": identitySet(i.CheckedOut)}
	}
	if len(i.Grants) > 0 {
		out["shared"] = map[string]any{"scope": shareScope(i)}
	}
	return out
}

// shareScope is the widest circle that an item is shared with.
func shareScope(i *library.Item) string {
	scope := "users"
	for _, g := range i.Grants {
		if g.Link != nil && (g.Link.Scope == "anonymous" || g.Link.Scope == "organization" && scope == "users") {
			scope = g.Link.Scope
		}
	}
	return scope
}

// itemNames are the properties to show.
func (r *request) itemNames() ([]string, error) {
	names, err := r.Options.Selected("driveItem", itemProperties, itemFurther)
	if slices.Contains(names, contentDownloadURL) {
		names = append(slices.Clone(names), downloadURL)
	}
	return names, err
}

// expand reads $expand: the children of one folder, or thumbnails, of which
// the simulated tenant has none.
func (r *request) expand(children bool) (thumbnails, withChildren bool, err error) {
	for _, name := range r.Options.List("$expand") {
		switch {
		case name == "thumbnails":
			thumbnails = true
		case name == "children" && children:
			withChildren = true
		default:
			return false, false, library.NotSupported("The simulated tenant does not expand '%s' here.", name)
		}
	}
	return thumbnails, withChildren, nil
}

// one answers with a single item.
func (s *Service) one(r *request, i *library.Item, status int) (*service.Answer, error) {
	names, err := r.itemNames()
	if err != nil {
		return nil, err
	}
	thumbnails, children, err := r.expand(true)
	if err != nil {
		return nil, err
	}
	value := pick(s.driveItem(r, i), names)
	value["@odata.context"] = r.Context("drives('"+i.Drive.ID+"')/items") + "/$entity"
	if thumbnails {
		value["thumbnails"] = []any{}
	}
	if children && i.Folder {
		list := []any{}
		for _, child := range i.Children {
			list = append(list, pick(s.driveItem(r, child), itemProperties))
		}
		value["children"] = list
	}
	return &service.Answer{Status: status, Value: value, Header: map[string]string{"ETag": i.ETag()}}, nil
}

// page is the part of a list that was asked for.
func (r *request) page(context string, n int, item func(int) map[string]any) *service.Answer {
	return r.Page(r.Context(context), n, func(i int) any { return item(i) })
}

// many answers with a list of items.
func (s *Service) many(r *request, items []*library.Item) (*service.Answer, error) {
	names, err := r.itemNames()
	if err != nil {
		return nil, err
	}
	thumbnails, _, err := r.expand(false)
	if err != nil {
		return nil, err
	}
	return r.page("Collection(driveItem)", len(items), func(n int) map[string]any {
		value := pick(s.driveItem(r, items[n]), names)
		if thumbnails {
			value["thumbnails"] = []any{}
		}
		return value
	}), nil
}

func driveJSON(d *library.Drive, names []string) map[string]any {
	owner := map[string]any{"user": identity(d.Owner)}
	if d.Site != nil {
		owner = map[string]any{"user": map[string]any{"displayName": d.Site.Title + " Owners"}}
	}
	state := "normal"
	if d.Remaining() == 0 {
		state = "exceeded"
	}
	return pick(map[string]any{
		"id": d.ID, "name": d.Name, "description": "", "driveType": driveType(d), "webUrl": d.URL(), "owner": owner,
		"createdBy": identitySet(d.Root.CreatedBy), "createdDateTime": d.Root.Created.UTC().Format(timestamp),
		"lastModifiedBy": identitySet(d.Root.ModifiedBy), "lastModifiedDateTime": d.Root.Modified.UTC().Format(timestamp),
		"quota": map[string]any{"total": d.Total, "used": d.Used(), "remaining": d.Remaining(), "deleted": d.Deleted, "state": state},
	}, names)
}

// escapeHeader writes a file name for Content-Disposition (RFC 6266, RFC 8187).
func escapeHeader(name string) string {
	return "attachment; filename*=UTF-8''" + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
}
