package mail

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// The limits of large attachments (Graph, "Attach large files to Outlook
// messages or events").
const (
	minUpload  = 3 << 20
	maxUpload  = 150 << 20
	maxChunk   = 4 << 20
	uploadLife = time.Hour
)

const uploadPrefix = "/mail/AttachmentSessions/"

// upload is an attachment on its way. Whoever knows its key may go on with it.
type upload struct {
	person, message string // whose mailbox; the immutable id
	item            dataset.Attachment
	size            int64
	expires         time.Time
}

// createUploadSession opens a session for a file of 3 to 150 MB.
func (c *call) createUploadSession() (*service.Answer, error) {
	m, err := c.message()
	if err != nil {
		return nil, err
	}
	o, err := wire.ReadAction(c.Body, "createUploadSession", "attachmentItem")
	if err != nil {
		return nil, err
	}
	var raw json.RawMessage
	if err := wire.Read(o, "attachmentItem", &raw); err != nil {
		return nil, err
	}
	if raw == nil {
		return nil, apierror.BadRequest("ErrorInvalidParameter", "The required parameter 'AttachmentItem' is missing.")
	}
	up, err := readAttachmentItem(raw)
	if err != nil {
		return nil, err
	}
	up.person, up.message, up.expires = c.Owner.ID, m.ImmutableID(), c.Now.Add(uploadLife)
	key := rand.Text()
	c.uploads[key] = up
	value := up.state()
	value["@odata.context"] = c.Context("microsoft.graph.uploadSession")
	value["uploadUrl"] = c.Storage + uploadPrefix + key
	return &service.Answer{Status: http.StatusCreated, Value: value}, nil
}

func readAttachmentItem(raw []byte) (*upload, error) {
	item, err := wire.ReadObject(raw, "attachmentItem", "attachmentType", "contentId", "contentType", "isInline", "name", "size")
	if err != nil {
		return nil, err
	}
	up := &upload{}
	var kind, contentType string
	for name, into := range map[string]*string{"attachmentType": &kind, "name": &up.item.Name, "contentType": &contentType, "contentId": &up.item.ContentID} {
		if err := wire.Read(item, name, into); err != nil {
			return nil, err
		}
	}
	if err := wire.Read(item, "isInline", &up.item.Inline); err != nil {
		return nil, err
	}
	if err := wire.Read(item, "size", &up.size); err != nil {
		return nil, err
	}
	up.item.ContentType = wire.FileType(up.item.Name, contentType)
	switch {
	case !strings.EqualFold(kind, "file"):
		return nil, apierror.BadRequest("ErrorInvalidArgument", "The attachmentType of an upload session must be 'file'.")
	case up.item.Name == "":
		return nil, apierror.BadRequest("ErrorInvalidArgument", "The attachment must have a name.")
	case up.size < minUpload:
		return nil, apierror.BadRequest("ErrorAttachmentSizeShouldNotBeLessThanMinimumSize", "Attachment size should not be less than the minimum size of %d bytes; attach it with one POST.", minUpload)
	case up.size > maxUpload:
		return nil, apierror.BadRequest("ErrorAttachmentSizeShouldNotBeMoreThanMaximumSize", "Attachment size should not be more than the maximum size of %d bytes.", maxUpload)
	}
	return up, nil
}

func (u *upload) state() map[string]any {
	return map[string]any{
		"expirationDateTime": u.expires.UTC().Format(time.RFC3339),
		"nextExpectedRanges": []string{strconv.Itoa(len(u.item.Content)) + "-"},
	}
}

// StorageHandlers implements [service.Storage].
func (w *Workload) StorageHandlers() map[string]http.Handler {
	return map[string]http.Handler{uploadPrefix: http.HandlerFunc(w.serveUpload)}
}

func (w *Workload) serveUpload(rw http.ResponseWriter, r *http.Request) {
	answer, err := w.uploadRequest(r)
	answer.Write(rw, err)
}

