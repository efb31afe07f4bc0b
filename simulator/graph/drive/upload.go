package drive

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/drive/library"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// The rules of chunks ("driveItem: createUploadSession", upload bytes).
const (
	chunkUnit    = 320 << 10
	maxChunk     = 60 << 20 // less than
	uploadLife   = 24 * time.Hour
	uploadPrefix = "/drive/upload/"
)

// upload is a session: bytes on their way to a file.
type upload struct {
	request  *request
	folder   *library.Item
	names    []string      // of the folders to make below it and of the file
	existing *library.Item // not nil: another content of this file
	conflict library.Conflict
	etag     string // of If-Match
	size     int64  // -1: not known yet
	content  []byte
	expires  time.Time
}

func (s *Service) createUpload(r *request) (*service.Answer, error) {
	folder, names, existing, err := r.place()
	if err != nil {
		return nil, err
	}
	u := &upload{request: r, folder: folder, names: names, existing: existing, size: -1, expires: r.Now.Add(uploadLife), etag: r.Request.Header.Get("If-Match")}
	if err := u.read(r.Body, names); err != nil {
		return nil, err
	}
	switch {
	case existing == nil && names == nil, existing != nil && existing.Folder:
		return nil, library.Invalid("The address of an upload session names a file, not a folder.")
	case existing != nil && names != nil && u.conflict == library.Fail:
		return nil, library.NameExists(existing.Name)
	case existing != nil && names != nil && u.conflict == library.Rename:
		u.existing = nil
	}
	room := max(u.size, 0)
	if u.existing != nil {
		if err := r.ifMatch(u.existing); err != nil {
			return nil, err
		}
		if err := u.existing.Unlocked(r.me); err != nil {
			return nil, err
		}
		room -= u.existing.Content.Size()
	}
	if err := r.drive.Fits(room); err != nil {
		return nil, err
	}
	maps.DeleteFunc(s.uploads, func(_ string, old *upload) bool { return !r.Now.Before(old.expires) })
	id := randomID()
	s.uploads[id] = u
	value := u.status()
	value["@odata.context"] = r.Context("microsoft.graph.uploadSession")
	value["uploadUrl"] = r.Storage + uploadPrefix + id + "?tempauth=v1." + randomID()
	return &service.Answer{Status: http.StatusOK, Value: value}, nil
}

// read takes the body of createUploadSession, which may be missing.
func (u *upload) read(raw []byte, names []string) error {
	u.conflict = library.Fail
	if len(raw) == 0 {
		return nil
	}
	body, err := wire.ReadObject(raw, "createUploadSession", "item", "deferCommit")
	if err != nil {
		return err
	}
	var deferred bool
	if err := wire.Read(body, "deferCommit", &deferred); err != nil {
		return err
	}
	if deferred {
		return library.NotSupported("The simulated tenant does not defer the commit of an upload.")
	}
	var inner json.RawMessage
	if err := wire.Read(body, "item", &inner); err != nil || inner == nil {
		return err
	}
	item, err := wire.ReadObject(inner, "driveItemUploadableProperties", "description", "driveItemSource", "fileSize", "fileSystemInfo", "mediaSource", "name")
	if err != nil {
		return err
	}
	var behaviour, name string
	for member, into := range map[string]*string{"@microsoft.graph.conflictBehavior": &behaviour, "name": &name} {
		if err := wire.Read(item, member, into); err != nil {
			return err
		}
	}
	if err := wire.Read(item, "fileSize", &u.size); err != nil {
		return err
	}
	if u.size > library.MaxFile {
		return library.TooLarge("The simulated tenant keeps files of at most %d bytes.", int64(library.MaxFile))
	}
	if name != "" && len(names) > 0 && name != names[len(names)-1] {
		return library.Invalid("The name in the body is not the name in the address.")
	}
	u.conflict, err = library.ParseConflict(behaviour, library.Fail)
	return err
}

func (u *upload) status() map[string]any {
	return map[string]any{
		"expirationDateTime": u.expires.UTC().Format(timestamp),
		"nextExpectedRanges": []string{strconv.Itoa(len(u.content)) + "-"},
	}
}

