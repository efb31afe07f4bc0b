package exchange

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
)

// maxFolderName is Exchange's limit.
const maxFolderName = 255

// CreateFolder makes a folder below another one.
func (s *Store) CreateFolder(b *Mailbox, parent, name string) (dataset.Folder, error) {
	if err := b.freeName(parent, name, ""); err != nil {
		return dataset.Folder{}, err
	}
	s.serial++
	f := dataset.Folder{ID: ID("AQMkAD", b.Person.ID, fmt.Sprint("folder", s.serial), 120), Name: name}
	f.ParentID = b.parentID(parent)
	b.folders = append(b.folders, f)
	b.touchFolder(f.ID)
	return f, nil
}

// parentID is how the data says where a folder lies: empty below the root.
func (b *Mailbox) parentID(parent string) string {
	if parent == b.Root {
		return ""
	}
	return parent
}

// freeName refuses a name that a sibling has, in any case.
func (b *Mailbox) freeName(parent, name, except string) error {
	if strings.TrimSpace(name) == "" || len(name) > maxFolderName {
		return apierror.BadRequest("ErrorInvalidArgument", "The folder name must have between 1 and %d characters.", maxFolderName)
	}
	for _, f := range b.Children(parent) {
		if f.ID != except && strings.EqualFold(f.Name, name) {
			return &apierror.Error{Status: http.StatusConflict, Code: "ErrorFolderExists", Message: "A folder with the specified name already exists., Could not create folder '" + name + "'."}
		}
	}
	return nil
}

// own refuses to change what every mailbox has.
func own(f dataset.Folder) error {
	if f.WellKnown == "" {
		return nil
	}
	return &apierror.Error{Status: http.StatusForbidden, Code: "ErrorDeleteDistinguishedFolder", Message: "Distinguished folders cannot be renamed, moved or deleted."}
}

func (b *Mailbox) change(id string, with func(*dataset.Folder)) dataset.Folder {
	i := slices.IndexFunc(b.folders, func(f dataset.Folder) bool { return f.ID == id })
	with(&b.folders[i])
	b.touchFolder(id)
	return b.folders[i]
}

// RenameFolder gives a folder another name.
func (b *Mailbox) RenameFolder(f dataset.Folder, name string) (dataset.Folder, error) {
	if err := own(f); err != nil {
		return f, err
	}
	parent := f.ParentID
	if parent == "" {
		parent = b.Root
	}
	if err := b.freeName(parent, name, f.ID); err != nil {
		return f, err
	}
	return b.change(f.ID, func(f *dataset.Folder) { f.Name = name }), nil
}

// MoveFolder puts a folder, with what is below it, under another one.
func (b *Mailbox) MoveFolder(f, parent dataset.Folder) (dataset.Folder, error) {
	if err := own(f); err != nil {
		return f, err
	}
	if parent.ID == f.ID || slices.ContainsFunc(b.below(f.ID), func(d dataset.Folder) bool { return d.ID == parent.ID }) {
		return f, apierror.BadRequest("ErrorMoveCopyFailed", "The move or copy operation failed: a folder cannot go below itself.")
	}
	if err := b.freeName(parent.ID, f.Name, f.ID); err != nil {
		return f, err
	}
	return b.change(f.ID, func(f *dataset.Folder) { f.ParentID = b.parentID(parent.ID) }), nil
}

// below are all folders under one, at any depth.
func (b *Mailbox) below(id string) []dataset.Folder {
	var out []dataset.Folder
	for _, f := range b.Children(id) {
		out = append(append(out, f), b.below(f.ID)...)
	}
	return out
}

// DeleteFolder moves a folder to Deleted Items, or removes what is there already.
func (b *Mailbox) DeleteFolder(f dataset.Folder) error {
	if err := own(f); err != nil {
		return err
	}
	bin, err := b.Folder("deleteditems")
	if err == nil && !slices.ContainsFunc(b.below(bin.ID), func(d dataset.Folder) bool { return d.ID == f.ID }) {
		name := f.Name
		for n := 1; b.freeName(bin.ID, name, f.ID) != nil; n++ {
			name = fmt.Sprintf("%s%d", f.Name, n)
		}
		b.change(f.ID, func(old *dataset.Folder) { old.ParentID, old.Name = bin.ID, name })
		return nil
	}
	for _, dead := range append(b.below(f.ID), f) {
		for _, m := range b.Messages(dead.ID) {
			b.Remove(m)
		}
		b.gone = append(b.gone, gone{change: b.next(), id: dead.ID})
		b.folders = slices.DeleteFunc(b.folders, func(other dataset.Folder) bool { return other.ID == dead.ID })
	}
	return nil
}

// CopyFolder copies a folder and what is in it.
func (s *Store) CopyFolder(b *Mailbox, f, parent dataset.Folder) (dataset.Folder, error) {
	children, messages := b.Children(f.ID), b.Messages(f.ID)
	if slices.ContainsFunc(append(b.below(f.ID), f), func(d dataset.Folder) bool { return d.ID == parent.ID }) {
		return f, apierror.BadRequest("ErrorMoveCopyFailed", "The move or copy operation failed: a folder cannot go below itself.")
	}
	created, err := s.CreateFolder(b, parent.ID, f.Name)
	if err != nil {
		return created, err
	}
	for _, m := range messages {
		if _, err := s.Copy(b, m, created.ID); err != nil {
			return created, err
		}
	}
	for _, child := range children {
		if _, err := s.CopyFolder(b, child, created); err != nil {
			return created, err
		}
	}
	return created, nil
}
