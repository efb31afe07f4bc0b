package files_test

import (
	"path"
	"strings"
	"testing"

	"m365mcp/dlp"
	"m365mcp/policy"
	"m365mcp/simulator/dataset"
	"m365mcp/tool/files"
	"m365mcp/tool/tooltest"
)

const (
	todo             = "Documents/To do before the launch.txt"
	picture          = "Pictures/Stock by week.png"
	contentOperation = "GET " + itemPath + "/content"
)

// guarded has a detector of one word, and for one tool a policy against what it
// finds and against what nobody can read.
func guarded(t *testing.T, name, word string) (*tooltest.Harness, *services) {
	t.Helper()
	s := newServices(t)
	against := func(id string, matters func(policy.Context) bool) policy.Rule {
		return policy.Rule{ID: id, When: func(r policy.Request) bool { return r.Action.Tool == name && matters(r.Context) }}
	}
	o := tooltest.Options{Tools: files.Tools(), Policy: policy.New(
		policy.PermitAll().Rules()[0],
		against("found", func(c policy.Context) bool { return len(c.Findings) > 0 }),
		against("unread", func(c policy.Context) bool { return len(c.Unscannable) > 0 && len(c.Findings) == 0 }),
	)}
	if word != "" {
		o.DLP = dlp.New(dlp.Detector{Name: "word", Match: func(text string) bool { return strings.Contains(text, word) }})
	}
	s.setup(&o)
	return tooltest.Start(t, o).As("ada"), s
}

// graphID is Graph's own id of a file of the caller's: a list that names what the
// detector looks for does not reach anybody.
func graphID(h *tooltest.Harness, at string) string {
	for _, d := range dataset.LoadFiles(h.Tenant, h.Now()).Drives {
		for _, i := range d.Items {
			if d.OwnerID == h.Me().ID && i.Name == path.Base(at) {
				return d.ID + ":" + i.ID
			}
		}
	}
	return own(h, at)
}

// wantRule wants the call to be decided by the rule, and to be refused unless none
// is against it.
func wantRule(t *testing.T, res tooltest.Result, rule string) {
	t.Helper()
	if got := res.Intents[0].Rule; got != rule || (res.Err == nil) != (rule == "permit-all") {
		t.Errorf("decided by %s, want %s: %v", got, rule, res.Err)
	}
}

// What a person downloads leaves: it is decided about before its first byte goes
// out, and what was read is what is sent. Where nobody reads, it is not fetched twice.
func TestDownloadIsScanned(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file, word, rule string
		fetched, stored  int
	}{
		"a word of the file":       {todo, "call Rui", "found", 1, 1},
		"a word of its name":       {todo, "To do before", "found", 1, 1},
		"another word":             {todo, "nothing of this", "permit-all", 1, 1},
		"a word of a document":     {"Documents/Board/Board page Lisbon.docx", "Lisbon", "found", 1, 1},
		"a picture":                {picture, "nothing of this", "unread", 1, 1},
		"a picture, and no DLP":    {picture, "", "permit-all", 1, 0},
		"too large to be read":     {"huge.txt", "nothing of this", "unread", 0, 0},
		"too large, and no DLP":    {"huge.txt", "", "unread", 0, 0},
		"nobody wants to read one": {todo, "", "permit-all", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, s := guarded(t, "download:file", c.word)
			if c.file == "huge.txt" {
				h.Call("uploadFile", args("uploadId", s.upload(h, "huge.txt", 26<<20))).WantOK(t)
			}
			body, res := h.Send("download:file", args("id", graphID(h, c.file)))
			wantRule(t, res, c.rule)
			if (len(body) > 0) != (c.rule == "permit-all") || len(res.Sent(contentOperation)) != c.fetched || len(s.stored) != c.stored {
				t.Errorf("%d bytes left; fetched %d times, stored %v", len(body), len(res.Sent(contentOperation)), s.stored)
			}
		})
	}
}

// What is too large to be read is streamed, if it may leave.
func TestLargeDownloadIsStreamed(t *testing.T) {
	t.Parallel()
	h, s := guarded(t, "", "nothing of this")
	h.Call("uploadFile", args("uploadId", s.upload(h, "huge.txt", 26<<20))).WantOK(t)
	body, res := h.Send("download:file", args("id", own(h, "huge.txt")))
	if wantRule(t, res, "permit-all"); len(body) != 26<<20 || len(s.stored) > 0 {
		t.Errorf("%d bytes, stored %v", len(body), s.stored)
	}
}

// Who gets access gets the content: sharing shows it to DLP, and so does putting it
// where others look.
func TestSharedContentIsScanned(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, word, rule string }{
		"a word of the file":    {todo, "call Rui", "found"},
		"another word":          {todo, "nothing of this", "permit-all"},
		"nobody wants to read":  {todo, "", "permit-all"},
		"a picture":             {picture, "nothing of this", "unread"},
		"a folder":              {"Documents/Board", "nothing of this", "unread"},
		"a folder, and no DLP":  {"Documents/Board", "", "unread"},
		"a picture, and no DLP": {picture, "", "permit-all"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for which, pairs := range map[string][]any{
				"shareFile": {"scope", "people", "people", "inspector@harbour.example"}, "moveFile": {"newName", "x.y"}, "moveFile copy": {"newName", "x.y", "copy", true},
			} {
				which, _, _ := strings.Cut(which, " ")
				h, _ := guarded(t, which, c.word)
				if which == "moveFile" {
					pairs = append(pairs, "toFolderId", shared(h))
				}
				wantRule(t, h.Call(which, args(append(pairs, "id", graphID(h, c.file))...)), c.rule)
			}
		})
	}
}

// What moves to where nobody else looks does not leave.
func TestMovesOfOnesOwnAreNotRead(t *testing.T) {
	t.Parallel()
	h, s := guarded(t, "moveFile", "call Rui")
	wantRule(t, h.Call("moveFile", args("id", own(h, todo), "toFolderId", own(h, "Empty folder"))), "permit-all")
	if len(s.stored) > 0 {
		t.Errorf("stored %v", s.stored)
	}
}
