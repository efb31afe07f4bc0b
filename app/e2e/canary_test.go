package e2e_test

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"m365mcp/simulator/dataset"
)

// canaries are planted where people's data and secrets are; none may be found
// in a file, a stream or an error of the server. The client's own answers are
// the one place where content belongs.
const (
	canarySubject = "canary-subject-5d1b0c"
	canaryBody    = "canary-body-9e72aa"
	canaryFolder  = "canary-folder-1c44d0"
	canaryFile    = "canary-file-77b3f2"
	canaryError   = "canary-error-0af9e1"
	canaryUpload  = "canary-upload-3fd081"
	canaryContent = "canary-content-b86e4d"
	canaryEvent   = "canary-event-64a7c9"
	canaryChat    = "canary-chat-e1f50b"
	canarySearch  = "canary-search-2d9967"
)

// jwt finds Microsoft's access and id tokens, whatever they say.
var jwt = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.`)

func TestNoCanaryEscapes(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data") // made by the demo, for itself alone
	p := startProcess(t, folder, "--sign-in-as", "ada")
	tokens := p.signIn(t, "ada")
	secrets := []string{
		canarySubject, canaryBody, canaryFolder, canaryFile, canaryError, canaryUpload, canaryContent, canaryEvent, canaryChat, canarySearch,
		tokens.Access, tokens.Refresh,
	}

	p.call(t, tokens.Access, "sendEmail", `{"to":"ada@tideline.example","subject":"`+canarySubject+`","body":"`+canaryBody+`"}`)
	if r := p.call(t, tokens.Access, "getEmails", `{"count":1}`); !strings.Contains(r.text(), canaryBody) {
		t.Fatalf("the mail did not arrive: %s", r.text())
	}
	// What the tenant's people really wrote and attached is as secret as a canary.
	for _, m := range inbox(t, "ada@tideline.example") {
		secrets = append(secrets, distinctive(m.Subject)...)
		for _, a := range m.Attachments {
			secrets = append(secrets, distinctive(a.Name)...)
		}
	}
	if r := p.call(t, tokens.Access, "getEmails", `{"count":50}`); r.IsError {
		t.Fatal(r.text())
	}
	secrets = append(secrets, p.plant(t, tokens.Access)...)
	errors := []string{
		p.call(t, tokens.Access, "readFile", `{"id":"`+canaryFile+`"}`).text(),
		p.call(t, tokens.Access, "uploadFile", `{"name":"`+canaryUpload+`/x","content":"`+canaryContent+`"}`).text(),
		p.call(t, tokens.Access, "getChatMessages", `{"chatId":"`+canaryChat+`"}`).text(),
		p.call(t, tokens.Access, "createCalendarEvent", `{"subject":"`+canaryEvent+`","start":"never","end":"2030-01-01T10:00"}`).text(),
		p.fetch(t, http.MethodPost, p.server()+"/download", tokens.Access, "ticket="+canaryFile, "Content-Type", formType).Body,
		p.call(t, tokens.Access, "getEmails", `{"folder":"`+canaryFolder+`"}`).text(),
		p.call(t, tokens.Access, "sendEmail", `{"to":"x@example.com","subject":"`+canarySubject+`","body":"`+canaryBody+`","file":"`+canaryFile+`"}`).text(),
		p.post(t, tokens.Refresh, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`).body,
		p.post(t, tokens.Access, `{"jsonrpc":"2.0","method":`+canaryBody).body,
	}
	// Graph's own words reach the person, and no file.
	for _, fault := range []string{
		`{"path":"**/messages","status":400,"code":"ErrorInvalid","message":"` + canaryError + `","times":1}`,
		`{"path":"**/chats/**","status":403,"code":"Forbidden","message":"` + canaryError + `","times":1}`,
		`{"path":"**/events","status":500,"code":"ErrorInternal","message":"` + canaryError + `","times":1}`,
		`{"method":"POST","path":"**/sendMail","status":502,"body":"<html>` + canaryError + `</html>","contentType":"text/html","times":1}`,
	} {
		if a := p.send(t, p.GraphURL+"/simulator/faults", strings.NewReader(fault), "Content-Type", "application/json"); a.status != http.StatusCreated {
			t.Fatalf("fault: %+v", a)
		}
	}
	p.call(t, tokens.Access, "getEmails", `{}`)
	p.call(t, tokens.Access, "createCalendarEvent", `{"subject":"`+canaryEvent+`","start":"2030-01-01T09:00","end":"2030-01-01T10:00"}`)
	p.call(t, tokens.Access, "sendTeamsMessage", `{"chatId":"`+p.sessionOf(tokens.Access).thing(t, "chat")+`","message":"`+canaryChat+`"}`)
	unknown := p.call(t, tokens.Access, "sendEmail", `{"to":"ada@tideline.example","subject":"`+canarySubject+`","body":"`+canaryBody+`"}`)
	if !strings.Contains(unknown.text(), "may or may not have happened") {
		t.Errorf("a write with a broken answer: %s", unknown.text())
	}
	errors = append(errors, unknown.text())

	look := func(when string) {
		for name, text := range everything(t, folder) {
			key := strings.TrimSpace(string(mustRead(t, filepath.Join(folder, "encryption.key"))))
			search(t, when+": "+name, text, secrets)
			if name != "encryption.key" {
				search(t, when+": "+name, text, []string{key, key[strings.IndexByte(key, ':')+1:]})
			}
		}
	}
	look("running")
	p.stop()
	look("stopped")
	search(t, "standard error", []byte(ownLines(p.stderr.String())), secrets)
	search(t, "standard output", []byte(p.stdout.String()), secrets)
	for _, e := range errors {
		search(t, "an error", []byte(e), []string{tokens.Access, tokens.Refresh, canaryBody, canarySubject, canaryContent})
	}
	if len(p.stderr.String()) < 1000 {
		t.Errorf("the log is suspiciously short: %s", p.stderr.String())
	}
}

