package blob_test

import (
	"path/filepath"
	"testing"

	"m365mcp/blob"
	"m365mcp/store/storetest"
)

func TestFolder(t *testing.T) {
	t.Parallel()
	storetest.Files(t, func(t *testing.T) blob.Files {
		t.Helper()
		f, err := blob.Folder(filepath.Join(t.TempDir(), "spool"))
		if err != nil {
			t.Fatal(err)
		}
		return f
	})
}
