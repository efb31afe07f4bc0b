package graph

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/internal/testenv"
	"m365mcp/simulator/graph/odata"
	"m365mcp/simulator/graph/wire"
)

func TestPropertyTablesAreMicrosofts(t *testing.T) {
	t.Parallel()
	d := microsoftSlice(t)
	for name, have := range map[string][]string{
		"message":         slices.Concat(wire.MessageProperties, wire.MessageOnDemand),
		"mailFolder":      wire.FolderProperties,
		"user":            slices.Concat(wire.UserDefault, wire.UserHeld, wire.UserNull, wire.UserEmpty),
		"event":           wire.EventProperties,
		"attachment":      wire.AttachmentBase,
		"fileAttachment":  slices.Concat(wire.AttachmentBase, wire.FileAttachment),
		"mailboxSettings": wire.SettingsProperties,
	} {
		sorted := slices.Sorted(slices.Values(have))
		if diff := cmp.Diff(d.properties(name), sorted); diff != "" {
			t.Errorf("%s (-Microsoft +here):\n%s", name, diff)
		}
	}
	top := func(kinds map[string]odata.Kind) []string {
		var out []string
		for path := range kinds {
			if !strings.Contains(path, "/") {
				out = append(out, path)
			}
		}
		slices.Sort(out)
		return out
	}
	if diff := cmp.Diff(d.properties("message"), top(wire.MessageKinds)); diff != "" {
		t.Errorf("kinds of message:\n%s", diff)
	}
	if diff := cmp.Diff(d.properties("mailFolder"), top(wire.FolderKinds)); diff != "" {
		t.Errorf("kinds of mailFolder:\n%s", diff)
	}
}

func TestRoutesAreMicrosofts(t *testing.T) {
	t.Parallel()
	d := microsoftSlice(t)
	for _, r := range routeTable() {
		if strings.HasPrefix(r.template, "/users/") || strings.HasSuffix(r.template, "/timeZone") {
			continue
		}
		if _, ok := d.Paths[r.template][strings.ToLower(r.method)]; !ok {
			t.Errorf("%s %s is not in Microsoft's description", r.method, r.template)
		}
	}
}

// Every scope that opens an operation here must be one that Microsoft lists;
// X.ReadWrite counts where X.Read is listed (a note of the source).
func TestScopesAreMicrosofts(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join(testenv.GraphData(t), "graph-permissions.json"))
	if err != nil {
		t.Fatal(err)
	}
	var data struct {
		Paths map[string]map[string]struct {
			DelegatedWork []struct {
				Scope string `json:"scope"`
			} `json:"delegatedWork"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(raw, &data); err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, r := range routeTable() {
		operation, ok := data.Paths[strings.TrimSuffix(r.template, "/timeZone")][r.method]
		if !ok {
			if strings.HasPrefix(r.template, "/me") {
				t.Errorf("%s %s: no permissions listed", r.method, r.template)
			}
			continue
		}
		var listed []string
		for _, s := range operation.DelegatedWork {
			listed = append(listed, s.Scope)
		}
		for _, scope := range r.scopes {
			if !slices.Contains(listed, scope) && !slices.Contains(listed, strings.Replace(scope, ".ReadWrite", ".Read", 1)) {
				t.Errorf("%s %s: %s is not among Microsoft's %v", r.method, r.template, scope, listed)
			}
			checked++
		}
	}
	if checked < 60 {
		t.Errorf("only %d scopes checked", checked)
	}
}
