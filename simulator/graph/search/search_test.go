package search_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"m365mcp/internal/graphdata"
	"m365mcp/internal/testenv"
	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/drive"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/search"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/service/servicetest"
)

const all = "Mail.Read Files.Read.All Sites.Read.All People.Read Calendars.Read Chat.Read"

func morning() time.Time { return time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC) }

var shared = sync.OnceValues(func() (*dataset.Tenant, *dataset.Files) {
	tenant := dataset.Load(morning())
	return tenant, dataset.LoadFiles(tenant, morning())
})

type rig struct {
	*servicetest.Rig

	tenant *dataset.Tenant
}

// chat stands for what another workload finds.
func chat(c *service.Call, q *search.Query) []search.Hit {
	const text = "the boat is in the harbour"
	if !q.Matches("", text, c.Now) {
		return nil
	}
	return []search.Hit{{ID: "1", Text: text, At: c.Now, Resource: func() map[string]any { return map[string]any{"id": "1"} }}}
}

func start(t *testing.T) *rig {
	t.Helper()
	data, err := graphdata.Load(testenv.GraphData(t))
	if err != nil {
		t.Fatal(err)
	}
	tenant, files := shared()
	d := drive.New(drive.Options{Tenant: tenant, Files: files, Now: morning})
	sources := append(search.Files(d.Library()), search.Messages(exchange.NewStore(tenant, morning)), search.People(tenant), search.From("chatMessage", chat))
	return &rig{tenant: tenant, Rig: servicetest.Start(t, servicetest.Options{
		Tenant: tenant, Now: morning, Workloads: []service.Workload{search.New(sources...), d}, Check: data.CheckResponse,
	})}
}

func (r *rig) search(t *testing.T, person, scopes string, request map[string]any) servicetest.Reply {
	t.Helper()
	p, ok := r.tenant.PersonByUPN(person + "@" + r.tenant.Domain)
	if !ok {
		t.Fatalf("%s is nobody", person)
	}
	body, err := json.Marshal(map[string]any{"requests": []any{request}})
	if err != nil {
		t.Fatal(err)
	}
	return r.Do(t, p.ID+" "+scopes, "POST", "/search/query", string(body))
}

func query(text string, types ...string) map[string]any {
	return map[string]any{"entityTypes": types, "query": map[string]any{"queryString": text}}
}

func with(request map[string]any, name string, value any) map[string]any {
	request[name] = value
	return request
}

type hit struct {
	HitID    string         `json:"hitId"`
	Rank     int            `json:"rank"`
	Summary  string         `json:"summary"`
	Resource map[string]any `json:"resource"`
}

type container struct {
	Total                int   `json:"total"`
	MoreResultsAvailable bool  `json:"moreResultsAvailable"`
	Hits                 []hit `json:"hits"`
}

func result(t *testing.T, got servicetest.Reply) container {
	t.Helper()
	var body struct {
		Value []struct {
			HitsContainers []container `json:"hitsContainers"`
		} `json:"value"`
	}
	if err := json.Unmarshal(got.Body, &body); err != nil || got.Status != 200 || len(body.Value) != 1 || len(body.Value[0].HitsContainers) != 1 {
		t.Fatalf("%d %s: %v", got.Status, got.Body, err)
	}
	return body.Value[0].HitsContainers[0]
}

func (c container) names(property string) []string {
	var out []string
	for _, h := range c.Hits {
		name, _ := h.Resource[property].(string)
		out = append(out, name)
	}
	return out
}

