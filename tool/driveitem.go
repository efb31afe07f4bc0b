package tool

import (
	"context"
	"strings"

	"m365mcp/handle"
)

// DriveItem is a file or folder: an item's id means something in its drive only,
// so what models get is made of both.
type DriveItem struct{ Drive, Item string }

// String is the id that short ids are made of: DRIVE:ITEM.
func (d DriveItem) String() string { return d.Drive + ":" + d.Item }

// ResolveDriveItem returns the item that a model means by the argument field.
func (c Call) ResolveDriveItem(ctx context.Context, field, given string) (DriveItem, error) {
	id, err := c.Resolve(ctx, field, handle.KindDriveItem, given)
	if err != nil {
		return DriveItem{}, err
	}
	drive, item, ok := strings.Cut(id, ":")
	if !ok || drive == "" || item == "" {
		return DriveItem{}, Invalid(field, "is no id of a file or folder; take it from searchFiles or listFiles")
	}
	return DriveItem{drive, item}, nil
}
