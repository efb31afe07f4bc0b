package files

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/graph"
	people "m365mcp/identity"
	"m365mcp/tool"
)

// answering answers every request with the same text.
type answering string

func (a answering) Do(context.Context, graph.Request) (*graph.Response, error) {
	return &graph.Response{Status: 200, Body: []byte(a)}, nil
}

// Whoever is not told by name is told nevertheless, and no name passes for another's.
func TestReaders(t *testing.T) {
	t.Parallel()
	const me = `{"roles":["owner"],"grantedToV2":{"user":{"id":"u1","displayName":"Ada"}}}`
	many := make([]string, maxReaders+1)
	for i := range many {
		many[i] = fmt.Sprintf(`{"invitation":{"email":"%03d@example.com"}}`, i)
	}
	for name, c := range map[string]struct {
		at          spot
		permissions string
		want        []string
	}{
		"one's own":                {spot{"d", "i"}, me, nil},
		"the top of one's own":     {spot{}, ``, nil},
		"by address":               {spot{"d", "i"}, me + `,{"grantedToV2":{"user":{"id":"u2","email":"bo@example.com"}}}`, []string{"bo@example.com"}},
		"by login name":            {spot{"d", "i"}, me + `,{"grantedToV2":{"user":{"id":"u2"},"siteUser":{"loginName":"i:0#.f|membership|bo@example.com"}}}`, []string{"bo@example.com"}},
		"by id":                    {spot{"d", "i"}, me + `,{"grantedToV2":{"user":{"id":"u2","displayName":"boss@example.com"}}}`, []string{"user:u2"}},
		"twice":                    {spot{"d", "i"}, me + `,{"invitation":{"email":"bo@example.com"}},{"invitation":{"email":"bo@example.com"}}`, []string{"bo@example.com"}},
		"oneself by address":       {spot{"d", "i"}, me + `,{"grantedToV2":{"siteUser":{"email":"Ada@Example.com"}}}`, nil},
		"a group":                  {spot{"d", "i"}, me + `,{"grantedToV2":{"group":{"id":"g1","displayName":"boss@example.com"}}}`, []string{"group:g1"}},
		"a site's group":           {spot{"d", "i"}, `{"roles":["owner"],"grantedToV2":{"siteGroup":{"displayName":"boss@example.com"}}}`, []string{"site:boss%40example.com", "unknown"}},
		"everybody, as SharePoint": {spot{"d", "i"}, me + `,{"grantedToV2":{"siteUser":{"displayName":"Everyone except external users","loginName":"c:0-.f|rolemanager|spo-grid-all-users/t"}}}`, []string{"site:Everyone except external users"}},
		"a link for anybody":       {spot{"d", "i"}, me + `,{"link":{"scope":"anonymous"}}`, []string{"anyone"}},
		"a link for all":           {spot{"d", "i"}, me + `,{"link":{"scope":"organization"},"grantedToIdentitiesV2":[]}`, []string{"organization"}},
		"a link for some":          {spot{"d", "i"}, me + `,{"link":{"scope":"users"},"grantedToIdentitiesV2":[{"user":{"id":"u1"}},{"user":{"id":"u2","email":"bo@example.com"}}]}`, []string{"bo@example.com"}},
		"a link of another kind":   {spot{"d", "i"}, me + `,{"link":{"scope":"tomorrow"}}`, []string{"unknown"}},
		"an app":                   {spot{"d", "i"}, me + `,{"grantedToV2":{"application":{"id":"a"}}}`, []string{"unknown"}},
		"nothing of it":            {spot{"d", "i"}, me + `,{}`, []string{"unknown"}},
		"not the owner":            {spot{"d", "i"}, `{"roles":["write"],"grantedToV2":{"user":{"id":"u1"}}}`, []string{"unknown"}},
		"somebody else's":          {spot{"d", "i"}, `{"roles":["owner"],"grantedToV2":{"user":{"id":"u2","email":"bo@example.com"}}}`, []string{"bo@example.com", "unknown"}},
		"nobody":                   {spot{"d", "i"}, ``, []string{"unknown"}},
	} {
		call := tool.Call{Principal: people.Principal{UserID: "u1", Mail: "ada@example.com"}, Graph: answering(`{"value":[` + c.permissions + `]}`)}
		got, err := c.at.readers(t.Context(), call)
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", name, err, diff)
		}
	}
	crowd := tool.Call{Principal: people.Principal{UserID: "u1"}, Graph: answering(`{"value":[` + me + "," + strings.Join(many, ",") + `]}`)}
	if got, err := (spot{"d", "i"}).readers(t.Context(), crowd); err != nil || len(got) != maxReaders+1 || got[maxReaders] != unknown {
		t.Errorf("a crowd: %d, %v", len(got), err)
	}
}
