package gateway_test

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/gateway"
	"m365mcp/graph"
	"m365mcp/identity"
)

func TestHeaders(t *testing.T) {
	t.Parallel()
	f := setup(t, status(200, "ETag", `W/"2"`, "Set-Cookie", "a=b"))
	resp, err := f.open(false).Do(t.Context(), graph.Request{
		Method: graph.Patch, Path: graph.Fixed("/planner/tasks/x"), Body: []byte("{}"), IfMatch: `W/"1"`, Eventual: true,
		Prefer: []string{graph.ImmutableIDs, graph.InTimeZone("UTC")}, ContentType: "application/merge-patch+json",
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, name := range []string{"If-Match", "Consistencylevel", "Prefer", "Content-Type", "Accept"} {
		got[name] = f.requests()[0].Header.Get(name)
	}
	want := map[string]string{
		"If-Match": `W/"1"`, "Consistencylevel": "eventual", "Prefer": `IdType="ImmutableId", outlook.timezone="UTC"`,
		"Content-Type": "application/merge-patch+json", "Accept": "application/json",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if resp.Header.Get("ETag") != `W/"2"` || resp.Header.Get("Set-Cookie") != "" {
		t.Errorf("kept %v", resp.Header)
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	f := setup(t, status(200))
	root := f.gw.GraphURL + "/v1.0"
	folder, err := graph.To("/me/mailFolders/{folder}/messages", "A=")
	if err != nil {
		t.Fatal(err)
	}
	for link, ok := range map[string]bool{
		root + "/me/mailFolders/A=/messages?$skip=10&x=%2B+%20": true,
		root + "/me/mailFolders/A%3D/messages?$skiptoken=a/b":   true,
		root + "/me/mailFolders('A=')/messages?$skip=1":         true,
		root + "/users/oid/mailFolders/A=/messages?$skip=1":     true,
		root + "/users('oid')/mailFolders/A=/messages":          true,
		root + "/users/other/mailFolders/A=/messages?$skip=1":   false,
		root + "/me/mailFolders/B=/messages?$skip=1":            false,
		root + "/me/messages":                                   false,
		root + "/me/mailFolders/A=/messages/../../../events":    false,
		root + "x/me/mailFolders/A=/messages":                   false,
		root + "me/mailFolders/A=/messages":                     false,
		f.gw.GraphURL + "/beta/me/mailFolders/A=/messages":      false,
		f.gw.GraphURL + "/v1.0":                                 false,
		"https://evil.example/v1.0/me/mailFolders/A=/messages":  false,
		"http://u@" + root[7:] + "/me/mailFolders/A=/messages":  false,
		strings.Replace(root, "http:", "https:", 1) + "/me":     false,
		root + "/me/mailFolders/A=/messages#x":                  false,
		"/me/mailFolders/A=/messages":                           false,
		":":                                                     false,
	} {
		before := len(f.requests())
		_, err := f.open(true).Do(t.Context(), graph.Request{Method: graph.Get, Path: folder, Query: graph.Query{}.Top(9), Next: link, Prefer: []string{"x"}})
		seen := f.requests()[before:]
		if !ok {
			if kind(t, err) != graph.KindRefused || len(seen) != 0 {
				t.Errorf("%s: %v, %d requests", link, err, len(seen))
			}
			continue
		}
		if err != nil || len(seen) != 1 || f.gw.GraphURL+seen[0].RequestURI != link || seen[0].Header.Get("Prefer") != "x" {
			t.Errorf("%s: %v, %d requests", link, err, len(seen))
		}
	}
}

func TestMalformedRequestsAreRefused(t *testing.T) {
	t.Parallel()
	f := setup(t, status(200))
	batch := graph.Fixed("/$batch")
	toSink := func(r graph.Request) graph.Request {
		r.Sink = func(string, int64) (io.Writer, error) { return io.Discard, nil }
		return r
	}
	follow, ranged := read, read
	follow.Follow, ranged.Range = true, "bytes 0-1/2"
	writeFollow := write
	writeFollow.Follow = true
	nested := graph.Request{Method: graph.Post, Path: batch, Sub: []graph.Request{read}}
	sub := func(parts ...graph.Request) graph.Request {
		return graph.Request{Method: graph.Post, Path: batch, Sub: parts}
	}
	withBody := sub(read)
	withBody.Body = []byte("{}")
	for name, r := range map[string]graph.Request{
		"a method of its own":     {Method: "CONNECT", Path: graph.Fixed("/me")},
		"a raw batch":             {Method: graph.Post, Path: batch, Body: []byte(`{"requests":[]}`)},
		"parts elsewhere":         {Method: graph.Post, Path: graph.Fixed("/me/sendMail"), Sub: []graph.Request{read}},
		"parts in a GET":          {Method: graph.Get, Path: batch, Sub: []graph.Request{read}},
		"no parts":                {Method: graph.Post, Path: batch, Sub: []graph.Request{}},
		"21 parts":                sub(make([]graph.Request, 21)...),
		"parts and a body":        withBody,
		"a batch in a batch":      sub(nested),
		"a followed part":         sub(follow),
		"a streamed part":         sub(toSink(read)),
		"a part without a path":   sub(graph.Request{Method: graph.Get}),
		"a streamed write":        toSink(write),
		"a followed write":        writeFollow,
		"a range without session": ranged,
		"a write to a link":       {Method: graph.Post, Path: read.Path, Next: f.gw.GraphURL + "/v1.0/me/messages"},
		"link and storage":        {Method: graph.Get, Path: read.Path, Next: "x", Storage: "y"},
	} {
		if _, err := f.open(false).Do(t.Context(), r); kind(t, err) != graph.KindRefused {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.open(true).Do(t.Context(), sub(read, write)); kind(t, err) != graph.KindRefused {
		t.Errorf("a write among reads: %v", err)
	}
	if n := len(f.requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// The places are the mailbox's, whoever asks.
func TestSlotKeys(t *testing.T) {
	t.Parallel()
	p := identity.Principal{TenantID: "tid", UserID: "oid", Mail: "Ada@tideline.example"}
	shared := func(m graph.Mailbox) graph.Request {
		path, err := m.To("/messages/{message}", "x")
		if err != nil {
			t.Fatal(err)
		}
		return graph.Request{Method: graph.Get, Path: path}
	}
	user, err := graph.To("/users/{user}", "someone@tideline.example")
	if err != nil {
		t.Fatal(err)
	}
	for want, requests := range map[string][]graph.Request{
		"tid/oid": {
			read, shared("ada@tideline.example"), shared("OID"),
			{Path: user},
			{Path: graph.Fixed("/users")},
			{Path: graph.Fixed("/(upload)"), Storage: "https://x.example/users/y/z"},
			{Sub: []graph.Request{shared("team@tideline.example"), read}},
			{Sub: []graph.Request{read, read}},
		},
		"tid/team@tideline.example": {shared("Team@tideline.example"), {Sub: []graph.Request{shared("team@tideline.example"), shared("TEAM@tideline.example")}}},
	} {
		for _, r := range requests {
			if got := gateway.SlotKey(p, r); got != want {
				t.Errorf("%s: %s, want %s", r.Path, got, want)
			}
		}
	}
	f := setup(t, status(200))
	release, err := gateway.Acquire(t.Context(), f.gw, "tid/team@tideline.example")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if _, err := f.open(true).Do(t.Context(), shared("team@tideline.example")); err != nil || gateway.Held(f.gw) != 1 {
		t.Errorf("%v, %d mailboxes held", err, gateway.Held(f.gw))
	}
}
