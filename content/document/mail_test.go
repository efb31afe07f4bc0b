package document_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/content/document"
)

// enclosed is a mail with files, by their names.
func enclosed(files map[string]string) string {
	var b strings.Builder
	b.WriteString("Subject: s\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nbody\r\n")
	for _, name := range slices.Sorted(maps.Keys(files)) {
		kind := "application/octet-stream"
		if strings.HasSuffix(name, ".png") {
			kind = "image/png\r\nContent-ID: <" + name + ">"
		}
		b.WriteString("--b\r\nContent-Type: " + kind + "\r\nContent-Disposition: attachment; filename=" + name + "\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
			base64.StdEncoding.EncodeToString([]byte(files[name])) + "\r\n")
	}
	return b.String() + "--b--\r\n"
}

// What hangs on a mail, and on the mails in it, is read or noted as not read: a
// decision about the mail by its text must not miss a file.
func TestNothingInAMailGoesUnnoticed(t *testing.T) {
	t.Parallel()
	many := map[string]string{}
	for i := range 21 {
		many[fmt.Sprintf("%02d.txt", i)] = fmt.Sprintf("word %02d", i)
	}
	half := map[string]string{"a.eml": enclosed(nil), "b.txt": "word"}
	for i := range 9 {
		half[fmt.Sprintf("c%d.eml", i)] = enclosed(map[string]string{"a.txt": "x", "b.txt": "x"})
	}
	deep := enclosed(map[string]string{"file.txt": "the word"})
	for range 2 {
		deep = enclosed(map[string]string{"inner.eml": deep})
	}
	for name, c := range map[string]struct {
		mail, word string
		notes      []string
	}{
		"three mails in each other": {deep, "the word", nil},
		"four": {
			enclosed(map[string]string{"inner.eml": deep}), "file.txt",
			[]string{"Attachments of mails that are in more than 2 others were not read."},
		},
		"too many files":          {enclosed(many), "word 19", []string{"Only the text of the first 20 attachments was read."}},
		"too many files together": {enclosed(half), "word", []string{"Only the text of the first 20 attachments was read."}},
		"a picture in the text":   {enclosed(map[string]string{"a.png": "\x89PNG\x0D\x0A\x1A\x0A"}), "body", nil},
		"no picture":              {enclosed(map[string]string{"a.png": "the word"}), "the word", nil},
		"no picture and no text":  {enclosed(map[string]string{"a.png": "7z\xbc\xaf\x27\x1c\x00\x00"}), "a.png", []string{`Attachment "a.png" could not be read as text.`}},
	} {
		got, err := document.Extract(t.Context(), "a.eml", "message/rfc822", []byte(c.mail), document.Limits{})
		if err != nil || !strings.Contains(got.Text, c.word) {
			t.Errorf("%s: %v, without %q: %s", name, err, c.word, got.Text)
		}
		if diff := cmp.Diff(c.notes, got.Notes); diff != "" {
			t.Errorf("%s: notes %s", name, diff)
		}
	}
}
