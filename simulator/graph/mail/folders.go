package mail

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// listFolders lists the folders below the root, or below the folder of the
// path. includeHiddenFolders is accepted; the data set has no hidden folder.
func (c *call) listFolders() (*service.Answer, error) {
	parent := c.box.Root
	path := "/mailFolders"
	if name, ok := c.Params["mailFolder-id"]; ok {
		folder, err := c.box.Folder(name)
		if err != nil {
			return nil, err
		}
		parent, path = folder.ID, "/mailFolders('"+name+"')/childFolders"
	}
	if hidden, ok := c.Options.Custom("includehiddenfolders"); ok && !strings.EqualFold(hidden, "true") && !strings.EqualFold(hidden, "false") {
		return nil, apierror.BadRequest("BadRequest", "Invalid value '%s' for includeHiddenFolders.", hidden)
	}
	names, err := c.Options.Selected("mailFolder", wire.FolderProperties, []string{"childFolders", "messageRules", "messages"})
	if err != nil {
		return nil, err
	}
	folders, err := c.selectFolders(c.box.Children(parent))
	if err != nil {
		return nil, err
	}
	answer := c.Page(c.OwnerContext(path), len(folders), func(i int) any { return wire.Folder(c.box, folders[i], names) })
	return answer, nil
}

// selectFolders applies $filter and $orderby.
func (c *call) selectFolders(folders []dataset.Folder) ([]dataset.Folder, error) {
	filter, err := c.Options.Filter("mailFolder", wire.FolderKinds)
	if err != nil {
		return nil, err
	}
	keys, err := c.Options.OrderBy("mailFolder", wire.FolderKinds)
	if err != nil {
		return nil, err
	}
	if filter != nil {
		folders = slices.DeleteFunc(folders, func(f dataset.Folder) bool {
			return !filter.Match(func(path string) any { return wire.FolderProperty(c.box, f, path) })
		})
	}
	for _, key := range slices.Backward(keys) {
		if key.Path != "displayName" {
			return nil, apierror.BadRequest("ErrorInvalidUrlQuery", "The query specified in the URI is not valid. The property '%s' cannot be used in the $orderby query option.", key.Path)
		}
		slices.SortStableFunc(folders, func(a, b dataset.Folder) int {
			order := cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
			if key.Descending {
				return -order
			}
			return order
		})
	}
	return folders, nil
}

func (c *call) getFolder() (*service.Answer, error) {
	names, err := c.Options.Selected("mailFolder", wire.FolderProperties, []string{"childFolders", "messageRules", "messages"})
	if err != nil {
		return nil, err
	}
	if c.Options.Has("$expand") {
		return nil, apierror.BadRequest("BadRequest", "The query specified in the URI is not valid. $expand is not supported on mail folders by the simulated tenant.")
	}
	folder, err := c.box.Folder(c.Params["mailFolder-id"])
	if err != nil {
		return nil, err
	}
	value := wire.Folder(c.box, folder, names)
	value["@odata.context"] = c.OwnerContext("/mailFolders") + "/$entity"
	return &service.Answer{Status: http.StatusOK, Value: value}, nil
}
