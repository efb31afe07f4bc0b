package blob

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"mime"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"m365mcp/internal/seal"
)

// Labels keep a row's seal from being taken for a chunk, and the reverse.
const (
	labelHead  = "m365-mcp blob v1 head"
	labelChunk = "m365-mcp blob v1 chunk"
)

// aad binds what is sealed to its file and its person.
func aad(label, id string, owner Person) []byte {
	return seal.AAD(label, id, owner.TenantID, owner.UserID)
}

// HeadContext is what the head of a row is sealed for.
func HeadContext(id string, owner Person) []byte { return aad(labelHead, id, owner) }

// head is what a row seals: a file's name says as much as its content.
type head struct {
	Key         []byte `json:"k"`
	Name        string `json:"n"`
	ContentType string `json:"t"`
	Digest      string `json:"d"`
	Size        int64  `json:"s"`
}

func (s *Spool) sealHead(h head, id string, owner Person) ([]byte, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	out, err := s.keys.Seal(text, HeadContext(id, owner))
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	return out, nil
}

func (s *Spool) openHead(row Row) (head, error) {
	text, err := s.keys.Open(row.Head, HeadContext(row.ID, row.Owner))
	if err != nil {
		return head{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	var h head
	if err := json.Unmarshal(text, &h); err != nil || h.Size != row.Size || len(h.Key) != keySize {
		return head{}, ErrDamaged
	}
	return h, nil
}

const (
	prefix = "up_"
	// alphabet is that of short ids: no capitals, and nothing that is easily misread.
	alphabet = "abcdefghjkmnpqrstuvwxyz"
	letters  = 10 // 45 bits; the id alone opens nothing
)

// NewID draws an id for a file that is to come.
func NewID() string {
	id := make([]byte, 0, letters)
	var b [1]byte
	for len(id) < letters {
		_, _ = rand.Read(b[:])
		// 253 is the largest multiple of 23 in a byte: each letter is as likely.
		if int(b[0]) < 256/len(alphabet)*len(alphabet) {
			id = append(id, alphabet[int(b[0])%len(alphabet)])
		}
	}
	return prefix + string(id)
}

// validID reports whether the text has an id's form.
func validID(id string) bool {
	rest, ok := strings.CutPrefix(id, prefix)
	return ok && len(rest) == letters && strings.Trim(rest, alphabet) == ""
}

const maxName = 200 // bytes; drives and mailboxes take 255 characters

// CleanName returns the last element of a file's name as one line of text, or "file".
func CleanName(name string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, ""), `\`, "/"))
	name = strings.Map(func(c rune) rune {
		if unicode.In(c, unicode.C, unicode.Zl, unicode.Zp) || c == unicode.ReplacementChar {
			return -1 // direction marks can make an exe look like a pdf
		}
		return c
	}, name)
	if extension := path.Ext(name); len(name) > maxName && len(extension) <= 20 {
		name = cut(strings.TrimSuffix(name, extension), maxName-len(extension)) + extension
	}
	name = cut(name, maxName)
	name = strings.Trim(name, " .")
	if name == "" || name == "/" {
		return "file"
	}
	return name
}

// cut shortens text to most bytes, between characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// cleanType returns the media type alone, or that of unknown bytes.
func cleanType(contentType string) string {
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil || len(mediaType) > 100 || !strings.Contains(mediaType, "/") {
		return "application/octet-stream"
	}
	return mediaType
}
