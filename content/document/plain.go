package document

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/net/html/charset"

	"m365mcp/content/document/limit"
)

// decode reads text as UTF-16 where a byte order mark says so, as UTF-8 where it
// is that, else as Windows-1252: there every byte is a character.
func decode(data []byte) string {
	if mark := utf16Mark(data); mark != "" {
		return fromUTF16(data[2:], mark == littleMark)
	}
	data = trimUTF8Mark(data)
	if validUTF8(data) {
		return lines(string(data))
	}
	encoding, _ := charset.Lookup("windows-1252")
	text, err := encoding.NewDecoder().Bytes(data)
	if err != nil {
		return lines(strings.ToValidUTF8(string(data), "?"))
	}
	return lines(string(text))
}

// decodeHTML believes, as browsers do, a byte order mark, then what a meta
// element says of the charset.
func decodeHTML(data []byte) string {
	r, err := charset.NewReader(bytes.NewReader(data), "text/html")
	if err != nil {
		return decode(data)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return decode(data)
	}
	return string(text)
}

const (
	littleMark = "\xff\xfe"
	bigMark    = "\xfe\xff"
)

func utf16Mark(data []byte) string {
	if len(data) >= 2 && (string(data[:2]) == littleMark || string(data[:2]) == bigMark) {
		return string(data[:2])
	}
	return ""
}

func fromUTF16(data []byte, little bool) string {
	var order binary.ByteOrder = binary.BigEndian
	if little {
		order = binary.LittleEndian
	}
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return lines(string(utf16.Decode(units)))
}

func trimUTF8Mark(data []byte) []byte {
	if len(data) >= 3 && string(data[:3]) == "\xef\xbb\xbf" {
		return data[3:]
	}
	return data
}

// validUTF8 forgives a last character that was cut off.
func validUTF8(data []byte) bool {
	if utf8.Valid(data) {
		return true
	}
	for cut := 1; cut < utf8.UTFMax && cut < len(data); cut++ {
		if end := len(data) - cut; utf8.RuneStart(data[end]) {
			return !utf8.FullRune(data[end:]) && utf8.Valid(data[:end])
		}
	}
	return false
}

func lines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// csvText makes a table of comma, semicolon or tab separated rows, with quotes
// as loose as they come.
func csvText(text string, m *limit.Meter, out *limit.Text) error {
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = separator(text)
	r.FieldsPerRecord = -1
	r.LazyQuotes = true
	var rows [][]string
	for full := false; !full; {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: CSV: %w", ErrDamaged, err)
		}
		for i := range row {
			if !m.Cell() {
				row, full = row[:i], true
				break
			}
		}
		rows = append(rows, row)
	}
	out.Block(m.Table(rows))
	return nil
}

// separator is the one that occurs most in the first line, as Excel writes it
// for the country of whoever saved the file.
func separator(text string) rune {
	first, _, _ := strings.Cut(text, "\n")
	best, most := ',', strings.Count(first, ",")
	for _, c := range []rune{';', '\t'} {
		if n := strings.Count(first, string(c)); n > most {
			best, most = c, n
		}
	}
	return best
}
