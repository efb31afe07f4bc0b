package ticket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"m365mcp/blob"
	"m365mcp/identity"
)

const maxForm = 8 << 10

// pageDownload answers the button of the person's own page with the bytes.
func (s *Service) pageDownload(w http.ResponseWriter, r *http.Request, u use) {
	values, err := readForm(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if !s.ownForm(r, u, values.Get("csrf_token")) {
		s.refuseForm(w, r, u)
		return
	}
	p, err := s.principal(r.Context(), u)
	if err == nil {
		err = s.deliver(w, r, u.row, u.item, p, viaPage)
	}
	if err != nil {
		s.fail(w, r, err)
	}
}

// bearerDownload is POST /download.
func (s *Service) bearerDownload(w http.ResponseWriter, r *http.Request, p identity.Principal) error {
	values, err := readForm(w, r)
	if err != nil {
		return err
	}
	row, item, err := s.bearerTicket(r.Context(), p, values.Get("ticket"), Download)
	if err != nil {
		return err
	}
	return s.deliver(w, r, row, item, p, viaBearer)
}

// deliver redeems a download. An error means that the answer has not begun; where it
// breaks off later the connection ends, so that nobody takes a part for the whole.
func (s *Service) deliver(w http.ResponseWriter, r *http.Request, row Row, item Item, p identity.Principal, via string) error {
	var out *sink
	err := s.redeem(r.Context(), row, p, via, func(ctx context.Context, keep func() error) error {
		out = &sink{w: w, item: item, start: func() *flow { return watch(w, outward, s.stall, keep) }}
		defer out.end()
		if err := s.fetch(ctx, p, item.Tool, item.Args, out.begin); err != nil {
			if _, ok := errors.AsType[*RefusalError](err); ok || errors.Is(err, context.Canceled) {
				return err
			}
			return fmt.Errorf("%w: %w", errNothing, err)
		}
		return out.finish()
	})
	if err != nil && out != nil && out.begun {
		s.log.WarnContext(r.Context(), "download broke off", "error", err)
		panic(http.ErrAbortHandler)
	}
	return err
}

// sink is the answer's body; its header is written when the first byte is known to
// come. Until then the file is decided about, which takes the time of a tool's call
// and may take longer than bytes may stand still.
type sink struct {
	w     http.ResponseWriter
	item  Item
	start func() *flow
	flow  *flow // once it has begun
	begun bool
	size  int64
	sent  int64
}

func (s *sink) end() {
	if s.flow != nil {
		s.flow.end()
	}
}

func (s *sink) begin(contentType string, size int64) (io.Writer, error) {
	if s.flow != nil {
		return nil, errors.New("ticket: the bytes began twice")
	}
	s.flow = s.start()
	if err := s.flow.moved(); err != nil { // the claim is somebody else's by now
		return nil, err
	}
	s.begun, s.size = true, size
	if s.item.ContentType != "" {
		contentType = s.item.ContentType
	}
	h := s.w.Header()
	h.Set("Content-Type", safeType(contentType))
	h.Set("Content-Disposition", attachment(s.item.Name))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	if size >= 0 {
		h.Set("Content-Length", strconv.FormatInt(size, 10))
	}
	s.w.WriteHeader(http.StatusOK)
	return s, nil
}

func (s *sink) Write(p []byte) (int, error) {
	if err := s.flow.moved(); err != nil {
		return 0, err
	}
	n, err := s.w.Write(p)
	s.sent += int64(n)
	return n, err
}

// finish makes sure that all of it is on its way.
func (s *sink) finish() error {
	switch {
	case !s.begun:
		return errNothing
	case s.size >= 0 && s.sent != s.size:
		return fmt.Errorf("ticket: sent %d of %d bytes", s.sent, s.size)
	}
	if err := http.NewResponseController(s.w).Flush(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// readForm reads a small form, or the same as a JSON object of strings.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, errBadBody
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		return nil, errBadBody
	}
	switch mediaType {
	case "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, errBadBody
		}
		return values, nil
	case "application/json":
		var object map[string]string
		if err := json.Unmarshal(body, &object); err != nil {
			return nil, errBadBody
		}
		values := url.Values{}
		for name, value := range object {
			values.Set(name, value)
		}
		return values, nil
	}
	return nil, &failure{http.StatusUnsupportedMediaType, "invalid_request", "The Content-Type has to be application/x-www-form-urlencoded or application/json."}
}

// safeTypes are shown under their own name: no browser runs anything in them.
var safeTypes = []string{
	"application/pdf", "application/zip", "image/gif", "image/jpeg", "image/png", "image/webp", "text/csv", "text/plain",
	"application/vnd.openxmlformats-officedocument.presentationml.presentation",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}

func safeType(contentType string) string {
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil || !slices.Contains(safeTypes, mediaType) {
		return "application/octet-stream"
	}
	return mediaType
}

// attachment is a Content-Disposition (RFC 6266) that every browser saves under the
// name, or in ASCII under one like it.
func attachment(name string) string {
	name = blob.CleanName(name)
	var ascii, extended strings.Builder
	for _, c := range name {
		if c < ' ' || c > '~' || strings.ContainsRune(`"\%`, c) {
			c = '_'
		}
		ascii.WriteRune(c)
	}
	for i := range len(name) { // attr-char of RFC 5987 section 3.2.1
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$&+-.^_`|~", c) >= 0 {
			extended.WriteByte(c)
		} else {
			fmt.Fprintf(&extended, "%%%02X", c)
		}
	}
	return `attachment; filename="` + ascii.String() + `"; filename*=UTF-8''` + extended.String()
}
