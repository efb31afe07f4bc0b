package worker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/content/document"
)

func size(r response) int64 { return r.Size }

func TestFrames(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	want := response{Notes: []string{"a"}, PDFReady: true, Size: 4}
	if err := writeFrame(&b, want, []byte("text")); err != nil {
		t.Fatal(err)
	}
	whole := b.Bytes()
	got, body, err := readFrame(bytes.NewReader(whole), size, 4)
	if diff := cmp.Diff(want, got); err != nil || diff != "" || string(body) != "text" {
		t.Errorf("%q, %v\n%s", body, err, diff)
	}
	for n := range whole {
		wantErr := io.ErrUnexpectedEOF
		if n == 0 {
			wantErr = io.EOF
		}
		if _, _, err := readFrame(bytes.NewReader(whole[:n]), size, 4); !errors.Is(err, wantErr) {
			t.Errorf("%d of %d bytes: %v, want %v", n, len(whole), err, wantErr)
		}
	}
	if _, _, err := readFrame(bytes.NewReader(whole), size, 3); err == nil {
		t.Error("a body above its bound was read")
	}
	if err := writeFrame(io.Discard, response{Detail: strings.Repeat("a", maxHeader)}, nil); err == nil {
		t.Error("a header above its bound was written")
	}
}

func TestErrorsCrossTheWire(t *testing.T) {
	t.Parallel()
	for _, kind := range []error{document.ErrUnsupported, document.ErrTooLarge, document.ErrDamaged, document.ErrEncrypted} {
		err := fmt.Errorf("%w: why", kind)
		got := response{Error: codeOf(err), Detail: err.Error()}.err()
		if !errors.Is(got, kind) || got.Error() != err.Error() {
			t.Errorf("%v became %v", err, got)
		}
	}
	if got := (response{Error: codeOf(io.ErrClosedPipe), Detail: "x"}).err(); got == nil || codeOf(got) != codeFailed {
		t.Errorf("another error became %v", got)
	}
}

func TestMemoryIsMeasured(t *testing.T) {
	t.Parallel()
	const least = 1 << 20
	if r, g := residentMemory(), goMemory(); r < least || g < least {
		t.Errorf("resident %d, Go %d", r, g)
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x0a{\"size\":2}ab"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, body, err := readFrame(bytes.NewReader(data), size, 100)
		if err == nil && (int64(len(body)) != r.Size || len(body) > 100) {
			t.Errorf("%d bytes for %d", len(body), r.Size)
		}
	})
}
