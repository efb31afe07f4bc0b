package e2e_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"m365mcp/app"
	"m365mcp/authserver"
	"m365mcp/config"
	"m365mcp/store/sqlite"
)

// onDisk reports whether a file below the folder holds the text.
func onDisk(t *testing.T, folder, text string) bool {
	t.Helper()
	found := false
	if err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		found = found || bytes.Contains(content, []byte(text))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

// What the server keeps of a person goes at the operator's word, on the disk too;
// what it keeps of others stays, and so do the audit's proofs.
func TestErase(t *testing.T) {
	t.Parallel()
	o := withTools("full")
	var cfg config.Config
	configure := o.Configure
	o.Configure = func(c *config.Config) {
		if configure != nil {
			configure(c)
		}
		cfg = *c
	}
	d := startDemo(t, o)
	people := map[string]*session{"ada": d.session(t, "ada"), "bruno": d.session(t, "bruno")}
	for name, s := range people {
		if r := s.call(t, s.token, "getFileLink", s.fill(t, `{"id":"${own file}"}`)); r.IsError {
			t.Fatal(r.text())
		}
		if a := d.fetch(t, http.MethodPost, d.server()+"/upload?name=plan.txt", s.token, "the plan of "+name, "Content-Type", "text/plain"); a.Status != http.StatusCreated {
			t.Fatalf("upload: %d %s", a.Status, a.Body)
		}
		if r := s.call(t, s.token, "sendEmail", `{"to":"inspector@harbour.example","subject":"s","body":"b"}`); r.IsError {
			t.Fatal(r.text())
		}
	}
	var tenant, user, client string
	for _, l := range d.audit(t) {
		if l.UserEmail == d.upn(t, "ada") {
			tenant, user, client = l.TenantID, l.UserID, l.ClientID
		}
	}
	ada := authserver.UserRef{TenantID: tenant, UserID: user}
	silent := slog.New(slog.DiscardHandler)
	if _, err := app.Erase(t.Context(), cfg, silent, tenant, user); err == nil || !strings.Contains(err.Error(), "another server is using") {
		t.Fatalf("beside a running server: %v", err)
	}
	d.stop()
	store := func(use func(authserver.Store) error) {
		t.Helper()
		db, err := sqlite.Open(t.Context(), filepath.Join(d.DataDir, config.DatabaseFile))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(use(db.OAuth()), db.Close()); err != nil {
			t.Error(err)
		}
	}
	store(func(s authserver.Store) error {
		return s.PutDemand(t.Context(), authserver.Demand{User: ada, ClientID: client, Claims: "{}", At: time.Now()})
	})
	if !onDisk(t, d.DataDir, d.upn(t, "ada")) {
		t.Fatal("there is nothing of her to begin with")
	}

	if _, err := app.Erase(t.Context(), cfg, silent, tenant, "ada"); err == nil || !strings.Contains(err.Error(), "ids of Entra") {
		t.Errorf("a name: %v", err)
	}
	entries, err := app.Erase(t.Context(), cfg, silent, strings.ToUpper(tenant), user)
	if err != nil || entries < 5 {
		t.Errorf("erased %d entries, %v", entries, err)
	}
	for name, want := range map[string]bool{"ada": false, "bruno": true} {
		if got := onDisk(t, d.DataDir, d.upn(t, name)); got != want {
			t.Errorf("the address of %s is on the disk: %v, want %v", name, got, want)
		}
	}
	files, err := os.ReadDir(filepath.Join(d.DataDir, "spool"))
	if err != nil || len(files) != 1 {
		t.Errorf("%d files in the spool, want his: %v", len(files), err)
	}
	store(func(s authserver.Store) error {
		if _, err := s.Demand(t.Context(), ada, client); !errors.Is(err, authserver.ErrNotFound) {
			t.Errorf("what Microsoft demands of her: %v", err)
		}
		return nil
	})
	report, err := app.AuditVerify(t.Context(), d.Database, d.AuditKey, nil)
	if err != nil || !report.OK || report.Erased != int64(entries) {
		t.Errorf("audit: %+v, %v", report, err)
	}
	if again, err := app.Erase(t.Context(), cfg, silent, tenant, user); err != nil || again > 1 { // that her grants are ended, once more
		t.Errorf("once more: %d, %v", again, err)
	}
}
