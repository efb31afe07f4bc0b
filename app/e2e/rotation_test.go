package e2e_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/app"
	"m365mcp/config"
	"m365mcp/entra"
	"m365mcp/internal/headless"
	"m365mcp/internal/seal"
	"m365mcp/internal/secret"
	"m365mcp/rotation"
	"m365mcp/store/sqlite"
	"m365mcp/store/storetest"
)

// installation is a simulated tenant that stays, and the real command beside it,
// whose keys change from one start to the next.
type installation struct {
	sim    *app.Simulator
	folder string
	port   string
	keys   map[string]string // by id
}

func install(t *testing.T) *installation {
	t.Helper()
	in := &installation{folder: filepath.Join(t.TempDir(), "data"), port: freePort(t), keys: map[string]string{}}
	if err := os.Mkdir(in.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, kid := range []string{"old", "new"} {
		_, key, _ := strings.Cut(seal.GenerateKey(), ":")
		in.keys[kid] = kid + ":" + key
	}
	var err error
	in.sim, err = app.StartSimulator(t.Context(), app.SimulatorOptions{
		EntraListen: "127.0.0.1:0", GraphListen: "127.0.0.1:0", RedirectURI: "http://127.0.0.1:" + in.port + "/callback",
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.sim.Stop(context.WithoutCancel(t.Context())) })
	return in
}

// command is the real command with these encryption keys.
func (in *installation) command(t *testing.T, kids string, args ...string) *exec.Cmd {
	t.Helper()
	var keys []string
	for kid := range strings.SplitSeq(kids, ",") {
		keys = append(keys, in.keys[kid])
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), build(t), args...) // cleanups end it
	cmd.Env = append(os.Environ(), "ENCRYPTION_KEY="+strings.Join(keys, ","), "M365_MCP_DATABASE="+config.SQLiteURL(in.folder))
	if in.sim != nil {
		cmd.Env = append(cmd.Env,
			"MICROSOFT_AUTHORITY="+in.sim.EntraURL, "MICROSOFT_GRAPH_URL="+in.sim.GraphURL, "MICROSOFT_TENANT_ID="+in.sim.TenantID,
			"MICROSOFT_CLIENT_ID="+in.sim.ClientID, "MICROSOFT_CLIENT_SECRET="+in.sim.ClientSecret,
			"M365_MCP_MICROSOFT_STORAGE_HOSTS="+strings.TrimPrefix(in.sim.StorageURL, "http://"),
			"M365_MCP_TOOLS=full", "M365_MCP_LISTEN=127.0.0.1:"+in.port, "M365_MCP_PUBLIC_URL=http://127.0.0.1:"+in.port)
	}
	return cmd
}

// keysCommand runs "m365-mcp keys ARGS" and returns what it says and its exit code.
func (in *installation) keysCommand(t *testing.T, kids string, args ...string) (string, int) {
	t.Helper()
	out, err := in.command(t, kids, append([]string{"keys"}, args...)...).CombinedOutput()
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return string(out), code
}

// serve runs the server until stop is called, or the test ends.
func (in *installation) serve(t *testing.T, kids string) *demo {
	t.Helper()
	cmd := in.command(t, kids, "serve")
	log := &syncBuffer{}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	d := &demo{
		Demo:      &app.Demo{MCPURL: "http://127.0.0.1:" + in.port + "/mcp", Simulator: in.sim, People: in.sim.People},
		log:       log,
		transport: transport, browser: headless.New(transport),
	}
	d.stop = func() {
		d.stop = func() {}
		transport.CloseIdleConnections()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server ended with %v\n%s", err, tail(log.String(), 3000))
		}
	}
	t.Cleanup(func() { d.stop() })
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(log.String(), "serving"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the server did not start:\n%s", log)
		}
	}
	return d
}

