package graph

import (
	"encoding/json"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/simulator/dataset"
)

func wireRecipients(list ...dataset.Address) []any {
	out := []any{}
	for _, a := range list {
		out = append(out, map[string]any{"emailAddress": map[string]any{"address": a.Address}})
	}
	return out
}

func mailTo(subject string, to ...dataset.Address) string {
	raw, err := json.Marshal(map[string]any{"message": map[string]any{
		"subject": subject, "body": map[string]any{"contentType": "Text", "content": "Hello"}, "toRecipients": wireRecipients(to...),
	}})
	if err != nil {
		return ""
	}
	return string(raw)
}

func (r *rig) find(t *testing.T, person, subject string) []map[string]any {
	t.Helper()
	return r.do(t, person+" Mail.Read", "GET", "/me/messages"+q("$filter", "subject eq '"+subject+"'", "$expand", "attachments"), "").values(t)
}

func TestSendMailDelivers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	body := `{"message":{"subject":"Lunch","importance":"High","body":{"contentType":"HTML","content":"<p>At <b>noon</b></p>"},
		"toRecipients":[{"emailAddress":{"address":"someone@fabrikam.example","name":"Someone"}}],
		"ccRecipients":[{"emailAddress":{"address":"DANA@contoso.example"}}],
		"bccRecipients":[{"emailAddress":{"address":"raj@contoso.example"}},{"emailAddress":{"address":"lena@contoso.example"}}],
		"internetMessageHeaders":[{"name":"x-trace","value":"7"}],
		"attachments":[{"@odata.type":"#microsoft.graph.fileAttachment","name":"menu.txt","contentType":"text/plain","contentBytes":"c291cA=="}]}}`
	sent := r.do(t, danaID+" Mail.Send", "POST", "/me/sendMail", body)
	if sent.status != 202 || len(sent.body) != 0 || sent.header.Get("request-id") == "" {
		t.Fatalf("sendMail: %d %s", sent.status, sent.body)
	}
	mine := r.find(t, danaID, "Lunch") // the copy in Sent Items and the one by cc
	theirs := r.find(t, rajID, "Lunch")
	if len(mine) != 2 || len(theirs) != 1 {
		t.Fatalf("%d copies for the sender, %d for the blind recipient", len(mine), len(theirs))
	}
	inSent := slices.IndexFunc(mine, func(m map[string]any) bool { return m["isRead"] == true })
	if inSent < 0 {
		t.Fatal("no read copy: Sent Items is empty")
	}
	bcc := func(m map[string]any) int { list, _ := m["bccRecipients"].([]any); return len(list) }
	if bcc(mine[inSent]) != 2 || bcc(mine[1-inSent]) != 0 || bcc(theirs[0]) != 0 {
		t.Error("blind recipients: only the sender's copy in Sent Items may show them")
	}
	got := theirs[0]
	for name, want := range map[string]any{
		"isRead": false, "isDraft": false, "importance": "high", "hasAttachments": true, "bodyPreview": "At noon",
		"body":         map[string]any{"contentType": "html", "content": "<p>At <b>noon</b></p>"},
		"from":         map[string]any{"emailAddress": map[string]any{"name": "Dana Ito", "address": "dana@contoso.example"}},
		"sentDateTime": "2026-11-22T09:00:00Z", "parentFolderId": testID("folder"+rajID, 1), "internetMessageId": mine[0]["internetMessageId"],
	} {
		if diff := cmp.Diff(want, got[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if files, _ := got["attachments"].([]any); len(files) != 1 || !strings.Contains(fmt.Sprint(files[0]), "c291cA==") {
		t.Errorf("attachments: %v", got["attachments"])
	}
	if got["id"] == mine[0]["id"] || mine[0]["id"] == mine[1]["id"] {
		t.Error("copies share an id")
	}
	id, _ := got["id"].(string)
	raw := r.do(t, rajID+" Mail.Read", "GET", "/me/messages/"+id+"/$value", "")
	m, err := mail.ReadMessage(strings.NewReader(string(raw.body)))
	if err != nil || m.Header.Get("X-Trace") != "7" || m.Header.Get("Bcc") != "" {
		t.Errorf("MIME: %v %v", m, err)
	}
	if first := r.do(t, rajID+" Mail.Read", "GET", "/me/mailFolders/inbox/messages"+q("$top", "5"), "").column(t, "subject"); !slices.Contains(first, "Lunch") {
		t.Errorf("not among the newest of the inbox: %v", first)
	}
}

func TestSendMailParameters(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for name, c := range map[string]struct {
		body string
		keep bool
	}{
		"pascal":    {`{"Message":{"subject":"%s","toRecipients":[{"emailAddress":{"address":"raj@contoso.example"}}]},"SaveToSentItems":true}`, true},
		"camel":     {`{"message":{"subject":"%s","toRecipients":[{"emailAddress":{"address":"raj@contoso.example"}}]},"saveToSentItems":false}`, false},
		"null":      {`{"message":{"subject":"%s","toRecipients":[{"emailAddress":{"address":"raj@contoso.example"}}]},"saveToSentItems":null}`, true},
		"pascal no": {`{"Message":{"subject":"%s","toRecipients":[{"emailAddress":{"address":"raj@contoso.example"}}]},"SaveToSentItems":false}`, false},
	} {
		if got := r.do(t, danaID+" Mail.Send", "POST", "/me/microsoft.graph.sendMail", fmt.Sprintf(c.body, name)); got.status != 202 {
			t.Fatalf("%s: %d %s", name, got.status, got.body)
		}
		if kept := len(r.find(t, danaID, name)) == 1; kept != c.keep || len(r.find(t, rajID, name)) != 1 {
			t.Errorf("%s: in Sent Items: %v, want %v", name, kept, c.keep)
		}
	}
}

func TestSendMailRefuses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	to := `"toRecipients":[{"emailAddress":{"address":"raj@contoso.example"}}]`
	for body, code := range map[string]string{
		`{"message":{"subject":"x"}}`:                                                                                              "ErrorInvalidRecipients",
		`{"message":{"toRecipients":[{"emailAddress":{"address":"raj"}}]}}`:                                                        "ErrorInvalidRecipients",
		`{"message":{"toRecipients":[{"emailAddress":{"address":"a@x.example; b@x.example"}}]}}`:                                   "ErrorInvalidRecipients",
		`{"message":{"toRecipients":[{"emailAddress":{"name":"Raj"}}]}}`:                                                           "ErrorInvalidRecipients",
		`{"message":{"toRecipients":["raj@contoso.example"]}}`:                                                                     "BadRequest",
		`{"message":{"toRecipients":"raj@contoso.example"}}`:                                                                       "RequestBodyRead",
		`{"message":{"to":[],` + to + `}}`:                                                                                         "RequestBodyRead",
		`{"message":{"Subject":"x",` + to + `}}`:                                                                                   "RequestBodyRead",
		`{"message":{"subject":5,` + to + `}}`:                                                                                     "RequestBodyRead",
		`{"message":{"body":{"contentType":"markdown","content":"x"},` + to + `}}`:                                                 "RequestBodyRead",
		`{"message":{"body":"x",` + to + `}}`:                                                                                      "BadRequest",
		`{"message":{"importance":"urgent",` + to + `}}`:                                                                           "RequestBodyRead",
		`{"message":{"internetMessageHeaders":[{"name":"Bcc","value":"x"}],` + to + `}}`:                                           "InvalidInternetMessageHeader",
		`{"message":{"attachments":[{"name":"a","contentBytes":"YQ=="}],` + to + `}}`:                                              "RequestBodyRead",
		`{"message":{"attachments":[{"@odata.type":"#microsoft.graph.fileAttachment","contentBytes":"YQ=="}],` + to + `}}`:         "ErrorInvalidArgument",
		`{"message":{"attachments":[{"@odata.type":"#microsoft.graph.fileAttachment","name":"a","contentBytes":"%"}],` + to + `}}`: "RequestBodyRead",
		`{"mesage":{}}`:    "RequestBodyRead",
		`{}`:               "ErrorInvalidParameter",
		`{"message":null}`: "ErrorInvalidParameter",
		`[]`:               "BadRequest",
		`{"message":{`:     "BadRequest",
		`null`:             "BadRequest",
		`{"saveToSentItems":"yes","message":{` + to + `}}`: "RequestBodyRead",
	} {
		wantError(t, r.do(t, danaID+" Mail.Send", "POST", "/me/sendMail", body), 400, code)
	}
	wantError(t, r.do(t, danaID+" Mail.Send", "POST", "/me/sendMail", `{"message":{"from":{"emailAddress":{"address":"raj@contoso.example"}},`+to+`}}`), 403, "ErrorSendAsDenied")
	wantError(t, r.do(t, danaID+" Mail.ReadWrite", "POST", "/me/sendMail", mailTo("x", raj)), 403, "ErrorAccessDenied")
	wantError(t, r.do(t, danaID+" Mail.Send", "POST", "/me/sendMail", mailTo("x", raj), "Content-Type: text/html"), 415, "UnsupportedMediaType")
	wantError(t, r.do(t, danaID+" Mail.Send", "POST", "/me/sendMail", mailTo(strings.Repeat("x", 4<<20), raj)), 413, "RequestEntityTooLarge")
	if n := len(r.get(t, "/me/mailFolders/sentitems/messages").values(t)); n != 0 {
		t.Errorf("a refused message was kept: %d in Sent Items", n)
	}
}
