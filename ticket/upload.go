package ticket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"time"

	"m365mcp/blob"
	"m365mcp/identity"
)

// framing is what a multipart body may have around its file.
const framing = 64 << 10

// pageUpload takes the file from the form of the person's own page. The form's token
// comes before its file, so nothing is stored for a form that is not the page's.
func (s *Service) pageUpload(w http.ResponseWriter, r *http.Request, u use) {
	if err := s.tooLong(w, r); err != nil {
		s.fail(w, r, err)
		return
	}
	parts, err := r.MultipartReader()
	if err != nil {
		s.fail(w, r, errBadBody)
		return
	}
	token, err := formField(parts, "csrf_token")
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if !s.ownForm(r, u, token) {
		s.refuseForm(w, r, u)
		return
	}
	p, err := s.principal(r.Context(), u)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	file, err := filePart(parts)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	var stored blob.Info
	err = s.redeem(r.Context(), u.row, p, viaPage, func(ctx context.Context, keep func() error) error {
		var err error
		stored, err = s.receive(ctx, w, p, u.item.UploadID, file.FileName(), file.Header.Get("Content-Type"), file, keep)
		return err
	})
	if err != nil {
		if stored.ID != "" { // another redemption was faster
			s.discard(r.Context(), p, stored.ID)
		}
		s.fail(w, r, err)
		return
	}
	s.show(w, r, http.StatusOK, pageUploaded, view{Name: stored.Name, Size: sizeText(stored.Size), UploadID: stored.ID, Expires: u.item.clock(stored.Expires)})
}

// uploaded is the answer to a program.
type uploaded struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Size    int64     `json:"size"`
	SHA256  string    `json:"sha256"`
	Expires time.Time `json:"expires"`
}

// bearerUpload is POST /upload: the file as the body, or as a form's first file.
func (s *Service) bearerUpload(w http.ResponseWriter, r *http.Request, p identity.Principal) error {
	if err := s.tooLong(w, r); err != nil {
		return err
	}
	name, contentType, body := r.URL.Query().Get("name"), r.Header.Get("Content-Type"), io.Reader(r.Body)
	if mediaType, _, err := mime.ParseMediaType(contentType); err == nil && mediaType == "multipart/form-data" {
		parts, err := r.MultipartReader()
		if err != nil {
			return errBadBody
		}
		file, err := filePart(parts)
		if err != nil {
			return err
		}
		name, contentType, body = file.FileName(), file.Header.Get("Content-Type"), file
	} else if _, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Disposition")); err == nil && parameters["filename"] != "" {
		name = parameters["filename"]
	}
	info, err := s.receive(r.Context(), w, p, blob.NewID(), name, contentType, body, nil)
	if err != nil {
		return err
	}
	if err := s.audit.Event(r.Context(), eventUploaded, p, map[string]string{"via": viaBearer, "size": strconv.FormatInt(info.Size, 10)}); err != nil {
		s.discard(r.Context(), p, info.ID)
		return fmt.Errorf("audit: %w", err)
	}
	s.writeJSON(w, r, http.StatusCreated, uploaded{ID: info.ID, Name: info.Name, Size: info.Size, SHA256: info.Digest, Expires: info.Expires.UTC()})
	return nil
}

// receive streams a file into the spool.
func (s *Service) receive(ctx context.Context, w http.ResponseWriter, p identity.Principal, id, name, contentType string, body io.Reader, keep func() error) (blob.Info, error) {
	ctx, cancel := context.WithTimeout(ctx, maxTransfer)
	defer cancel()
	in := &source{from: body, flow: watch(w, inward, s.stall, keep)}
	defer in.flow.end()
	info, err := s.files.Create(ctx, p, id, name, contentType, in)
	if err != nil && in.broken {
		return blob.Info{}, fmt.Errorf("%w: %w", errBadBody, err)
	}
	if _, tooLarge := errors.AsType[*blob.LimitError](err); tooLarge {
		w.Header().Set("Connection", "close") // the rest is not read
	}
	return info, err
}

// source is a body on its way in.
type source struct {
	from   io.Reader
	flow   *flow
	broken bool // the client's fault, or the network's
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	if err != nil {
		s.broken = !errors.Is(err, io.EOF)
		return n, err
	}
	return n, s.flow.moved()
}

// tooLong refuses by the announced length, before anything is read.
func (s *Service) tooLong(w http.ResponseWriter, r *http.Request) error {
	if r.ContentLength <= s.files.MaxSize()+framing {
		return nil
	}
	w.Header().Set("Connection", "close")
	return &blob.LimitError{Of: blob.LimitEach, Max: s.files.MaxSize()}
}

func (s *Service) discard(ctx context.Context, p identity.Principal, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	if err := s.files.Delete(ctx, p, id); err != nil {
		s.log.WarnContext(ctx, "upload not discarded; it expires", "error", err)
	}
}

// formField reads the next part, which must be the named field.
func formField(parts *multipart.Reader, name string) (string, error) {
	part, err := parts.NextPart()
	if err != nil || part.FormName() != name || part.FileName() != "" {
		return "", errBadBody
	}
	value, err := io.ReadAll(io.LimitReader(part, maxForm))
	if err != nil {
		return "", errBadBody
	}
	return string(value), nil
}

// filePart finds the first file; fields before it are skipped.
func filePart(parts *multipart.Reader) (*multipart.Part, error) {
	for range 20 {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return nil, errNoFile
		case err != nil:
			return nil, errBadBody
		case part.FileName() != "":
			return part, nil
		}
	}
	return nil, errNoFile
}
