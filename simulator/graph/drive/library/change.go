package library

import (
	"fmt"
	"mime"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"m365mcp/simulator/dataset"
)

// MaxFile is what the simulated tenant keeps of one file. Graph takes 250 GB,
// and 250 MB in one request.
const MaxFile = 250 << 20

// Conflict is @microsoft.graph.conflictBehavior.
type Conflict string

// The ways to deal with a name that is taken.
const (
	Fail    Conflict = "fail"
	Replace Conflict = "replace"
	Rename  Conflict = "rename"
)

// ParseConflict reads the behaviour; an empty text is the default.
func ParseConflict(text string, standard Conflict) (Conflict, error) {
	switch c := Conflict(strings.ToLower(text)); c {
	case "":
		return standard, nil
	case Fail, Replace, Rename:
		return c, nil
	default:
		return "", Invalid("The value '%s' of @microsoft.graph.conflictBehavior is none of fail, replace, rename.", text)
	}
}

// reserved are names that SharePoint keeps for itself ("Restrictions and
// limitations in OneDrive and SharePoint").
var reserved = []string{".lock", "con", "prn", "aux", "nul", "desktop.ini", "_vti_"}

// CheckName refuses what cannot be a name of a file or a folder.
func CheckName(name string) error {
	lower := strings.ToLower(name)
	base, _, _ := strings.Cut(lower, ".")
	device := len(base) == 4 && (strings.HasPrefix(base, "com") || strings.HasPrefix(base, "lpt")) && base[3] >= '0' && base[3] <= '9'
	switch {
	case name == "" || name == "." || name == ".." || !utf8.ValidString(name),
		strings.ContainsAny(name, `"*:<>?/\|`),
		strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }),
		strings.TrimSpace(name) != name, strings.HasSuffix(name, "."), strings.HasPrefix(name, "~$"),
		strings.Contains(lower, "_vti_"), slices.Contains(reserved, lower), device && lower == base:
		return Invalid("The provided name '%s' is not a valid name of a file or a folder.", name)
	case utf8.RuneCountInString(name) > 255:
		return Invalid("The provided name is longer than 255 characters.")
	}
	return nil
}

// place finds the name under which an item may come into a folder, or the item
// that is to be replaced.
func (i *Item) place(name string, conflict Conflict, self *Item) (string, *Item, error) {
	if !i.Folder {
		return "", nil, Invalid("The parent is not a folder.")
	}
	if err := CheckName(name); err != nil {
		return "", nil, err
	}
	taken := i.Child(name)
	if taken == nil || taken == self {
		return name, nil, nil
	}
	switch conflict {
	case Replace:
		return taken.Name, taken, nil
	case Rename:
		ext := path.Ext(name)
		for n := 1; ; n++ {
			if other := fmt.Sprintf("%s %d%s", strings.TrimSuffix(name, ext), n, ext); i.Child(other) == nil {
				return other, nil, CheckName(other)
			}
		}
	case Fail:
	}
	return "", nil, NameExists(name)
}

// NewFolder makes a folder in a folder. To replace one keeps it.
func (i *Item) NewFolder(name string, conflict Conflict, by *dataset.Person, now time.Time) (*Item, error) {
	name, taken, err := i.place(name, conflict, nil)
	if err != nil {
		return nil, err
	}
	if taken != nil && !taken.Folder {
		return nil, NameExists(name)
	}
	if taken != nil {
		return taken, nil
	}
	made := i.Drive.create(i, name, by, now)
	made.Folder = true
	return made, nil
}

// Put writes a file into a folder. created tells a new file from a replaced one.
func (i *Item) Put(name string, content dataset.Content, conflict Conflict, by *dataset.Person, now time.Time) (file *Item, created bool, err error) {
	name, taken, err := i.place(name, conflict, nil)
	if err != nil {
		return nil, false, err
	}
	if taken != nil {
		return taken, false, taken.Write(content, by, now)
	}
	if err := i.Drive.Fits(content.Size()); err != nil {
		return nil, false, err
	}
	file = i.Drive.create(i, name, by, now)
	file.set(content)
	return file, true, nil
}

