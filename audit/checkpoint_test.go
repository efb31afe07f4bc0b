package audit

import (
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func testKey(t testing.TB) (note.Signer, note.Verifiers) {
	t.Helper()
	skey, vkey, err := GenerateKey("log.example.com/audit")
	if err != nil {
		t.Fatal(err)
	}
	derived, err := VerifierKey(skey)
	if err != nil || derived != vkey {
		t.Fatalf("VerifierKey = %q, %v; want %q", derived, err, vkey)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return signer, note.VerifierList(verifier)
}

func TestKeys(t *testing.T) {
	t.Parallel()
	for range 20 { // base64 of keys holds the separator now and then
		testKey(t)
	}
	for _, name := range []string{"", "with space", "with+plus"} {
		if _, _, err := GenerateKey(name); err == nil {
			t.Errorf("GenerateKey(%q) succeeded", name)
		}
	}
	for _, skey := range []string{"", "x", "PRIVATE+KEY+a+00000000+AQ=="} {
		if _, err := VerifierKey(skey); err == nil {
			t.Errorf("VerifierKey(%q) succeeded", skey)
		}
	}
}

func TestParseCheckpoint(t *testing.T) {
	t.Parallel()
	signer, verifiers := testKey(t)
	tr := newTree()
	for _, record := range []string{"a", "b", "c"} {
		if _, err := tr.append(leafHash([]byte(record))); err != nil {
			t.Fatal(err)
		}
	}
	signed, err := signCheckpoint("log.example.com/audit", tr, signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseCheckpoint(signed, verifiers)
	if err != nil {
		t.Fatal(err)
	}
	root, err := tr.root()
	if err != nil {
		t.Fatal(err)
	}
	if c.Origin != "log.example.com/audit" || c.Size != 3 || c.Root != root || c.Note != string(signed) {
		t.Errorf("parsed %+v", c)
	}
	_, strangers := testKey(t)
	if _, err := ParseCheckpoint(signed, strangers); err == nil {
		t.Error("a signature by a stranger is believed")
	}
	other, err := note.Sign(&note.Note{Text: "not a checkpoint\n"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseCheckpoint(other, verifiers); err == nil {
		t.Error("a signed text that is no checkpoint is accepted")
	}
}

// The parser accepts one spelling of each checkpoint: what it accepts, it writes
// back byte by byte.
func FuzzParseBody(f *testing.F) {
	root := tlog.RecordHash(nil).String()
	f.Add("log.example.com/audit\n3\n" + root + "\n")
	f.Add("o\n0\n" + root + "\n")
	f.Add("o\n03\n" + root + "\n")
	f.Add("o\n-1\n" + root + "\n")
	f.Add("o\n3\n" + root + "\nextension\n")
	f.Add("o\n3\n" + strings.TrimSuffix(root, "=") + "\n")
	f.Add("\n\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseBody(text)
		if err != nil {
			return
		}
		if c.Size < 0 || c.Origin == "" || c.body() != text {
			t.Errorf("%q was read as %+v", text, c)
		}
	})
}

func FuzzParseCheckpoint(f *testing.F) {
	signer, verifiers := testKey(f)
	signed, err := signCheckpoint("log.example.com/audit", newTree(), signer)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add(append(signed, "\u2014 stranger AAAAAAAA\n"...))
	f.Add([]byte("\n\n\u2014 "))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseCheckpoint(data, verifiers)
		if err == nil && (c.Size != 0 || !strings.HasPrefix(string(data), c.body())) {
			t.Errorf("a forged checkpoint was believed: %+v", c)
		}
	})
}

// The edge of the tree is enough: it gives the hashes and roots of a whole tree.
func TestTreeEdge(t *testing.T) {
	t.Parallel()
	edge := newTree()
	var all []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, i := range indexes {
			out = append(out, all[i])
		}
		return out, nil
	})
	for n := range int64(300) {
		record := []byte{byte(n), byte(n >> 8)}
		want, err := tlog.StoredHashes(n, record, reader)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, want...)
		if _, err := edge.append(leafHash(record)); err != nil {
			t.Fatal(err)
		}
		edge.prune()
		got, err := edge.root()
		if err != nil {
			t.Fatal(err)
		}
		wantRoot, err := tlog.TreeHash(n+1, reader)
		if err != nil || got != wantRoot {
			t.Fatalf("root of %d entries is %v, want %v (%v)", n+1, got, wantRoot, err)
		}
		if len(edge.hashes) > 10 {
			t.Fatalf("the edge of %d entries holds %d hashes", n+1, len(edge.hashes))
		}
	}
}
