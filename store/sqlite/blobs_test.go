package sqlite

import (
	"testing"

	"m365mcp/blob"
	"m365mcp/store/storetest"
)

func TestBlobs(t *testing.T) {
	t.Parallel()
	storetest.Blobs(t, func(t *testing.T) blob.Store { return openOAuth(t).Blobs() })
}