// A rotation of the encryption key, from the first step to the last: the client
// goes on with what it had, and the person sees nothing of it.
func TestRotationIsNotNoticed(t *testing.T) {
	t.Parallel()
	in := install(t)
	d := in.serve(t, "old")
	client, err := d.browser.Register(t.Context(), d.server(), "Rotation")
	if err != nil {
		t.Fatal(err)
	}
	first, err := d.browser.SignInTo(t.Context(), d.server(), client, d.upn(t, "ada"))
	if err != nil {
		t.Fatal(err)
	}
	renew := func(refresh string) headless.Tokens {
		t.Helper()
		tokens, err := d.browser.Token(t.Context(), d.server(), url.Values{
			"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "client_id": {client}, "resource": {d.MCPURL},
		})
		if err != nil {
			t.Fatal(err)
		}
		return tokens
	}
	second := renew(first.Refresh)
	ids := mailIDs(t, d, second.Access)
	ada := d.sessionOf(second.Access)
	link := ada.link(t, "a file")
	upload := d.fetch(t, http.MethodPost, d.server()+"/upload?name=a.txt", second.Access, "content", "Content-Type", "text/plain")
	if upload.Status != http.StatusCreated {
		t.Fatalf("upload: %d %s", upload.Status, upload.Body)
	}
	d.stop()

	d = in.serve(t, "new,old")
	repeated := renew(first.Refresh)
	repeated.Expires = second.Expires // it counts down
	if diff := cmp.Diff(second, repeated); diff != "" {
		t.Errorf("the answer that was lost is another one after the restart:\n%s", diff)
	}
	out, code := in.keysCommand(t, "new,old", "rotate")
	if code != 0 || !strings.Contains(out, "Key old can be removed") {
		t.Fatalf("keys rotate: exit code %d\n%s", code, out)
	}
	if diff := cmp.Diff(ids, mailIDs(t, d, second.Access)); diff != "" {
		t.Errorf("short ids have changed:\n%s", diff)
	}
	d.stop()
	// Where a sealed column is missing from the rotation, it is found here.
	if found := in.sealedBy(t, "old"); len(found) > 0 {
		t.Errorf("still sealed by the old key: %v", found)
	}
	if found := in.sealedBy(t, "new"); len(found) < 5 {
		t.Errorf("sealed by the new key: %v", found)
	}

	d = in.serve(t, "new")
	if r := d.call(t, second.Access, "getEmail", fmt.Sprintf(`{"id":%q}`, ids[0])); r.IsError {
		t.Errorf("a mail by its id: %s", r.text())
	}
	tamper(t, filepath.Join(in.folder, config.DatabaseFile), `DELETE FROM handles`)
	if diff := cmp.Diff(ids, mailIDs(t, d, second.Access)); diff != "" {
		t.Errorf("forgotten short ids come back as others:\n%s", diff)
	}
	if a := d.redeem(t, second.Access, link); a.Status != http.StatusOK {
		t.Errorf("the link: %d %s", a.Status, a.Body)
	}
	if r := d.call(t, renew(second.Refresh).Access, "whoAmI", `{}`); r.IsError {
		t.Errorf("after another refresh: %s", r.text())
	}
	d.stop()

	removed := in.command(t, "old", "serve")
	text, err := removed.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 2 || !bytes.Contains(text, []byte("the database needs key new, which seals 1 secret, 1 access token, 1 refresh token, 1 upload")) {
		t.Errorf("with the key removed too early: %v\n%s", err, text)
	}
}

func mailIDs(t *testing.T, d *demo, token string) []string {
	t.Helper()
	var out struct{ Emails []struct{ ID string } }
	decodeResult(t, d.call(t, token, "getEmails", `{"count":5}`), &out)
	ids := make([]string, 0, len(out.Emails))
	for _, e := range out.Emails {
		ids = append(ids, e.ID)
	}
	if len(ids) != 5 {
		t.Fatalf("ids: %q", ids)
	}
	return ids
}