// plant leads content of every kind through the server: a file up, its text and its
// bytes down, an event, a chat, a search. It returns what else must stay secret.
func (d *demo) plant(t *testing.T, token string) []string {
	t.Helper()
	s := d.sessionOf(token)
	ok := func(tool, args, holds string) result {
		t.Helper()
		r := s.call(t, token, tool, s.fill(t, args))
		if r.IsError || !strings.Contains(r.text()+string(r.Structured), holds) {
			t.Fatalf("%s %s: %s", tool, args, r.text())
		}
		return r
	}
	up := s.upload(t, "?name="+canaryUpload+".txt", "Words: "+canaryContent, "Content-Type", "text/plain")
	saved, _ := at(t, ok("uploadFile", `{"uploadId":"`+up.ID+`","name":"`+canaryUpload+`.txt"}`, "").Structured, "id").(string)
	ok("readFile", `{"id":"`+saved+`"}`, canaryContent)
	ok("createCalendarEvent", `{"subject":"`+canaryEvent+`","body":"`+canaryBody+`","start":"2030-01-01T09:00","end":"2030-01-01T10:00"}`, "")
	ok("getCalendarEvents", `{"start":"2030-01-01","days":2}`, canaryEvent)
	ok("sendTeamsMessage", `{"chatId":"${chat}","message":"`+canaryChat+`"}`, "")
	chats := ok("getChatMessages", `{"chatId":"${chat}"}`, canaryChat)
	ok("searchAll", `{"query":"`+canarySearch+`"}`, "")

	link, _ := at(t, ok("getAttachment", `{"emailId":"${mail}","attachmentId":"${attachment}","mode":"link"}`, "/tickets/").Structured, "link").(string)
	s.fetch(t, http.MethodGet, link, "", "")
	if a := s.redeem(t, token, link); a.Status != http.StatusOK {
		t.Fatalf("download: %d %s", a.Status, a.Body)
	}
	unused, _ := at(t, ok("getAttachment", `{"emailId":"${mail}","attachmentId":"${attachment}","mode":"link"}`, "/tickets/").Structured, "link").(string)
	secrets := []string{ticketOf(link), ticketOf(unused)}
	text, _ := at(t, ok("readFile", `{"id":"${file}"}`, "").Structured, "text").(string)
	for line := range strings.Lines(text) {
		secrets = append(secrets, distinctive(strings.TrimSpace(line))...)
	}
	messages, _ := at(t, chats.Structured, "messages").([]any)
	for _, m := range messages {
		message, _ := m.(map[string]any)
		words, _ := message["text"].(string)
		first, _, _ := strings.Cut(words, "\n")
		secrets = append(secrets, distinctive(first)...)
	}
	if len(secrets) < 5 {
		t.Fatalf("little was planted: %q", secrets)
	}
	return secrets
}

// ticketOf is the secret part of a link.
func ticketOf(link string) string { return link[strings.LastIndexByte(link, '/')+1:] }

func inbox(t *testing.T, upn string) []dataset.Message {
	t.Helper()
	tenant := dataset.Load(time.Now())
	person, ok := tenant.PersonByUPN(upn)
	if !ok {
		t.Fatalf("nobody is %s", upn)
	}
	return tenant.Mailbox[person.ID].Messages
}

// distinctive leaves out what could stand in a log by chance.
func distinctive(s string) []string {
	if len(s) < 12 {
		return nil
	}
	return []string{s}
}

// ownLines leaves out what the simulated Graph says in the same stream of the
// requests it gets, whose paths can hold the name of a file.
func ownLines(log string) string {
	var b strings.Builder
	for line := range strings.Lines(log) {
		if !strings.Contains(line, `msg="simulated graph"`) {
			b.WriteString(line)
		}
	}
	return b.String()
}

func search(t *testing.T, where string, text []byte, secrets []string) {
	t.Helper()
	for _, s := range secrets {
		if bytes.Contains(text, []byte(s)) {
			at := bytes.Index(text, []byte(s))
			t.Errorf("%s holds %s: …%s", where, s, text[max(0, at-300):min(len(text), at+len(s)+100)])
		}
	}
	if found := jwt.Find(text); found != nil {
		t.Errorf("%s holds a JWT: %.60s…", where, found)
	}
}

// everything reads all files below folder.
func everything(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			name, _ := filepath.Rel(folder, path) // it is below
			files[name] = mustRead(t, path)
		}
		return err
	})
	if err != nil || len(files) < 3 {
		t.Fatalf("%d files below the data folder: %v", len(files), err)
	}
	return files
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
