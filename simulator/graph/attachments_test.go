package graph

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"testing"
)

func TestAttachments(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	base := "/me/messages/" + testID("message"+danaID, 3) + "/attachments"
	list := r.get(t, base).values(t)
	if len(list) != 2 {
		t.Fatalf("%d attachments", len(list))
	}
	for name, want := range map[string]any{
		"@odata.type": "#microsoft.graph.fileAttachment", "name": "budget.xlsx", "contentType": "application/vnd.ms-excel",
		"size": 5.0, "isInline": false, "contentBytes": base64.StdEncoding.EncodeToString([]byte("cells")), "contentId": nil,
	} {
		if list[0][name] != want {
			t.Errorf("%s = %v, want %v", name, list[0][name], want)
		}
	}
	lean := r.get(t, base+q("$select", "name,size")).values(t)
	if _, ok := lean[0]["contentBytes"]; ok || lean[0]["name"] != "budget.xlsx" {
		t.Errorf("$select: %v", lean[0])
	}
	one := r.get(t, base+"/"+testID("file", 2), `Prefer: IdType="ImmutableId"`)
	id, _ := one.json["id"].(string)
	if one.json["contentId"] != "logo" || id == testID("file", 2) {
		t.Errorf("one: %s", one.body)
	}
	raw := r.get(t, base+"/"+id+"/$value")
	if !bytes.Equal(raw.body, []byte("\x89PNG")) || raw.header.Get("Content-Type") != "image/png" {
		t.Errorf("$value: %q %s", raw.body, raw.header.Get("Content-Type"))
	}
	// contentBytes belongs to the derived type and needs a cast
	wantError(t, r.get(t, base+q("$select", "contentBytes")), 400, "BadRequest")
	if cast := r.get(t, base+q("$select", "microsoft.graph.fileAttachment/contentBytes")).values(t); cast[0]["contentBytes"] != "Y2VsbHM=" {
		t.Errorf("cast: %v", cast[0])
	}
	wantError(t, r.get(t, base+"/x"), 400, "ErrorInvalidIdMalformed")
	wantError(t, r.get(t, base+"/"+testID("file", 9)), 404, "ErrorItemNotFound")
}

func TestMIME(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	raw := r.get(t, "/me/messages/"+testID("message"+danaID, 3)+"/$value")
	m, err := mail.ReadMessage(bytes.NewReader(raw.body))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Header.Get("Subject") + "|" + m.Header.Get("From"); got != `Budget|"Raj Patel" <raj@contoso.example>` {
		t.Errorf("headers: %s", got)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		if part.Header.Get("Content-Transfer-Encoding") == "base64" {
			decoded, err := base64.StdEncoding.DecodeString(string(content))
			if err != nil {
				t.Fatal(err)
			}
			content = decoded
		}
		got = append(got, part.FileName()+"="+string(content))
	}
	if len(got) != 3 || !strings.Contains(got[0], "travel") || got[1] != "budget.xlsx=cells" || got[2] != "logo.png=\x89PNG" {
		t.Errorf("parts: %q", got)
	}
	plain := r.get(t, "/me/messages/"+testID("message"+danaID, 1)+"/$value")
	if m, err = mail.ReadMessage(bytes.NewReader(plain.body)); err != nil || !strings.HasPrefix(m.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("plain: %v %v", m, err)
	}
	if !strings.HasSuffix(string(plain.body), "Numbers of week 1.") {
		t.Errorf("plain: %s", plain.body)
	}
}