// sealedBy returns the columns with values that the key seals, of all tables there are.
func (in *installation) sealedBy(t *testing.T, kid string) []string {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(in.folder, config.DatabaseFile))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(t.Context(), `SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var columns [][2]string
	for rows.Next() {
		var c [2]string
		if err := rows.Scan(&c[0], &c[1]); err != nil {
			t.Fatal(err)
		}
		columns = append(columns, c)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	var found []string
	head := seal.Head(kid)
	for _, c := range columns {
		var n int
		query := fmt.Sprintf(`SELECT count(*) FROM "%s" WHERE instr(CAST("%s" AS BLOB), ?) > 0`, c[0], c[1])
		if err := db.QueryRowContext(t.Context(), query, head).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			found = append(found, c[0]+"."+c[1])
		}
	}
	return found
}

// kill -9 in the middle of a batch: what was moved stays moved, the batch is undone,
// and the next run does the rest.
func TestRotationKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	const grants = 150
	in := &installation{folder: filepath.Join(t.TempDir(), "data"), keys: map[string]string{}}
	for _, kid := range []string{"old", "new"} {
		_, key, _ := strings.Cut(seal.GenerateKey(), ":")
		in.keys[kid] = kid + ":" + key
	}
	path := filepath.Join(in.folder, config.DatabaseFile)
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, grants)
	for i := range ids {
		ids[i] = fmt.Sprintf("grant-%03d", i)
	}
	storetest.Grants(t, db.OAuth(), ids...)
	for _, id := range ids {
		if err := in.vault(t, db, "old").Put(t.Context(), id, entra.Tokens{Access: secret.New("access of " + id), Refresh: secret.New("r"), Expires: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	hang(t, path, "grant-120")
	cmd := in.command(t, "new,old", "keys", "rotate")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	moved := regexp.MustCompile(`(?m)^new +encrypts +1 +100 +0 `)
	status := ""
	for deadline := time.Now().Add(20 * time.Second); !moved.MatchString(status) && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		status, _ = in.keysCommand(t, "new,old", "status")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	status, _ = in.keysCommand(t, "new,old", "status")
	if !moved.MatchString(status) || !regexp.MustCompile(`(?m)^old +opens +0 +50 +150 `).MatchString(status) {
		t.Fatalf("after the kill:\n%s", status)
	}
	tamper(t, path, `DROP TRIGGER hang`)
	out, code := in.keysCommand(t, "new,old", "rotate")
	if code != 0 || !strings.Contains(out, "200 values were moved onto key new") || !strings.Contains(out, "Key old can be removed") {
		t.Fatalf("the next run: exit code %d\n%s", code, out)
	}
	if db, err = sqlite.Open(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if got, _, err := in.vault(t, db, "new").Token(t.Context(), id); err != nil || got.Reveal() != "access of "+id {
			t.Errorf("%s: %q, %v", id, got.Reveal(), err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	// A row that was tampered with is named, and does not keep the others.
	tamper(t, path, `UPDATE vault SET access = (SELECT access FROM vault WHERE grant_id = 'grant-001') WHERE grant_id = 'grant-002'`)
	out, code = in.keysCommand(t, "old,new", "rotate")
	if code != 1 || !strings.Contains(out, "grant grant-002: access token: ") || !strings.Contains(out, "299 values were moved onto key old") ||
		!strings.Contains(out, "Key new is still needed") {
		t.Errorf("with a damaged row: exit code %d\n%s", code, out)
	}
}

// hang makes whoever changes the access token of the grant stop there for good.
func hang(t *testing.T, path, grant string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), `CREATE TRIGGER hang BEFORE UPDATE OF access ON vault WHEN OLD.grant_id = '`+grant+`' BEGIN
		SELECT (WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n);
	END`)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func (in *installation) vault(t *testing.T, db *sqlite.DB, kid string) *entra.Vault {
	t.Helper()
	keys, err := seal.ParseKeyring(in.keys[kid])
	if err != nil {
		t.Fatal(err)
	}
	return entra.NewVault(db.Vault(), keys, nil, time.Now, slog.New(slog.DiscardHandler), entra.Options{})
}

// The server itself moves everything when it starts with a new key, and says so in
// the audit.
func TestServerRotatesInTheBackground(t *testing.T) {
	t.Parallel()
	in := install(t)
	d := in.serve(t, "old")
	token := d.signIn(t, "ada").Access
	d.stop()
	d = in.serve(t, "new,old")
	var status string
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(status, "Key old can be removed") && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		status, _ = in.keysCommand(t, "new,old", "status")
	}
	if !regexp.MustCompile(`(?m)^new +encrypts +1 +1 +1 `).MatchString(status) {
		t.Errorf("status:\n%s", status)
	}
	if r := d.call(t, token, "whoAmI", `{}`); r.IsError {
		t.Error(r.text())
	}
	d.stop()
	var trail bytes.Buffer
	if err := app.AuditTail(t.Context(), config.Database{URL: config.SQLiteURL(in.folder)}, false, &trail); err != nil || !strings.Contains(trail.String(), `"keys.rotated"`) {
		t.Errorf("the audit says nothing of it (%v)", err)
	}
	uses, err := app.KeysStatus(t.Context(), config.Config{
		Database: config.Database{URL: config.SQLiteURL(in.folder)},
		Keys:     config.Keys{Encryption: secret.New(in.keys["new"])},
	})
	if err != nil || len(uses) != 1 || uses[0].State != rotation.Encrypts {
		t.Errorf("status with the new key alone: %v, %v", uses, err)
	}
}

// What a lost key sealed is given up: the client is told to sign in anew, and does.
// After a leak nothing that was given out counts any more.
func TestLostAndLeakedKeys(t *testing.T) {
	t.Parallel()
	in := install(t)
	d := in.serve(t, "old")
	token := d.signIn(t, "ada").Access
	ids := mailIDs(t, d, token)
	d.stop()
	if out, code := in.keysCommand(t, "new", "forget", "old", "--sure"); code != 0 || !strings.Contains(out, "1 secret, 1 access token, 1 refresh token") {
		t.Fatalf("forget: exit code %d\n%s", code, out)
	}
	d = in.serve(t, "new")
	const list = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	if r := d.call(t, token, "getEmails", `{"count":1}`); !r.IsError || !strings.Contains(r.text(), "sign_in_required") {
		t.Errorf("without tokens: %s", r.text())
	}
	if a := d.post(t, token, list); a.status != http.StatusUnauthorized {
		t.Errorf("the next request gets %d", a.status)
	}
	token = d.signIn(t, "ada").Access
	if diff := cmp.Diff(ids, mailIDs(t, d, token)); diff != "" {
		t.Errorf("short ids have changed:\n%s", diff)
	}
	d.stop()

	if out, code := in.keysCommand(t, "old,new", "rotate", "--leaked"); code != 0 {
		t.Fatalf("rotate --leaked: exit code %d\n%s", code, out)
	}
	d = in.serve(t, "old")
	if a := d.post(t, token, list); a.status != http.StatusUnauthorized {
		t.Errorf("a token from before the leak gets %d", a.status)
	}
	mailIDs(t, d, d.signIn(t, "ada").Access)
}
