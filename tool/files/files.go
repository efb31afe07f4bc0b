// Package files has the tools for OneDrive and the document libraries of
// SharePoint, and for the lists of its sites.
//
// # Ids
//
// An item's id means something in its drive only, so a short id stands for both
// (tool.DriveItem), and every item is asked for below /drives/{drive}/items/{item}.
// Folders can also be named by path: it is walked from folder to folder, one name
// at a time, so that no character of a name can lead anywhere else.
//
// # Scopes
//
// Files.Read and Files.ReadWrite end at the person's own OneDrive. What lies
// elsewhere, in a colleague's drive or in a site's library, needs Files.Read.All or
// Sites.Read.All, to write Files.ReadWrite.All or Sites.ReadWrite.All. Where the
// connection has one of them there is nothing to find out. Where it has none, the
// plan asks for the id of the person's own drive, and names the missing scope if the
// item is in another one: a clear refusal in the place of Graph's 403. Reading
// elsewhere is asked for at sign-in (an optional scope), writing only where shared
// resources are configured (tools.shared_mailboxes).
//
// # Writes
//
// What is changed or deleted carries If-Match with the eTag that the plan read. Where
// Graph takes none, for sharing and copying, the plan has a guard.
package files

import (
	"context"
	"errors"
	"slices"
	"strings"

	"m365mcp/graph"
	"m365mcp/tool"
)

const family = "files"

// Scopes for the person's own OneDrive, and for sites and their lists.
const (
	readScope  = "Files.Read"
	writeScope = "Files.ReadWrite"
	siteScope  = "Sites.Read.All"
)

// Scopes for what lies elsewhere, one of which is enough; the first is asked for.
var (
	readElsewhere  = []string{"Files.Read.All", "Sites.Read.All"}
	writeElsewhere = []string{"Files.ReadWrite.All", "Sites.ReadWrite.All"}
)

// Tools returns the family.
func Tools() []*tool.Tool {
	return []*tool.Tool{
		searchFiles(), listFiles(), readFile(), getFileLink(), uploadFile(), createFolder(), moveFile(), deleteFile(), shareFile(),
		searchSites(), getListItems(),
	}
}

// Internal returns the tools that the server itself runs for a person.
func Internal() []*tool.Tool { return []*tool.Tool{downloadFile()} }

// Resources returns what can be read under a URI.
func Resources() []*tool.Resource {
	file := readFile().With(func(s *tool.Spec) {
		s.Name, s.Title, s.Of = "resource:file", "A file's text", "readFile"
		s.Description = "The beginning of a file's text by its id, as searchFiles and listFiles give it, as JSON."
	})
	return []*tool.Resource{{URI: "microsoft://file/{id}", Tool: file}}
}

// lacking names the scope that is missing to reach a drive: none for one's own.
func lacking(ctx context.Context, c tool.Call, drive string, elsewhere []string) ([]string, error) {
	if slices.ContainsFunc(elsewhere, c.Has) {
		return nil, nil
	}
	resp, err := c.Graph.Do(ctx, graph.Request{Method: graph.Get, Path: graph.Fixed("/me/drive"), Query: graph.Query{}.Select("id")})
	if notFound(err) { // a person without a OneDrive: every drive is another one
		return elsewhere[:1], nil
	}
	if err != nil {
		return nil, err
	}
	var own struct {
		ID string `json:"id"`
	}
	if err := resp.Decode(&own); err != nil {
		return nil, err
	}
	if own.ID == drive {
		return nil, nil
	}
	return elsewhere[:1], nil
}

func notFound(err error) bool {
	ge, ok := errors.AsType[*graph.Error](err)
	return ok && ge.Kind == graph.KindGraph && ge.Status == 404
}

// named is an item that a model names by id, where the scopes reach it. lacks is
// what the plan has to refuse with otherwise.
func named(ctx context.Context, c tool.Call, field, id string, elsewhere []string) (at spot, lacks []string, err error) {
	if at, err = resolved(ctx, c, field, id); err != nil {
		return spot{}, nil, err
	}
	lacks, err = lacking(ctx, c, at.drive, elsewhere)
	return at, lacks, err
}

// resolved is an item that a model names by id, whatever the scopes.
func resolved(ctx context.Context, c tool.Call, field, id string) (spot, error) {
	ref, err := c.ResolveDriveItem(ctx, field, id)
	if err != nil {
		return spot{}, err
	}
	at := spot{ref.Drive, ref.Item}
	if _, err := at.to(""); err != nil {
		return spot{}, tool.Invalid(field, "is no id of a file or folder; take it from searchFiles or listFiles")
	}
	return at, nil
}

// checkName refuses what cannot be the name of a file or folder
// (https://support.microsoft.com/office/restrictions-and-limitations-in-onedrive-and-sharepoint-64883a5d-228e-48f5-b3d2-eb39e07630fa).
func checkName(field, name string) error {
	switch {
	case strings.TrimSpace(name) == "" || strings.TrimSpace(name) != name || strings.HasSuffix(name, "."):
		return tool.Invalid(field, "is empty, or begins or ends with a space or a dot")
	case strings.ContainsAny(name, `"*:<>?/\|`):
		return tool.Invalid(field, `contains one of " * : < > ? / \ |, which no name may have`)
	}
	if _, err := graph.To("/me/drive/root:/{name}:", name); err != nil {
		return tool.Invalid(field, "contains a character that no name may have, or a percent sign with two digits behind it")
	}
	return nil
}
