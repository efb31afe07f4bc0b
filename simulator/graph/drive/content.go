package drive

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/drive/library"
	"m365mcp/simulator/graph/service"
)

const (
	downloadPrefix = "/drive/download.aspx"
	downloadLife   = time.Hour
)

// getContent sends to the pre-authorized URL.
func (s *Service) getContent(r *request) (*service.Answer, error) {
	i, err := r.item(library.Read)
	if err != nil {
		return nil, err
	}
	if i.Folder {
		return nil, library.Invalid("You cannot get content for a folder.")
	}
	if format := cmp.Or(r.Request.URL.Query().Get("format"), r.Request.URL.Query().Get("$format")); format != "" {
		return nil, library.NotSupported("The simulated tenant converts nothing to '%s'.", format)
	}
	return &service.Answer{Status: http.StatusFound, Header: map[string]string{"Location": s.downloadURL(r, i)}}, nil
}

// downloadURL is good for an hour and for one file; whoever has it needs no token.
func (s *Service) downloadURL(r *request, i *library.Item) string {
	grant := i.Drive.ID + "|" + i.ID + "|" + strconv.FormatInt(r.Now.Add(downloadLife).Unix(), 10)
	auth := base64.RawURLEncoding.EncodeToString([]byte(grant)) + "." + base64.RawURLEncoding.EncodeToString(s.sign(grant))
	return r.Storage + downloadPrefix + "?UniqueId=" + url.QueryEscape(i.GUID()) + "&Translate=false&tempauth=" + auth + "&ApiVersion=2.0"
}

func (s *Service) sign(grant string) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(grant))
	return mac.Sum(nil)
}

// serveDownload takes ranges and conditions as HTTP has them.
func (s *Service) serveDownload(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeError(w, apierror.MethodNotAllowed())
		return
	}
	encoded, signature, _ := strings.Cut(r.URL.Query().Get("tempauth"), ".")
	grant, err1 := base64.RawURLEncoding.DecodeString(encoded)
	mac, err2 := base64.RawURLEncoding.DecodeString(signature)
	parts := strings.Split(string(grant), "|")
	if err1 != nil || err2 != nil || len(parts) != 3 || !hmac.Equal(mac, s.sign(string(grant))) {
		writeError(w, badURL())
		return
	}
	expires, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || !s.opts.Now().Before(time.Unix(expires, 0)) {
		writeError(w, badURL())
		return
	}
	found, err := s.find(parts[0], parts[1])
	if err != nil {
		writeError(w, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", found.contentType)
	h.Set("ETag", found.etag)
	h.Set("Content-Disposition", escapeHeader(found.name))
	http.ServeContent(w, r, "", found.modified, io.NewSectionReader(found.content, 0, found.content.Size()))
}

// badURL is the answer to a pre-authorized URL that is not, or no longer, one.
func badURL() *apierror.Error {
	return &apierror.Error{Status: http.StatusUnauthorized, Code: "unauthenticated", Message: "The pre-authorized URL is not valid, or no longer. Ask for another one."}
}

// file is what a download needs of an item once the lock is gone.
type file struct {
	name, contentType, etag string
	modified                time.Time
	content                 dataset.Content
}

func (s *Service) find(drive, id string) (file, error) {
	s.library.Lock()
	defer s.library.Unlock()
	d, err := s.library.Drive(drive)
	if err != nil {
		return file{}, err
	}
	i, err := d.Item(id)
	if err != nil {
		return file{}, err
	}
	return file{i.Name, i.ContentType, i.ETag(), i.Modified, i.Content}, nil
}

// putContent is the small upload: a new file by its path, or another content
// of one that is there.
func (s *Service) putContent(r *request) (*service.Answer, error) {
	folder, names, existing, err := r.place()
	if err != nil {
		return nil, err
	}
	behaviour, _ := r.Options.Custom("@microsoft.graph.conflictbehavior")
	conflict, err := library.ParseConflict(behaviour, library.Replace)
	if err != nil {
		return nil, err
	}
	content := dataset.BytesContent(r.Body)
	if existing != nil && (names == nil || conflict == library.Replace) {
		if err := r.ifMatch(existing); err != nil {
			return nil, err
		}
		if err := existing.Write(content, r.me, r.Now); err != nil {
			return nil, err
		}
		return s.one(r, existing, http.StatusOK)
	}
	folder, name, err := r.makeFolders(folder, names)
	if err != nil {
		return nil, err
	}
	made, created, err := folder.Put(name, content, conflict, r.me, r.Now)
	if err != nil {
		return nil, err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return s.one(r, made, status)
}
