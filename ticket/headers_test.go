package ticket

import (
	"mime"
	"strings"
	"testing"
)

func TestAttachment(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"report.pdf":               `attachment; filename="report.pdf"; filename*=UTF-8''report.pdf`,
		"a b;c=d.txt":              `attachment; filename="a b;c=d.txt"; filename*=UTF-8''a%20b%3Bc%3Dd.txt`,
		`q"u\o%te.txt`:             `attachment; filename="o_te.txt"; filename*=UTF-8''o%25te.txt`,
		"März €.txt":               `attachment; filename="M_rz _.txt"; filename*=UTF-8''M%C3%A4rz%20%E2%82%AC.txt`,
		"x\r\nSet-Cookie: a=b.txt": `attachment; filename="xSet-Cookie: a=b.txt"; filename*=UTF-8''xSet-Cookie%3A%20a%3Db.txt`,
		"../../x.exe":              `attachment; filename="x.exe"; filename*=UTF-8''x.exe`,
		"a'b*c.txt":                `attachment; filename="a'b*c.txt"; filename*=UTF-8''a%27b%2Ac.txt`,
		"":                         `attachment; filename="file"; filename*=UTF-8''file`,
	} {
		got := attachment(name)
		if got != want {
			t.Errorf("%q: %s\nwant %s", name, got, want)
		}
		if _, _, err := mime.ParseMediaType(got); err != nil || strings.ContainsAny(got, "\r\n") {
			t.Errorf("%q: %s: %v", name, got, err)
		}
	}
}

func TestSafeType(t *testing.T) {
	t.Parallel()
	for contentType, want := range map[string]string{
		"application/pdf": "application/pdf", "image/PNG": "image/png", "text/plain; charset=utf-16": "text/plain",
		"text/html": "application/octet-stream", "image/svg+xml": "application/octet-stream", "application/xhtml+xml": "application/octet-stream",
		"text/javascript": "application/octet-stream", "": "application/octet-stream", "text/plain\r\nX: y": "application/octet-stream",
		"message/rfc822": "application/octet-stream", "*/*": "application/octet-stream",
	} {
		if got := safeType(contentType); got != want {
			t.Errorf("%q: %s, want %s", contentType, got, want)
		}
	}
}
