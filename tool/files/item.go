package files

import (
	"context"
	"errors"
	"slices"
	"time"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/tool"
)

// driveItem holds the properties of Graph's driveItem resource that the tools select.
type driveItem struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	ETag     string    `json:"eTag"`
	Size     int64     `json:"size"`
	WebURL   string    `json:"webUrl"`
	Created  time.Time `json:"createdDateTime"`
	Modified time.Time `json:"lastModifiedDateTime"`
	By       identity  `json:"lastModifiedBy"`
	Author   identity  `json:"createdBy"`
	Root     *struct{} `json:"root"`
	Folder   *struct {
		Children int `json:"childCount"`
	} `json:"folder"`
	File *struct {
		MimeType string `json:"mimeType"`
	} `json:"file"`
	Parent struct {
		DriveID string `json:"driveId"`
		ID      string `json:"id"`
		Path    string `json:"path"`
	} `json:"parentReference"`
	Remote *driveItem `json:"remoteItem"`
}

type identity struct {
	User struct {
		DisplayName string `json:"displayName"`
	} `json:"user"`
}

// shown are the properties that a list needs.
var shown = []string{"id", "name", "size", "folder", "lastModifiedDateTime", "lastModifiedBy", "parentReference", "webUrl", "remoteItem"}

// extra are the names of fields with the properties they need beside.
var extra = map[string][]string{"url": nil, "created": {"createdDateTime"}, "createdBy": {"createdBy"}}

var extraNames = []string{"url", "created", "createdBy"}

func selected(fields []string) []string {
	names := slices.Clone(shown)
	for _, f := range extraNames {
		if slices.Contains(fields, f) {
			names = append(names, extra[f]...)
		}
	}
	return names
}

// target is where a shortcut in one's own drive leads: an item of another drive
// (https://learn.microsoft.com/graph/api/resources/remoteitem).
func (d driveItem) target() driveItem {
	if d.Remote == nil || d.Remote.ID == "" || d.Remote.Parent.DriveID == "" {
		return d
	}
	d.ID, d.Parent.DriveID, d.Folder, d.File = d.Remote.ID, d.Remote.Parent.DriveID, d.Remote.Folder, d.Remote.File
	d.Size = max(d.Size, d.Remote.Size)
	return d
}

// id is what short ids are made of; "" where Graph does not say the drive.
func (d driveItem) id() string {
	if d.ID == "" || d.Parent.DriveID == "" {
		return ""
	}
	return tool.DriveItem{Drive: d.Parent.DriveID, Item: d.ID}.String()
}

// get reads one item.
func (s spot) get(ctx context.Context, c tool.Call, properties ...string) (driveItem, error) {
	read, err := s.read(properties...)
	if err != nil {
		return driveItem{}, err
	}
	resp, err := c.Graph.Do(ctx, read)
	if err != nil {
		return driveItem{}, err
	}
	var d driveItem
	return d, resp.Decode(&d)
}

// leaving is the item as a file that others get. Nobody reads a folder as a whole,
// nor a notebook, which is one.
func (s spot) leaving(c tool.Call, d driveItem) (tool.Source, error) {
	path, err := s.to("/content")
	r := tool.Remote{
		Name: d.Name, Size: d.Size, Version: s.drive + ":" + s.item + ":" + d.ETag,
		Content: graph.Request{Method: graph.Get, Path: path, Follow: true}, Opaque: d.File == nil,
	}
	if d.File != nil {
		r.ContentType = d.File.MimeType
	}
	return c.Remote(r), err
}

func (s spot) read(properties ...string) (graph.Request, error) {
	path, err := s.to("")
	return graph.Request{Method: graph.Get, Path: path, Query: graph.Query{}.Select(properties...)}, err
}

// known fails for an item without an eTag: what it is held against later must not
// be nothing.
func (d driveItem) known(x graph.Exchange) error {
	if d.ETag != "" {
		return nil
	}
	return &graph.Error{Kind: graph.KindProtocol, Exchange: x, Err: errors.New("a file without an eTag")}
}

// short is the short id of one item.
func (d driveItem) short(ctx context.Context, c tool.Call) (string, error) {
	ids, err := c.Short(ctx, handle.KindDriveItem, []string{d.id()})
	if err != nil {
		return "", err
	}
	return ids[0], nil
}

// changed is what a write says of the item that it made or changed.
type changed struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
	Size int64  `json:"size,omitempty"`
	URL  string `json:"url,omitempty"`
}

var changedFields = []tool.Field{{Name: "id", Type: tool.String}, {Name: "name", Type: tool.String}, {Name: "url", Type: tool.String}}

// readChanged makes it of Graph's answer. drive is of use where Graph leaves it out.
func readChanged(ctx context.Context, c tool.Call, resp *graph.Response, drive string) (changed, error) {
	var d driveItem
	if err := resp.Decode(&d); err != nil {
		return changed{}, err
	}
	if d.Parent.DriveID == "" {
		d.Parent.DriveID = drive
	}
	id, err := d.short(ctx, c)
	return changed{ID: id, Name: content.Line(d.Name, maxName), Size: d.Size, URL: content.Line(d.WebURL, maxURL)}, err
}
