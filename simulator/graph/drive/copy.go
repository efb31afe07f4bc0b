package drive

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/drive/library"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

const monitorPrefix = "/drive/monitor/"

// copyJob is a copy under way. A folder's is seen in progress once, so that who
// does not wait for it finds out.
type copyJob struct {
	result  string // id of the copy
	failure *apierror.Error
	polls   int
}

// destination reads a parentReference: an id in this drive, or in another one.
func (s *Service) destination(r *request, body wire.Object) (*library.Item, error) {
	var raw json.RawMessage
	if err := wire.Read(body, "parentReference", &raw); err != nil || raw == nil {
		return nil, err
	}
	ref, err := wire.ReadObject(raw, "itemReference", "driveId", "driveType", "id", "name", "path", "shareId", "sharepointIds", "siteId")
	if err != nil {
		return nil, err
	}
	var driveID, id, path string
	for member, into := range map[string]*string{"driveId": &driveID, "id": &id, "path": &path} {
		if err := wire.Read(ref, member, into); err != nil {
			return nil, err
		}
	}
	d := r.drive
	if driveID != "" {
		if d, err = s.library.Drive(driveID); err != nil {
			return nil, err
		}
		if err := r.reach(d); err != nil {
			return nil, err
		}
	}
	to := d.Root
	switch {
	case id != "":
		to, err = d.Item(id)
	case path != "":
		if _, below, found := strings.Cut(path, "root:/"); found {
			if below, err = url.PathUnescape(below); err != nil {
				return nil, library.Invalid("The path of parentReference is malformed.")
			}
			to, err = d.Root.At(below)
		}
	default:
		return nil, library.Invalid("parentReference needs an id or a path.")
	}
	if err != nil {
		return nil, err
	}
	return to, r.allow(to, library.Write)
}

// copyItem starts a copy; where it is, the monitor URL says.
func (s *Service) copyItem(r *request) (*service.Answer, error) {
	i, err := r.item(library.Read)
	if err != nil {
		return nil, err
	}
	body, err := wire.ReadObject(r.Body, "copy", "name", "parentReference", "childrenOnly", "includeAllVersionHistory")
	if err != nil {
		return nil, err
	}
	var childrenOnly bool
	if err := wire.Read(body, "childrenOnly", &childrenOnly); err != nil {
		return nil, err
	}
	if childrenOnly || i.Parent == nil {
		return nil, library.NotSupported("The simulated tenant copies files and folders, neither a root nor the children of a folder alone.")
	}
	name, to := i.Name, i.Parent
	if err := wire.Read(body, "name", &name); err != nil {
		return nil, err
	}
	if body.Has("parentReference") {
		if to, err = s.destination(r, body); err != nil {
			return nil, err
		}
	}
	if err := r.allow(to, library.Write); err != nil {
		return nil, err
	}
	if err := library.CheckName(name); err != nil {
		return nil, err
	}
	behaviour, _ := r.Options.Custom("@microsoft.graph.conflictbehavior")
	conflict, err := library.ParseConflict(behaviour, library.Fail)
	if err != nil {
		return nil, err
	}
	job := &copyJob{polls: 1}
	if i.Folder {
		job.polls = 0
	}
	made, err := i.Copy(to, name, conflict, r.me, r.Now)
	if err == nil {
		job.result = made.ID
	} else if !errors.As(err, &job.failure) {
		return nil, err
	}
	id := randomID()
	s.copies[id] = job
	return &service.Answer{Status: http.StatusAccepted, Header: map[string]string{"Location": r.Storage + monitorPrefix + id}}, nil
}

// serveMonitor tells how far a copy is.
func (s *Service) serveMonitor(w http.ResponseWriter, r *http.Request) {
	s.library.Lock()
	defer s.library.Unlock()
	job := s.copies[strings.TrimPrefix(r.URL.Path, monitorPrefix)]
	switch {
	case r.Method != http.MethodGet:
		writeError(w, apierror.MethodNotAllowed())
	case job == nil:
		writeError(w, library.NotFound())
	case job.polls == 0:
		job.polls++
		writeJSON(w, http.StatusAccepted, map[string]any{"operation": "ItemCopy", "percentageComplete": 27.8, "status": "inProgress"})
	case job.failure != nil:
		writeJSON(w, http.StatusOK, map[string]any{
			"operation": "ItemCopy", "percentageComplete": 0.0, "status": "failed",
			"error": map[string]any{"code": job.failure.Code, "message": job.failure.Message},
		})
	default:
		writeJSON(w, http.StatusOK, map[string]any{"operation": "ItemCopy", "percentageComplete": 100.0, "resourceId": job.result, "status": "completed"})
	}
}