// serveUpload takes chunks (PUT), tells what is missing (GET) and gives up (DELETE).
func (s *Service) serveUpload(w http.ResponseWriter, r *http.Request) {
	s.library.Lock()
	defer s.library.Unlock()
	id := strings.TrimPrefix(r.URL.Path, uploadPrefix)
	u := s.uploads[id]
	if u == nil || !s.opts.Now().Before(u.expires) {
		delete(s.uploads, id)
		writeError(w, &apierror.Error{Status: http.StatusNotFound, Code: "itemNotFound", Message: "The upload session was not found. It is finished, cancelled or expired."})
		return
	}
	switch r.Method {
	case http.MethodGet:
		writeJSON(w, http.StatusOK, u.status())
	case http.MethodDelete:
		delete(s.uploads, id)
		w.WriteHeader(http.StatusNoContent)
	case http.MethodPut:
		s.takeChunk(w, r, id, u)
	default:
		w.Header().Set("Allow", "GET, PUT, DELETE")
		writeError(w, apierror.MethodNotAllowed())
	}
}

func (s *Service) takeChunk(w http.ResponseWriter, r *http.Request, id string, u *upload) {
	chunk, err := io.ReadAll(io.LimitReader(r.Body, maxChunk+1))
	if err != nil {
		writeError(w, library.Invalid("The chunk could not be read."))
		return
	}
	if err := u.accept(r.Header.Get("Content-Range"), chunk); err != nil {
		writeError(w, err)
		return
	}
	now := s.opts.Now()
	u.expires = now.Add(uploadLife)
	if int64(len(u.content)) < u.size {
		writeJSON(w, http.StatusAccepted, u.status())
		return
	}
	made, created, err := s.commit(u, now)
	if err != nil {
		// The session stays, as documented; only the bytes of this chunk are asked for again.
		u.content = u.content[:len(u.content)-len(chunk)]
		writeError(w, err)
		return
	}
	delete(s.uploads, id)
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	value := s.driveItem(u.request, made)
	delete(value, downloadURL)
	writeJSON(w, status, value)
}

// accept adds a chunk to what is there.
func (u *upload) accept(header string, chunk []byte) error {
	from, to, total, err := parseContentRange(header)
	if err != nil {
		return err
	}
	last := to+1 == total
	switch {
	case len(chunk) >= maxChunk:
		return library.TooLarge("A chunk has less than 60 MiB.")
	case total > library.MaxFile:
		return library.TooLarge("The simulated tenant keeps files of at most %d bytes.", int64(library.MaxFile))
	case to-from+1 != int64(len(chunk)):
		return library.Invalid("Content-Range says %d bytes, the body has %d.", to-from+1, len(chunk))
	case u.size >= 0 && total != u.size:
		return library.Invalid("The total size of the file is %d bytes, Content-Range says %d.", u.size, total)
	case from != int64(len(u.content)):
		return &apierror.Error{
			Status: http.StatusRequestedRangeNotSatisfiable, Code: "invalidRange",
			Message: fmt.Sprintf("The chunk begins at %d, the next one expected begins at %d.", from, len(u.content)),
		}
	case !last && len(chunk)%chunkUnit != 0:
		return library.Invalid("A chunk that is not the last one has a multiple of 327680 bytes.")
	}
	u.size = total
	u.content = append(u.content, chunk...)
	return nil
}

// commit makes the file.
func (s *Service) commit(u *upload, now time.Time) (made *library.Item, created bool, err error) {
	r := u.request
	content := dataset.BytesContent(u.content)
	if u.existing == nil {
		if u.folder.Deleted {
			return nil, false, library.NotFound()
		}
		r.Now = now
		folder, name, err := r.makeFolders(u.folder, u.names)
		if err != nil {
			return nil, false, err
		}
		return folder.Put(name, content, u.conflict, r.me, now)
	}
	if u.existing.Deleted {
		return nil, false, library.NotFound()
	}
	if u.etag != "" {
		if err := r.ifMatch(u.existing); err != nil {
			return nil, false, err
		}
	}
	return u.existing, false, u.existing.Write(content, r.me, now)
}

// parseContentRange reads "bytes 0-327679/1048576" (RFC 9110, section 14.4).
func parseContentRange(header string) (from, to, total int64, err error) {
	bad := func() (int64, int64, int64, error) {
		return 0, 0, 0, library.Invalid("The Content-Range header '%s' is missing or malformed: write \"bytes first-last/total\".", header)
	}
	rest, ok := strings.CutPrefix(header, "bytes ")
	if !ok {
		return bad()
	}
	span, size, ok1 := strings.Cut(rest, "/")
	first, last, ok2 := strings.Cut(span, "-")
	if !ok1 || !ok2 {
		return bad()
	}
	for text, into := range map[*int64]string{&from: first, &to: last, &total: size} {
		n, err := strconv.ParseUint(into, 10, 62)
		if err != nil {
			return bad()
		}
		*text = int64(n)
	}
	if from > to || to >= total {
		return bad()
	}
	return from, to, total, nil
}
