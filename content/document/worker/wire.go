package worker

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"m365mcp/content/document"
)

// A frame is a length of four bytes, a JSON header of that length, and as many
// bytes as the header says. Requests go to a child's standard input, responses
// come from its standard output, one for one.
const (
	maxHeader = 64 << 10
	maxText   = 16 << 20 // two million characters, however long, and some
)

type request struct {
	Name        string          `json:"name"`
	ContentType string          `json:"content_type"`
	Cache       string          `json:"cache,omitempty"`
	Limits      document.Limits `json:"limits"`
	Size        int64           `json:"size"`
}

type response struct {
	Error    string   `json:"error,omitempty"` // one of codes
	Detail   string   `json:"detail,omitempty"`
	Notes    []string `json:"notes,omitempty"`
	PDFReady bool     `json:"pdf_ready,omitempty"`
	Retire   bool     `json:"retire,omitempty"` // the child has grown: end it
	Size     int64    `json:"size"`
}

// codes carry the kind of an error from one process to the other.
var codes = map[string]error{
	"unsupported": document.ErrUnsupported,
	"too_large":   document.ErrTooLarge,
	"damaged":     document.ErrDamaged,
	"encrypted":   document.ErrEncrypted,
}

const codeFailed = "failed" // no fault of the document

func codeOf(err error) string {
	for code, kind := range codes {
		if errors.Is(err, kind) {
			return code
		}
	}
	return codeFailed
}

// remoteError is an error of a child: its kind, and what it said.
type remoteError struct {
	kind   error
	detail string
}

func (e *remoteError) Error() string { return e.detail }
func (e *remoteError) Unwrap() error { return e.kind }

func (r response) err() error {
	if r.Error == "" {
		return nil
	}
	kind, ok := codes[r.Error]
	if !ok {
		return fmt.Errorf("document worker: %s", r.Detail)
	}
	return &remoteError{kind, r.Detail}
}

func writeFrame(w io.Writer, header any, body []byte) error {
	encoded, err := json.Marshal(header)
	if err != nil {
		return fmt.Errorf("frame: %w", err)
	}
	if len(encoded) > maxHeader {
		return errors.New("frame: header too long")
	}
	head := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(encoded)), uint32(len(encoded))) //nolint:gosec // at most maxHeader
	if _, err := w.Write(append(head, encoded...)); err != nil {
		return fmt.Errorf("frame: %w", err)
	}
	if _, err := w.Write(body); err != nil {
		return fmt.Errorf("frame: %w", err)
	}
	return nil
}

// readFrame believes no length above its bounds, whoever wrote it. It returns
// io.EOF only before a frame.
func readFrame[H request | response](r io.Reader, size func(H) int64, most int64) (header H, body []byte, err error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return header, nil, io.EOF
		}
		return header, nil, fmt.Errorf("frame: %w", err)
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > maxHeader {
		return header, nil, errors.New("frame: header too long")
	}
	encoded := make([]byte, n)
	if _, err := io.ReadFull(r, encoded); err != nil {
		return header, nil, fmt.Errorf("frame: %w", noEOF(err))
	}
	if err := json.Unmarshal(encoded, &header); err != nil {
		return header, nil, fmt.Errorf("frame: %w", err)
	}
	if s := size(header); s < 0 || s > most {
		return header, nil, errors.New("frame: body too long")
	}
	body = make([]byte, size(header))
	if _, err := io.ReadFull(r, body); err != nil {
		return header, nil, fmt.Errorf("frame: %w", noEOF(err))
	}
	return header, body, nil
}

// noEOF: the end of the stream inside of a frame is not its end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
