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
)

// jwt finds Microsoft's access and id tokens, whatever they say.
var jwt = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.`)

func TestNoCanaryEscapes(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data") // made by the demo, for itself alone
	p := startProcess(t, folder, "--sign-in-as", "ada")
	tokens := p.signIn(t, "ada")
	secrets := []string{canarySubject, canaryBody, canaryFolder, canaryFile, canaryError, tokens.Access, tokens.Refresh}

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
	errors := []string{
		p.call(t, tokens.Access, "getEmails", `{"folder":"`+canaryFolder+`"}`).text(),
		p.call(t, tokens.Access, "sendEmail", `{"to":"x@example.com","subject":"`+canarySubject+`","body":"`+canaryBody+`","file":"`+canaryFile+`"}`).text(),
		p.post(t, tokens.Refresh, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`).body,
		p.post(t, tokens.Access, `{"jsonrpc":"2.0","method":`+canaryBody).body,
	}
	// Graph's own words reach the person, and no file.
	for _, fault := range []string{
		`{"path":"**/messages","status":400,"code":"ErrorInvalid","message":"` + canaryError + `","times":1}`,
		`{"method":"POST","path":"**/sendMail","status":502,"body":"<html>` + canaryError + `</html>","contentType":"text/html","times":1}`,
	} {
		if a := p.send(t, p.GraphURL+"/simulator/faults", strings.NewReader(fault), "Content-Type", "application/json"); a.status != http.StatusCreated {
			t.Fatalf("fault: %+v", a)
		}
	}
	p.call(t, tokens.Access, "getEmails", `{}`)
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
	search(t, "standard error", []byte(p.stderr.String()), secrets)
	search(t, "standard output", []byte(p.stdout.String()), secrets)
	for _, e := range errors {
		search(t, "an error", []byte(e), []string{tokens.Access, tokens.Refresh, canaryBody, canarySubject})
	}
	if len(p.stderr.String()) < 1000 {
		t.Errorf("the log is suspiciously short: %s", p.stderr.String())
	}
}

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

func search(t *testing.T, where string, text []byte, secrets []string) {
	t.Helper()
	for _, s := range secrets {
		if bytes.Contains(text, []byte(s)) {
			t.Errorf("%s holds %s", where, s)
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
			files[e.Name()] = mustRead(t, path)
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
