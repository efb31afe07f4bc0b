package graph

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/simulator/graph/odata"
	"m365mcp/simulator/graph/wire"
)

func TestPropertyTablesAreMicrosofts(t *testing.T) {
	t.Parallel()
	d := microsoft(t)
	for name, have := range map[string][]string{
		"message":         slices.Concat(wire.MessageProperties, wire.MessageOnDemand),
		"mailFolder":      wire.FolderProperties,
		"user":            slices.Concat(wire.UserDefault, wire.UserHeld, wire.UserNull, wire.UserEmpty),
		"event":           wire.EventProperties,
		"attachment":      wire.AttachmentBase,
		"fileAttachment":  slices.Concat(wire.AttachmentBase, wire.FileAttachment),
		"mailboxSettings": wire.SettingsProperties,
		"person":          wire.PersonProperties,
		"contact":         wire.ContactProperties,
	} {
		sorted := slices.Sorted(slices.Values(have))
		if diff := cmp.Diff(d.Properties(name), sorted); diff != "" {
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
	if diff := cmp.Diff(d.Properties("message"), top(wire.MessageKinds)); diff != "" {
		t.Errorf("kinds of message:\n%s", diff)
	}
	if diff := cmp.Diff(d.Properties("mailFolder"), top(wire.FolderKinds)); diff != "" {
		t.Errorf("kinds of mailFolder:\n%s", diff)
	}
}

// Every operation is one that Microsoft describes, and each scope that opens it
// one that Microsoft lists, or a documented wider one. The time zone is a part
// of a described resource.
func TestOperationsAndScopesAreMicrosofts(t *testing.T) {
	t.Parallel()
	d, checked, seen := microsoft(t), 0, map[string]bool{}
	for _, o := range newRig(t).server.Operations() {
		if key := o.Method + " " + placeholder.ReplaceAllString(o.Template, "x"); seen[key] {
			t.Errorf("%s is there twice", key)
		} else {
			seen[key] = true
		}
		if strings.HasSuffix(o.Template, "/timeZone") || o.Template == "/search/query" { // its scopes go by what is searched
			continue
		}
		template, err := described(d, o.Method, o.Template)
		if err != nil {
			t.Errorf("%s %s: %v", o.Method, o.Template, err)
			continue
		}
		for _, scope := range o.Scopes {
			if strings.HasPrefix(scope, "Sites.") && strings.HasPrefix(template, "/me/drive/") {
				continue // the pages of driveItem list it, permissions.json does below /drives only
			}
			if err := d.Allowed(o.Method, template, []string{scope}); err != nil {
				t.Errorf("opens with %s: %v", scope, err)
			}
			checked++
		}
		for _, scope := range o.Shared {
			if err := d.AllowedShared(o.Method, template, []string{scope}); err != nil {
				t.Errorf("opens to others with %s: %v", scope, err)
			}
		}
	}
	if checked < 200 {
		t.Errorf("only %d scopes checked", checked)
	}
}