// uploadRequest answers GET (how far it is), PUT (a chunk) and DELETE (give up).
func (w *Workload) uploadRequest(r *http.Request) (service.StorageAnswer, error) {
	key := strings.TrimPrefix(r.URL.Path, uploadPrefix)
	up := w.uploads[key]
	if up == nil || !w.now().Before(up.expires) {
		return service.StorageAnswer{}, &apierror.Error{Status: http.StatusNotFound, Code: "ErrorItemNotFound", Message: "The upload session was not found or has expired. Create a new one."}
	}
	switch r.Method {
	case http.MethodGet:
		return service.StorageAnswer{Status: http.StatusOK, Value: up.state()}, nil
	case http.MethodDelete:
		delete(w.uploads, key)
		return service.StorageAnswer{Status: http.StatusNoContent}, nil
	case http.MethodPut:
	default:
		return service.StorageAnswer{}, apierror.MethodNotAllowed()
	}
	chunk, err := io.ReadAll(r.Body)
	if err != nil {
		return service.StorageAnswer{}, fmt.Errorf("upload: %w", err)
	}
	if err := up.add(r.Header.Get("Content-Range"), chunk); err != nil {
		return service.StorageAnswer{}, err
	}
	if int64(len(up.item.Content)) < up.size {
		return service.StorageAnswer{Status: http.StatusOK, Value: up.state()}, nil
	}
	delete(w.uploads, key)
	box := w.store.Mailbox(up.person)
	m, err := box.Message(up.message)
	if err != nil {
		return service.StorageAnswer{}, err
	}
	a := w.attach(box, m, up.item, w.now())
	location := fmt.Sprintf("%s/v1.0/users('%s')/messages('%s')/attachments('%s')", w.baseURL, up.person, m.ID, a.ID)
	return service.StorageAnswer{Status: http.StatusCreated, Location: location}, nil
}

// add takes the next chunk.
func (u *upload) add(header string, chunk []byte) error {
	from, to, total, err := parseContentRange(header)
	have := int64(len(u.item.Content))
	switch {
	case err != nil:
		return apierror.BadRequest("ErrorInvalidRequest", "The Content-Range header is missing or malformed: %s.", err)
	case len(chunk) >= maxChunk:
		return &apierror.Error{Status: http.StatusRequestEntityTooLarge, Code: "ErrorInvalidRequest", Message: "A chunk must be smaller than 4 MB."}
	case total != u.size || to-from+1 != int64(len(chunk)):
		return apierror.BadRequest("ErrorInvalidRequest", "The Content-Range header does not fit to the size of the attachment or of the chunk.")
	case from != have:
		return &apierror.Error{Status: http.StatusRequestedRangeNotSatisfiable, Code: "ErrorInvalidRange", Message: fmt.Sprintf("The next expected range begins at %d.", have)}
	}
	u.item.Content = append(slices.Grow(u.item.Content, len(chunk)), chunk...)
	return nil
}

// parseContentRange reads "bytes 0-99/1000" (RFC 9110 section 14.4).
func parseContentRange(header string) (from, to, total int64, err error) {
	spec, found := strings.CutPrefix(header, "bytes ")
	span, size, sized := strings.Cut(spec, "/")
	first, last, spanned := strings.Cut(span, "-")
	if !found || !sized || !spanned {
		return 0, 0, 0, errors.New(`want "bytes first-last/size"`)
	}
	var n [3]int64
	for i, text := range []string{first, last, size} {
		if n[i], err = strconv.ParseInt(text, 10, 64); err != nil || text[0] < '0' || text[0] > '9' {
			return 0, 0, 0, fmt.Errorf("%q is no number", text)
		}
	}
	from, to, total = n[0], n[1], n[2]
	if from > to || to >= total {
		return 0, 0, 0, errors.New("the range ends before it begins, or after the end")
	}
	return from, to, total, nil
}
