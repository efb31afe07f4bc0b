package mail

import (
	"net/http"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// folder is the one of the path.
func (c *call) folder() (dataset.Folder, error) { return c.box.Folder(c.Params["mailFolder-id"]) }

// folderAnswer shows a folder as it is now.
func (c *call) folderAnswer(status int, f dataset.Folder, err error) (*service.Answer, error) {
	if err != nil {
		return nil, err
	}
	value := wire.Folder(c.box, f, wire.FolderProperties)
	value["@odata.context"] = c.OwnerContext("/mailFolders") + "/$entity"
	return &service.Answer{Status: status, Value: value}, nil
}

// folderName reads the only property of a folder that a client sets.
func (c *call) folderName() (string, error) {
	o, err := wire.ReadObject(c.Body, "mailFolder", wire.FolderProperties...)
	if err != nil {
		return "", err
	}
	var name string
	if err := wire.Read(o, "displayName", &name); err != nil {
		return "", err
	}
	if name == "" {
		return "", apierror.BadRequest("ErrorInvalidArgument", "A folder needs a displayName.")
	}
	return name, nil
}

// createFolder makes one below the root, or below the folder of the path.
func (c *call) createFolder() (*service.Answer, error) {
	name, err := c.folderName()
	if err != nil {
		return nil, err
	}
	parent := c.box.Root
	if _, ok := c.Params["mailFolder-id"]; ok {
		f, err := c.folder()
		if err != nil {
			return nil, err
		}
		parent = f.ID
	}
	f, err := c.store.CreateFolder(c.box, parent, name)
	return c.folderAnswer(http.StatusCreated, f, err)
}

func (c *call) renameFolder() (*service.Answer, error) {
	f, err := c.folder()
	if err != nil {
		return nil, err
	}
	name, err := c.folderName()
	if err != nil {
		return nil, err
	}
	f, err = c.box.RenameFolder(f, name)
	return c.folderAnswer(http.StatusOK, f, err)
}

func (c *call) deleteFolder() (*service.Answer, error) {
	f, err := c.folder()
	if err != nil {
		return nil, err
	}
	if err := c.box.DeleteFolder(f); err != nil {
		return nil, err
	}
	return &service.Answer{Status: http.StatusNoContent}, nil
}

func (c *call) moveFolder() (*service.Answer, error) {
	f, parent, err := c.folders("move")
	if err != nil {
		return nil, err
	}
	f, err = c.box.MoveFolder(f, parent)
	return c.folderAnswer(http.StatusCreated, f, err)
}

func (c *call) copyFolder() (*service.Answer, error) {
	f, parent, err := c.folders("copy")
	if err != nil {
		return nil, err
	}
	f, err = c.store.CopyFolder(c.box, f, parent)
	return c.folderAnswer(http.StatusCreated, f, err)
}

// folders are the one of the path and where it shall go.
func (c *call) folders(action string) (f, parent dataset.Folder, err error) {
	to, err := c.destination(action)
	if err != nil {
		return f, parent, err
	}
	if parent, err = c.box.Folder(to); err != nil {
		return f, parent, err
	}
	f, err = c.folder()
	return f, parent, err
}
