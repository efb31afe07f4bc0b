package handle

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// alphabet leaves out what is easily misread, and capitals: people and some
	// clients change case.
	alphabet = "abcdefghjkmnpqrstuvwxyz"

	maxPrefix = 2
	ordinary  = maxPrefix + 1 + 10 // the length of nearly all handles
	maxGiven  = 1024               // of a Graph id, or of several in a tool's own form

	// maxNear is how long a handle that somebody mistyped may be. Graph's ids that
	// could begin like a handle are longer: those of Planner have 28 characters.
	maxNear = 24
)

// letterCounts are the lengths a handle may have after its prefix. The last one uses
// all of an HMAC-SHA256, two bytes a letter.
var letterCounts = []int{10, 13, 16}

// namer computes the handles of one person's items of one kind.
type namer struct {
	prefix string
	sizes  []int
	mac    hash.Hash
	kind   []byte
}

func newNamer(key []byte, person Person, kind Kind, sizes []int) (*namer, error) {
	prefix, ok := prefixes[kind]
	if !ok {
		return nil, errKind(kind)
	}
	m := hmac.New(sha256.New, key)
	// With its length in front, a tenant id cannot run into the user id.
	m.Write(binary.AppendUvarint(nil, uint64(len(person.TenantID))))
	m.Write([]byte(person.TenantID))
	m.Write([]byte(person.UserID))
	return &namer{
		prefix: prefix + "_", sizes: sizes, mac: hmac.New(sha256.New, m.Sum(nil)), kind: append([]byte(kind), 0),
	}, nil
}

// of returns the handles that the id may get, the shortest first: each is the
// beginning of the next.
func (n *namer) of(id string) []string {
	n.mac.Reset()
	n.mac.Write(n.kind)
	n.mac.Write([]byte(id))
	sum := n.mac.Sum(make([]byte, 0, sha256.Size))
	text := make([]byte, 0, len(n.prefix)+len(sum)/2)
	text = append(text, n.prefix...)
	for ; len(sum) > 0; sum = sum[2:] {
		// 65,536 is no multiple of 23: some letters come 0.04 % more often.
		text = append(text, alphabet[binary.BigEndian.Uint16(sum)%uint16(len(alphabet))])
	}
	longest := string(text)
	names := make([]string, len(n.sizes))
	for i, size := range n.sizes {
		names[i] = longest[:len(n.prefix)+size]
	}
	return names
}

// parse tells handles from Graph ids by their shape. It returns a handle as it is
// stored and its kind; or "" for what can be a Graph id, a well-known folder's name
// included; or an *Error for what is neither.
func parse(given string, sizes []int) (Kind, string, error) {
	if given == "" || len(given) > maxGiven || !utf8.ValidString(given) || strings.ContainsFunc(given, unicode.IsControl) {
		return "", "", &Error{reason: ErrMalformed}
	}
	prefix, letters, found := strings.Cut(given, "_")
	if !found || len(prefix) > maxPrefix || len(given) > maxNear || strings.ContainsFunc(letters, notAlphanumeric) {
		return "", "", nil
	}
	kind := kindOf(strings.ToLower(prefix))
	if kind == "" {
		return "", "", nil
	}
	handle := strings.ToLower(given)
	letters = handle[len(prefix)+1:]
	if !slices.Contains(sizes, len(letters)) || strings.Trim(letters, alphabet) != "" {
		return "", "", &Error{Handle: handle, Is: kind, reason: ErrMalformed}
	}
	return kind, handle, nil
}

func notAlphanumeric(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
}
