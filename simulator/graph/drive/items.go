package drive

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"m365mcp/simulator/graph/drive/library"
	"m365mcp/simulator/graph/query"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

func (s *Service) getDrive(r *request) (*service.Answer, error) {
	if !r.drive.Touches(r.me, r.Now) {
		return nil, library.Denied("Access denied")
	}
	names, err := r.Options.Selected("drive", driveProperties, driveFurther)
	if err != nil {
		return nil, err
	}
	value := driveJSON(r.drive, names)
	if r.Options.Has("$expand") {
		return nil, library.NotSupported("The simulated tenant expands nothing on a drive.")
	}
	value["@odata.context"] = r.Context("drives") + "/$entity"
	return &service.Answer{Status: http.StatusOK, Value: value}, nil
}

// listDrives: a person and a site of the simulated tenant have one each.
func (s *Service) listDrives(r *request) (*service.Answer, error) {
	names, err := r.Options.Selected("drive", driveProperties, driveFurther)
	if err != nil {
		return nil, err
	}
	return r.page("drives", 1, func(int) map[string]any { return driveJSON(r.drive, names) }), nil
}

func (s *Service) getItem(r *request) (*service.Answer, error) {
	i, err := r.item(library.Read)
	if err != nil {
		return nil, err
	}
	return s.one(r, i, http.StatusOK)
}

func (s *Service) listChildren(r *request) (*service.Answer, error) {
	folder, err := r.item(library.Read)
	if err != nil {
		return nil, err
	}
	children := slices.Clone(folder.Children)
	if err := sortItems(r.Options, children); err != nil {
		return nil, err
	}
	return s.many(r, children)
}

// sortItems knows what OneDrive can sort by.
func sortItems(o query.Options, items []*library.Item) error {
	for _, key := range slices.Backward(o.List("$orderby")) {
		words := strings.Fields(key)
		if len(words) == 0 || len(words) > 2 || len(words) == 2 && words[1] != "asc" && words[1] != "desc" {
			return library.Invalid("Syntax error in $orderby: '%s'.", key)
		}
		var compare func(a, b *library.Item) int
		switch words[0] {
		case "name":
			compare = func(a, b *library.Item) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) }
		case "size":
			compare = func(a, b *library.Item) int { return cmp.Compare(a.Size(), b.Size()) }
		case "lastModifiedDateTime":
			compare = func(a, b *library.Item) int { return a.Modified.Compare(b.Modified) }
		default:
			return library.Invalid("The property '%s' cannot be used in $orderby.", words[0])
		}
		slices.SortStableFunc(items, func(a, b *library.Item) int {
			if len(words) == 2 && words[1] == "desc" {
				return compare(b, a)
			}
			return compare(a, b)
		})
	}
	return nil
}

// search looks for words, or their beginnings, in names and text.
func (s *Service) search(r *request) (*service.Answer, error) {
	below, err := r.item(library.None)
	if err != nil {
		return nil, err
	}
	wanted := words(r.Params["q"])
	var found []*library.Item
	below.Walk(func(i *library.Item) {
		if i.Role(r.me, r.Now) >= library.Read && matches(wanted, i.Name+" "+i.Text()) {
			found = append(found, i)
		}
	})
	if below.Role(r.me, r.Now) == library.None && !r.drive.Touches(r.me, r.Now) {
		return nil, library.Denied("Access denied")
	}
	return s.many(r, found)
}

func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
}

// matches wants each word at the beginning of one of the text; no words match all.
func matches(wanted []string, text string) bool {
	have := words(text)
	return !slices.ContainsFunc(wanted, func(w string) bool {
		return !slices.ContainsFunc(have, func(h string) bool { return strings.HasPrefix(h, w) })
	})
}

// recent are the person's own files, the latest first.
func (s *Service) recent(r *request) (*service.Answer, error) {
	var files []*library.Item
	r.drive.Root.Walk(func(i *library.Item) {
		if !i.Folder && i.Role(r.me, r.Now) >= library.Read {
			files = append(files, i)
		}
	})
	slices.SortStableFunc(files, func(a, b *library.Item) int { return b.Modified.Compare(a.Modified) })
	return s.many(r, files)
}

// delta lists everything, or what changed since the token; the token of a
// first call may be "latest".
func (s *Service) delta(r *request) (*service.Answer, error) {
	below, err := r.item(library.Read)
	if err != nil {
		return nil, err
	}
	point := 0
	_, now := r.drive.ChangesSince(0)
	token, given := r.Options.Custom("token")
	if token == "latest" {
		point = now
	} else if given {
		raw, err := base64.RawURLEncoding.DecodeString(token)
		text, ok := strings.CutPrefix(string(raw), r.drive.ID+"|")
		point, _ = strconv.Atoi(text) // 0 is refused below
		if err != nil || !ok || point < 1 || point > now {
			return nil, library.Resync()
		}
	}
	changed, now := r.drive.ChangesSince(point)
	changed = slices.DeleteFunc(changed, func(i *library.Item) bool { return !i.Within(below) || i.Role(r.me, r.Now) < library.Read })
	answer, err := s.many(r, changed)
	if err != nil {
		return nil, err
	}
	if _, more := answer.Value["@odata.nextLink"]; !more {
		next := base64.RawURLEncoding.EncodeToString([]byte(r.drive.ID + "|" + strconv.Itoa(now)))
		answer.Value["@odata.deltaLink"] = r.BaseURL + r.Request.URL.EscapedPath() + "?token=" + next
	}
	return answer, nil
}

