package content

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// PageSize is how many characters a model gets at once unless it asks for more:
// some 2,000 tokens.
const PageSize = 7500

// Errors of Page.
var (
	ErrCursor  = errors.New("this is not a cursor of this text")
	ErrChanged = errors.New("the text has changed since its first page; read it again without a cursor")
)

// Page returns the part of text that begins at cursor (empty: at the beginning)
// with at most limit characters, cut behind a paragraph, else a line, a sentence
// or a word, and the cursor of what follows, empty at the end. The parts, one
// after the other, are the text.
func Page(text string, limit int, cursor string) (part, next string, err error) {
	if limit < 1 {
		limit = PageSize
	}
	start := 0
	digest := digestOf(text)
	if cursor != "" {
		if start, err = readCursor(cursor, digest); err != nil {
			return "", "", err
		}
		if start <= 0 || start >= len(text) || splits(text, start) {
			return "", "", fmt.Errorf("%w: it points outside", ErrCursor)
		}
	}
	rest := text[start:]
	end := border(rest, limit)
	if end == len(rest) {
		return rest, "", nil
	}
	return rest[:end], strconv.FormatInt(int64(start+end), 36) + "-" + digest, nil
}

// digestOf tells texts apart; nothing is protected by it.
func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

func readCursor(cursor, digest string) (start int, err error) {
	offset, of, found := strings.Cut(cursor, "-")
	n, err := strconv.ParseInt(offset, 36, 32)
	if err != nil || !found || len(of) != len(digest) {
		return 0, ErrCursor
	}
	if of != digest {
		return 0, ErrChanged
	}
	return int(n), nil
}

// splits says that i lies inside a character; a stray byte is a character too.
func splits(text string, i int) bool {
	first := i
	for first > max(0, i-utf8.UTFMax) && !utf8.RuneStart(text[first]) {
		first--
	}
	_, size := utf8.DecodeRuneInString(text[first:])
	return first < i && i < first+size
}

// border is where a page of limit characters ends, in bytes.
func border(text string, limit int) int {
	end, half, count := len(text), 0, 0
	for i := range text {
		if count == limit/2 {
			half = i
		}
		if count == limit {
			end = i
			break
		}
		count++
	}
	if end == len(text) {
		return end
	}
	late := text[half:end] // a page is at least half full
	for _, mark := range []string{"\n\n", "\n"} {
		if i := strings.LastIndex(late, mark); i >= 0 {
			return half + i + len(mark)
		}
	}
	best := 0
	for _, mark := range []string{". ", "! ", "? ", "。", "！", "？", "؟ "} {
		if i := strings.LastIndex(late, mark); i >= 0 {
			best = max(best, half+i+len(mark))
		}
	}
	if best > 0 {
		return best
	}
	if i := strings.LastIndexByte(late, ' '); i >= 0 {
		return half + i + 1
	}
	for back := end; back > half; { // not between a letter and its accents
		r, _ := utf8.DecodeRuneInString(text[back:])
		if !unicode.Is(unicode.M, r) {
			return back
		}
		_, size := utf8.DecodeLastRuneInString(text[:back])
		back -= size
	}
	return end
}