func TestFiles(t *testing.T) {
	t.Parallel()
	r := start(t)
	for text, want := range map[string][]string{
		"demurrage filetype:pdf":               {"Terms of Atlantis Freight 100% binding.pdf"},
		"filename:speech":                      {"Freya's speech.txt"},
		`author:"Chen Yufei" OTA`:              {"Release notes 2.0 RC3.md"},
		"filetype:pptx OR filename:Hochwasser": {"Launch plan.pptx"},
		"Übersicht":                            nil, // Freya's alone
		"rotterdam NOT filetype:docx filename:launch filetype:pptx": {"Launch plan.pptx"},
		"nitrat*  filetype:md": {"Preisliste für Behörden (Entwurf).md"},
		`path:"https://tideline.sharepoint.example/sites/operations/Shared Documents/Stock" isDocument=true`: {"Minimum stock.xlsx", "Sensor log of the Lisbon basin.csv"},
	} {
		got := result(t, r.search(t, "ada", all, query(text, "driveItem"))).names("name")
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	one := result(t, r.search(t, "ada", all, query("demurrage filetype:pdf", "driveItem"))).Hits[0]
	if one.Resource["@odata.type"] != "#microsoft.graph.driveItem" || one.Resource["id"] != one.HitID || !strings.Contains(one.Summary, "<c0>Demurrage</c0>") || one.Rank != 1 {
		t.Errorf("hit: %+v", one)
	}
	if n := result(t, r.search(t, "ada", all, with(query("*", "driveItem"), "size", 500))).Total; n < 40 {
		t.Errorf("everything: %d", n)
	}
}

func TestAccessIsThatOfTheCaller(t *testing.T) {
	t.Parallel()
	r := start(t)
	salaries := query("salaries", "driveItem")
	if got := result(t, r.search(t, "emeka", all, salaries)); got.Total != 1 {
		t.Errorf("his own: %+v", got)
	}
	if got := result(t, r.search(t, "ada", all, salaries)); got.Total != 0 || got.Hits != nil {
		t.Errorf("another's: %+v", got)
	}
	if got := result(t, r.search(t, "dalia", all, query("launch", "site", "listItem"))); got.Total != 0 {
		t.Errorf("sites of others: %+v", got)
	}
	if got := result(t, r.search(t, "emeka", all, query("Options", "driveItem"))).names("name"); !slices.Contains(got, "Options A, B, C.docx") {
		t.Errorf("shared with him: %v", got)
	}
}

func TestSitesAndLists(t *testing.T) {
	t.Parallel()
	r := start(t)
	if got := result(t, r.search(t, "ada", all, query("rotterdam", "site"))).names("displayName"); !slices.Equal(got, []string{"Pelago 2 Launch"}) {
		t.Errorf("sites: %v", got)
	}
	if got := result(t, r.search(t, "ada", all, query("projects", "list"))).names("displayName"); !slices.Equal(got, []string{"Projects"}) {
		t.Errorf("lists: %v", got)
	}
	if got := result(t, r.search(t, "ada", all, query("launch", "drive"))); got.Total != 1 {
		t.Errorf("drives: %v", got)
	}
	bare := result(t, r.search(t, "ada", all, query("offsite", "listItem"))).Hits
	if len(bare) != 1 || bare[0].Resource["fields"] != nil {
		t.Fatalf("rows: %+v", bare)
	}
	chosen := result(t, r.search(t, "ada", all, with(query("offsite", "listItem"), "fields", []string{"Title", "Owner", "colour"}))).Hits[0]
	fields, _ := chosen.Resource["fields"].(map[string]any)
	if len(fields) != 2 || fields["Owner"] != "Gauri Deshpande" {
		t.Errorf("fields: %v", fields)
	}
	mixed := result(t, r.search(t, "ada", all, query("lisbon", "driveItem", "listItem", "site")))
	if mixed.Total < 8 {
		t.Errorf("mixed: %d", mixed.Total)
	}
	sorted := with(query("lisbon", "driveItem"), "sortProperties", []any{map[string]any{"name": "name", "isDescending": true}})
	if got := result(t, r.search(t, "ada", all, sorted)).names("name"); !slices.IsSortedFunc(got, func(a, b string) int { return strings.Compare(strings.ToLower(b), strings.ToLower(a)) }) {
		t.Errorf("not sorted: %q", got)
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	r := start(t)
	page := func(from, size int) container {
		return result(t, r.search(t, "ada", all, with(with(query("lisbon", "message"), "from", from), "size", size)))
	}
	first, second := page(0, 5), page(5, 5)
	if len(first.Hits) != 5 || !first.MoreResultsAvailable || second.Hits[0].Rank != 6 || first.Hits[0].HitID == second.Hits[0].HitID {
		t.Errorf("pages: %+v, %+v", first, second)
	}
	if got := first.names("receivedDateTime"); !slices.IsSortedFunc(got, func(a, b string) int { return strings.Compare(b, a) }) {
		t.Errorf("not by date: %v", got)
	}
	if got := page(first.Total, 5); got.Hits != nil || got.MoreResultsAvailable || got.Total != first.Total {
		t.Errorf("past the end: %+v", got)
	}
	top := result(t, r.search(t, "ada", all, with(with(query("lisbon", "message"), "enableTopResults", true), "size", 25)))
	if top.Total != first.Total {
		t.Errorf("top results: %d of %d", top.Total, first.Total)
	}
	for text, wants := range map[string]bool{"from:ines": true, "subject:AF-77120 hasattachments:true": true, "from:nobody": false} {
		if got := result(t, r.search(t, "ada", all, query(text, "message"))); (got.Total > 0) != wants {
			t.Errorf("%s: %d", text, got.Total)
		}
	}
	few := result(t, r.search(t, "ada", all, with(query("lisbon", "message"), "fields", []string{"subject", "from"}))).Hits[0].Resource
	if len(few) != 3 {
		t.Errorf("fields: %v", few)
	}
	both := result(t, r.search(t, "ada", all, query("boat harbour", "message", "chatMessage")))
	if len(both.Hits) == 0 || both.Hits[0].Resource["@odata.type"] != "#microsoft.graph.chatMessage" {
		t.Errorf("with chats: %+v", both)
	}
}

func TestPeople(t *testing.T) {
	t.Parallel()
	r := start(t)
	if got := result(t, r.search(t, "ada", all, query("finance", "person"))).names("displayName"); !slices.Equal(got, []string{"Emeka Okafor"}) {
		t.Errorf("people: %v", got)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	r := start(t)
	for name, c := range map[string]struct {
		scopes  string
		request map[string]any
		status  int
	}{
		"missing scope":          {"Files.Read.All", query("x", "message"), 403},
		"one scope of two":       {"Files.Read.All", query("x", "driveItem", "listItem"), 403},
		"own files only":         {"Files.Read Mail.Read", query("x", "driveItem"), 403},
		"event with message":     {all, query("x", "message", "event"), 400},
		"message with files":     {all, query("x", "message", "driveItem"), 400},
		"person with event":      {all, query("x", "person", "event"), 400},
		"no types":               {all, query("x"), 400},
		"unknown type":           {all, query("x", "mail"), 400},
		"page of mail":           {all, with(query("x", "message"), "size", 26), 400},
		"page of files":          {all, with(query("x", "driveItem"), "size", 501), 400},
		"empty page":             {all, with(query("x", "driveItem"), "size", 0), 400},
		"negative":               {all, with(query("x", "driveItem"), "from", -1), 400},
		"no query":               {all, map[string]any{"entityTypes": []string{"message"}}, 400},
		"empty query":            {all, query(" ", "message"), 400},
		"broken KQL":             {all, query(`"x`, "message"), 400},
		"sorted mail":            {all, with(query("x", "message"), "sortProperties", []any{map[string]any{"name": "name"}}), 400},
		"not sortable":           {all, with(query("x", "driveItem"), "sortProperties", []any{map[string]any{"name": "colour"}}), 400},
		"aggregation":            {all, with(query("x", "driveItem"), "aggregations", []any{}), 400},
		"unknown member":         {all, with(query("x", "driveItem"), "colour", 1), 400},
		"nothing wrong":          {all, query("x", "driveItem"), 200},
		"without a source":       {all, query("x", "event"), 200},
		"answers are files only": {all + " ExternalItem.Read.All", query("x", "externalItem", "driveItem"), 200},
	} {
		if got := r.search(t, "ada", c.scopes, c.request); got.Status != c.status {
			t.Errorf("%s: %d %s, want %d", name, got.Status, got.Body, c.status)
		}
	}
	p := r.tenant.People[0].ID
	one := `{"entityTypes":["message"],"query":{"queryString":"x"}}`
	r.Do(t, p+" "+all, "POST", "/search/query", `{"requests":[`+one+`,`+one+`]}`).WantError(t, 400, "BadRequest")
	r.Do(t, p+" "+all, "POST", "/search/query", `{"requests":[]}`).WantError(t, 400, "BadRequest")
}