// Write gives a file another content.
func (i *Item) Write(content dataset.Content, by *dataset.Person, now time.Time) error {
	if i.Folder {
		return NameExists(i.Name)
	}
	if err := i.Unlocked(by); err != nil {
		return err
	}
	if err := i.Drive.Fits(content.Size() - i.Content.Size()); err != nil {
		return err
	}
	i.keepVersion()
	i.set(content)
	i.contentVersion++
	i.Drive.touch(i, by, now)
	return nil
}

func (i *Item) set(content dataset.Content) {
	i.Content, i.hash, i.text = content, "", nil
	i.ContentType = typeOf(i.Name)
}

// types are those that Go's standard table lacks.
var types = map[string]string{
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".md":   "text/markdown", ".txt": "text/plain", ".csv": "text/csv", ".eml": "message/rfc822",
}

func typeOf(name string) string {
	ext := strings.ToLower(path.Ext(name))
	if known, ok := types[ext]; ok {
		return known
	}
	known, _, err := mime.ParseMediaType(mime.TypeByExtension(ext))
	if err != nil {
		return "application/octet-stream"
	}
	return known
}

// Fits refuses what the drive has no room for.
func (d *Drive) Fits(more int64) error {
	if more > 0 && more > d.Remaining() {
		return QuotaReached()
	}
	return nil
}

func (d *Drive) create(parent *Item, name string, by *dataset.Person, now time.Time) *Item {
	d.library.serial++
	key := d.ID
	if d.Root != nil {
		key = d.Root.ID
	}
	made := &Item{
		ID: key[:9] + dataset.DriveItemID(d.ID, "new "+strconv.Itoa(d.library.serial))[9:], Name: name, Drive: d, Parent: parent,
		Created: now, CreatedBy: by, ContentType: typeOf(name),
	}
	d.add(made)
	d.touch(made, by, now)
	made.version = 0
	return made
}

// Move puts an item elsewhere in its drive, under another name, or both.
func (i *Item) Move(to *Item, name string, conflict Conflict, by *dataset.Person, now time.Time) error {
	switch {
	case i.Parent == nil:
		return Denied("The root of a drive cannot be moved or renamed.")
	case to.Drive != i.Drive:
		return Invalid("An item cannot be moved to another drive. Copy it instead.")
	case to.Within(i):
		return Invalid("An item cannot be moved into itself.")
	}
	if err := i.Unlocked(by); err != nil {
		return err
	}
	name, taken, err := to.place(name, conflict, i)
	if err != nil {
		return err
	}
	if taken != nil {
		if err := taken.Delete(by, now); err != nil {
			return err
		}
	}
	i.detach()
	i.Name, i.Parent = name, to
	i.Drive.add(i)
	i.Drive.touch(i, by, now)
	return nil
}

// Delete puts an item into the recycle bin.
func (i *Item) Delete(by *dataset.Person, now time.Time) error {
	if i.Parent == nil {
		return Denied("The root of a drive cannot be deleted.")
	}
	if err := i.Unlocked(by); err != nil {
		return err
	}
	i.Drive.Deleted += i.Size()
	i.detach()
	gone := func(item *Item) {
		item.Deleted = true
		i.Drive.touch(item, by, now)
	}
	i.Walk(gone)
	gone(i)
	return nil
}

func (i *Item) detach() {
	i.Parent.Children = slices.DeleteFunc(i.Parent.Children, func(other *Item) bool { return other == i })
}

// Copy makes a copy, with all that is in a folder, in this or another drive.
func (i *Item) Copy(to *Item, name string, conflict Conflict, by *dataset.Person, now time.Time) (*Item, error) {
	if to.Within(i) && i.Folder {
		return nil, Invalid("A folder cannot be copied into itself.")
	}
	name, taken, err := to.place(name, conflict, nil)
	if err != nil {
		return nil, err
	}
	if taken != nil && (taken.Folder || i.Folder || taken == i) {
		return nil, NameExists(name)
	}
	if err := to.Drive.Fits(i.Size()); err != nil {
		return nil, err
	}
	if taken != nil {
		return taken, taken.Write(i.Content, by, now)
	}
	return i.copyTo(to, name, by, now), nil
}

func (i *Item) copyTo(to *Item, name string, by *dataset.Person, now time.Time) *Item {
	made := to.Drive.create(to, name, by, now)
	made.Folder, made.Content, made.ContentType, made.text = i.Folder, i.Content, i.ContentType, i.text
	for _, child := range i.Children {
		child.copyTo(made, child.Name, by, now)
	}
	return made
}
