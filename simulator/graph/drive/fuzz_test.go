package drive

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/drive/library"
)

func FuzzContentRange(f *testing.F) {
	for _, seed := range []string{"bytes 0-9/10", "bytes 327680-655359/1048576", "bytes */10", "bytes 5-4/10", "bytes 0-9/*", "bytes -1-9/10", "0-9/10", "bytes 0-18446744073709551615/1", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		from, to, total, err := parseContentRange(header)
		if err == nil && (from < 0 || to < from || total <= to) {
			t.Errorf("%q: %d-%d/%d", header, from, to, total)
		}
		u := &upload{size: -1}
		chunk := make([]byte, 100)
		if err := u.accept(header, chunk); err == nil && (len(u.content) != 100 || u.size != 100) {
			t.Errorf("%q: took %d bytes of %d", header, len(u.content), u.size)
		}
	})
}

// FuzzNames: a name is refused, or the file is found again by it.
func FuzzNames(f *testing.F) {
	now := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	tenant := dataset.Load(now)
	files := dataset.LoadFiles(tenant, now)
	for _, seed := range []string{"a.txt", "50% #1.md", "ü", "a/b", "..", "x\x00", strings.Repeat("y", 300), "Documents", "İ", "\xff"} {
		f.Add(seed)
	}
	l := library.New(tenant, files)
	ada := l.Find("ada@tideline.example")
	f.Fuzz(func(t *testing.T, name string) {
		root := l.DriveOf(ada).Root
		made, _, err := root.Put(name, dataset.BytesContent([]byte(strconv.Itoa(len(name)))), library.Rename, ada, now)
		if err != nil {
			return
		}
		if found, err := root.At(made.Name); err != nil || found != made {
			t.Errorf("%q was put as %q and is not found: %v", name, made.Name, err)
		}
		if err := made.Delete(ada, now); err != nil {
			t.Error(err)
		}
	})
}
