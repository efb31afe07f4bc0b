package files

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/tool"
)

// place names a folder: by id, by the path below it or below the top of a drive.
type place struct {
	FolderID string `json:"folderId"`
	Path     string `json:"path"`
	SiteID   string `json:"siteId"`

	idField string // what the argument of FolderID is called, if not folderId
	allowed bool   // the plan has found that the scopes reach where the path begins
}

// idField is the id of a file or folder.
var idField = tool.Field{Name: "id", Aliases: []string{"fileId", "itemId"}, Type: tool.String, Required: true}

var placeFields = []tool.Field{
	{Name: "folderId", Type: tool.String},
	{Name: "path", Type: tool.String, MaxLength: maxPath, Description: "Folder, such as Projects/Q3 plan."},
	{Name: "siteId", Type: tool.String},
}

const (
	maxPath  = 400 // OneDrive's and SharePoint's bound of a whole path
	maxDepth = 20  // one request each
)

// spot is an item or, without item, the top of a drive; without drive, one's own.
type spot struct{ drive, item string }

// to is the path of the spot with a suffix.
func (s spot) to(suffix string, values ...string) (graph.Path, error) {
	switch {
	case s.drive == "":
		return graph.To("/me/drive/root"+suffix, values...)
	case s.item == "":
		return graph.To("/drives/{drive}/root"+suffix, append([]string{s.drive}, values...)...)
	}
	return graph.To("/drives/{drive}/items/{item}"+suffix, append([]string{s.drive, s.item}, values...)...)
}

// find walks to the place.
func (p place) find(ctx context.Context, c tool.Call, elsewhere []string) (at spot, lacks []string, err error) {
	at, lacks, err = p.start(ctx, c, elsewhere)
	if err != nil || lacks != nil {
		return at, lacks, err
	}
	return p.walk(ctx, c, at, elsewhere)
}

// walk follows the path. A shortcut on the way leads to another drive.
func (p place) walk(ctx context.Context, c tool.Call, from spot, elsewhere []string) (at spot, lacks []string, err error) {
	names, err := p.names()
	if err != nil {
		return from, nil, err
	}
	at = from
	for i, name := range names {
		var shortcut bool
		if at, shortcut, err = at.below(ctx, c, name, strings.Join(names[:i+1], "/")); err != nil {
			return at, nil, err
		}
		if shortcut {
			if lacks, err = lacking(ctx, c, at.drive, elsewhere); err != nil || lacks != nil {
				return at, lacks, err
			}
		}
	}
	return at, nil, nil
}

// start is where the path begins.
func (p place) start(ctx context.Context, c tool.Call, elsewhere []string) (at spot, lacks []string, err error) {
	switch {
	case p.FolderID != "" && p.SiteID != "":
		return at, nil, tool.Invalid("siteId", "stands beside the id of a folder, which names another place; give one of them")
	case p.FolderID != "" && p.allowed:
		at, err = resolved(ctx, c, cmp.Or(p.idField, "folderId"), p.FolderID)
		return at, nil, err
	case p.FolderID != "":
		return named(ctx, c, cmp.Or(p.idField, "folderId"), p.FolderID, elsewhere)
	case p.SiteID == "":
		return at, nil, nil
	}
	id, err := c.Resolve(ctx, "siteId", handle.KindSite, p.SiteID)
	if err != nil {
		return at, nil, err
	}
	if !slices.ContainsFunc(elsewhere, c.Has) { // a library is nobody's own drive
		return at, elsewhere[:1], nil
	}
	drive, err := libraryOf(ctx, c, id)
	return spot{drive: drive}, nil, err
}

func (p place) names() ([]string, error) {
	path := strings.Trim(strings.TrimSpace(p.Path), "/")
	if path == "" {
		return nil, nil
	}
	names := strings.Split(path, "/")
	if len(names) > maxDepth {
		return nil, tool.Invalid("path", fmt.Sprintf("has %d folders; at most %d are allowed", len(names), maxDepth))
	}
	return names, nil
}

// below is the folder of a name in another one.
func (s spot) below(ctx context.Context, c tool.Call, name, soFar string) (at spot, shortcut bool, err error) {
	path, err := s.to(":/{name}:", name)
	if err != nil {
		return s, false, tool.Invalid("path", fmt.Sprintf("has the name %q, which cannot stand in a path; list the folder above it and use the id", name))
	}
	resp, err := c.Graph.Do(ctx, graph.Request{Method: graph.Get, Path: path, Query: graph.Query{}.Select("id", "name", "folder", "parentReference", "remoteItem")})
	if notFound(err) {
		return s, false, tool.Invalid("path", fmt.Sprintf("leads nowhere: there is no folder %q; list the one above it", soFar))
	}
	if err != nil {
		return s, false, err
	}
	var found driveItem
	if err := resp.Decode(&found); err != nil {
		return s, false, err
	}
	there := found.target()
	if there.Folder == nil {
		return s, false, tool.Invalid("path", fmt.Sprintf("leads to %q, which is a file and no folder", soFar))
	}
	return spot{there.Parent.DriveID, there.ID}, there.ID != found.ID, nil
}

// libraryOf is the drive of a site's documents.
func libraryOf(ctx context.Context, c tool.Call, site string) (string, error) {
	path, err := graph.To("/sites/{site}/drive", site)
	if err != nil {
		return "", tool.Invalid("siteId", "is no id of a site; take it from searchSites")
	}
	resp, err := c.Graph.Do(ctx, graph.Request{Method: graph.Get, Path: path, Query: graph.Query{}.Select("id")})
	if err != nil {
		return "", err
	}
	var drive struct {
		ID string `json:"id"`
	}
	if err := resp.Decode(&drive); err != nil {
		return "", err
	}
	if drive.ID == "" {
		return "", &graph.Error{Kind: graph.KindProtocol, Exchange: resp.Exchange, Err: errors.New("a drive without an id")}
	}
	return drive.ID, nil
}