func (s *Service) createFolder(r *request) (*service.Answer, error) {
	parent, err := r.item(library.Write)
	if err != nil {
		return nil, err
	}
	body, err := wire.ReadObject(r.Body, "driveItem", append([]string{"name", "folder", "description", "fileSystemInfo"}, itemFurther...)...)
	if err != nil {
		return nil, err
	}
	var name, behaviour string
	for member, into := range map[string]*string{"name": &name, "@microsoft.graph.conflictBehavior": &behaviour} {
		if err := wire.Read(body, member, into); err != nil {
			return nil, err
		}
	}
	if !body.Has("folder") {
		return nil, library.Invalid("Only folders are created this way: the facet 'folder' is missing. Files are uploaded.")
	}
	conflict, err := library.ParseConflict(behaviour, library.Fail)
	if err != nil {
		return nil, err
	}
	made, err := parent.NewFolder(name, conflict, r.me, r.Now)
	if err != nil {
		return nil, err
	}
	return s.one(r, made, http.StatusCreated)
}

// updateItem renames, moves or describes.
func (s *Service) updateItem(r *request) (*service.Answer, error) {
	i, err := r.item(library.Write)
	if err != nil {
		return nil, err
	}
	if err := r.ifMatch(i); err != nil {
		return nil, err
	}
	body, err := wire.ReadObject(r.Body, "driveItem", append(slices.Clone(itemProperties), itemFurther...)...)
	if err != nil {
		return nil, err
	}
	name, behaviour, to := i.Name, "", i.Parent
	var description *string
	if err := wire.Read(body, "name", &name); err != nil {
		return nil, err
	}
	if err := wire.Read(body, "@microsoft.graph.conflictBehavior", &behaviour); err != nil {
		return nil, err
	}
	if err := wire.Read(body, "description", &description); err != nil {
		return nil, err
	}
	conflict, err := library.ParseConflict(behaviour, library.Fail)
	if err != nil {
		return nil, err
	}
	if body.Has("parentReference") {
		if to, err = s.destination(r, body); err != nil {
			return nil, err
		}
	}
	if to != i.Parent || name != i.Name {
		if err := i.Move(to, name, conflict, r.me, r.Now); err != nil {
			return nil, err
		}
	}
	if description != nil {
		i.Describe(*description, r.me, r.Now)
	}
	return s.one(r, i, http.StatusOK)
}

// deleteItem puts an item into the recycle bin.
func (s *Service) deleteItem(r *request) (*service.Answer, error) {
	i, err := r.item(library.Write)
	if err != nil {
		return nil, err
	}
	if err := r.ifMatch(i); err != nil {
		return nil, err
	}
	if err := i.Delete(r.me, r.Now); err != nil {
		return nil, err
	}
	return &service.Answer{Status: http.StatusNoContent}, nil
}

func (s *Service) checkOut(r *request) (*service.Answer, error) {
	i, err := r.item(library.Write)
	if err != nil {
		return nil, err
	}
	return &service.Answer{Status: http.StatusNoContent}, i.CheckOut(r.me, r.Now)
}

func (s *Service) checkIn(r *request) (*service.Answer, error) {
	i, err := r.item(library.Write)
	if err != nil {
		return nil, err
	}
	return &service.Answer{Status: http.StatusNoContent}, i.CheckIn(r.me, r.Now)
}

// thumbnails: the simulated tenant makes none.
func (s *Service) thumbnails(r *request) (*service.Answer, error) {
	if _, err := r.item(library.Read); err != nil {
		return nil, err
	}
	return &service.Answer{Status: http.StatusOK, Value: map[string]any{"@odata.context": r.Context("thumbnails"), "value": []any{}}}, nil
}

// versions lists the current one and those before it.
func (s *Service) versions(r *request) (*service.Answer, error) {
	i, err := r.item(library.Read)
	if err != nil {
		return nil, err
	}
	all := append(slices.Clone(i.Versions), library.Version{ID: strconv.Itoa(len(i.Versions)+1) + ".0", Size: i.Content.Size(), Modified: i.Modified, By: i.ModifiedBy})
	slices.Reverse(all)
	return r.page("Collection(driveItemVersion)", len(all), func(n int) map[string]any {
		v := all[n]
		return map[string]any{"id": v.ID, "size": v.Size, "lastModifiedDateTime": v.Modified.UTC().Format(timestamp), "lastModifiedBy": identitySet(v.By)}
	}), nil
}
