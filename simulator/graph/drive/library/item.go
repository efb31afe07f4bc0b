package library

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
)

// Item is a file or a folder.
type Item struct {
	ID                    string
	Name                  string
	Description           string
	Folder                bool
	Special               string
	Drive                 *Drive
	Parent                *Item   // nil: the root
	Children              []*Item // by name
	Created, Modified     time.Time
	CreatedBy, ModifiedBy *dataset.Person
	CheckedOut            *dataset.Person // nil: nobody
	ContentType           string
	Content               dataset.Content
	Grants                []*Grant // given on this very item
	Versions              []Version
	Deleted               bool

	text           *string // nil: not read yet
	hash           string  // of the content, when asked for
	version        int
	contentVersion int
	changed        int // the drive's count at the last change
}

// Version is what a file was before.
type Version struct {
	ID       string
	Size     int64
	Modified time.Time
	By       *dataset.Person
}

// Size is that of the content, or of all in a folder.
func (i *Item) Size() int64 {
	size := i.Content.Size()
	for _, child := range i.Children {
		size += child.Size()
	}
	return size
}

// GUID is SharePoint's own id of the item.
func (i *Item) GUID() string {
	sum := sha256.Sum256([]byte("guid " + i.ID))
	h := strings.ToUpper(hex.EncodeToString(sum[:16]))
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// ETag changes with the item.
func (i *Item) ETag() string { return fmt.Sprintf(`"{%s},%d"`, i.GUID(), i.version+1) }

// CTag changes with the content, of a folder with what is in it.
func (i *Item) CTag() string {
	version := i.contentVersion
	if i.Folder {
		version = i.version
		for _, child := range i.Children {
			version += child.version + 1
		}
	}
	return fmt.Sprintf(`"c:{%s},%d"`, i.GUID(), version)
}

// Path is the item's place below the root, "" for the root, "a/b" else.
func (i *Item) Path() string {
	if i.Parent == nil {
		return ""
	}
	return path.Join(i.Parent.Path(), i.Name)
}

// URL is the item's address for people.
func (i *Item) URL() string {
	return i.Drive.URL() + i.EscapedPath()
}

// EscapedPath is the path below the root as it stands in a URL: "/a/b%20c", "" for the root.
func (i *Item) EscapedPath() string {
	if i.Parent == nil {
		return ""
	}
	return i.Parent.EscapedPath() + "/" + url.PathEscape(i.Name)
}

// Child finds what lies in a folder under a name, in any case.
func (i *Item) Child(name string) *Item {
	for _, child := range i.Children {
		if strings.EqualFold(child.Name, name) {
			return child
		}
	}
	return nil
}

// At walks a path below the item.
func (i *Item) At(names string) (*Item, error) {
	at := i
	for name := range strings.SplitSeq(names, "/") {
		if at = at.Child(name); at == nil {
			return nil, NotFound()
		}
	}
	return at, nil
}

// Within reports whether the item is the folder or lies in it.
func (i *Item) Within(folder *Item) bool {
	for at := i; at != nil; at = at.Parent {
		if at == folder {
			return true
		}
	}
	return false
}

// Walk visits what lies in a folder, folders before what is in them.
func (i *Item) Walk(visit func(*Item)) {
	for _, child := range i.Children {
		visit(child)
		child.Walk(visit)
	}
}

// SHA256 is the hash of the content in Graph's form.
func (i *Item) SHA256() string {
	if i.hash == "" {
		sum := sha256.New()
		if _, err := io.Copy(sum, io.NewSectionReader(i.Content, 0, i.Content.Size())); err == nil {
			i.hash = strings.ToUpper(hex.EncodeToString(sum.Sum(nil)))
		}
	}
	return i.hash
}

// Describe sets the description.
func (i *Item) Describe(text string, by *dataset.Person, now time.Time) {
	i.Description = text
	i.Drive.touch(i, by, now)
}

// CheckOut keeps a file for one person.
func (i *Item) CheckOut(by *dataset.Person, now time.Time) error {
	if i.Folder {
		return Invalid("Only files can be checked out.")
	}
	if err := i.Unlocked(by); err != nil {
		return err
	}
	i.CheckedOut = by
	i.Drive.touch(i, by, now)
	return nil
}

// CheckIn gives it back.
func (i *Item) CheckIn(by *dataset.Person, now time.Time) error {
	if i.CheckedOut == nil {
		return Invalid("The file is not checked out.")
	}
	if err := i.Unlocked(by); err != nil {
		return err
	}
	i.CheckedOut = nil
	i.Drive.touch(i, by, now)
	return nil
}

// Unlocked fails where somebody else has checked the item out, or something in it.
func (i *Item) Unlocked(by *dataset.Person) error {
	locked := i.CheckedOut != nil && i.CheckedOut != by
	i.Walk(func(child *Item) { locked = locked || child.CheckedOut != nil && child.CheckedOut != by })
	if locked {
		return Locked()
	}
	return nil
}

// keepVersion remembers what the file was.
func (i *Item) keepVersion() {
	i.Versions = append(i.Versions, Version{ID: strconv.Itoa(len(i.Versions)+1) + ".0", Size: i.Content.Size(), Modified: i.Modified, By: i.ModifiedBy})
}
