package tool

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type sampleArgs struct {
	Count  int      `json:"count"`
	Folder string   `json:"folder"`
	To     []string `json:"to"`
	Deep   bool     `json:"deep"`
}

var sampleFields = []Field{
	{Name: "count", Type: Integer, Default: 10, Min: 1, Max: 50},
	{Name: "folder", Type: String, Default: "inbox", Enum: []string{"inbox", "drafts"}},
	{Name: "to", Type: StringOrList, Required: true, MaxLength: 5, MaxItems: 2},
	{Name: "deep", Type: Boolean},
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		raw  string
		want sampleArgs
	}{
		"defaults":    {`{"to":"a"}`, sampleArgs{10, "inbox", []string{"a"}, false}},
		"everything":  {`{"to":["a","b"],"count":50,"folder":"drafts","deep":true}`, sampleArgs{50, "drafts", []string{"a", "b"}, true}},
		"left blank":  {`{"to":"a","folder":""}`, sampleArgs{10, "inbox", []string{"a"}, false}},
		"whole float": {`{"to":"a","count":1.0}`, sampleArgs{1, "inbox", []string{"a"}, false}},
	} {
		var got sampleArgs
		if problems := decode(json.RawMessage(tc.raw), sampleFields, &got); problems != nil {
			t.Errorf("%s: %v", name, problems)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestDecodeNamesEveryMistake(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string][]string{
		`{}`:                           {"to is required: a string or list of strings"},
		``:                             {"to is required: a string or list of strings"},
		`[]`:                           {"(arguments) must be a JSON object"},
		`{"to":"a"} x`:                 {"(arguments) are followed by other text"},
		`{"to":"a","to":"b"}`:          {`(arguments) name "to" twice`},
		`{"to":`:                       {"(arguments) are not valid JSON"},
		`{"to":"abcdef"}`:              {"to has 6 characters; at most 5 are allowed"},
		`{"to":["a","b","c"]}`:         {"to has 3 entries; at most 2 are allowed"},
		`{"to":[]}`:                    {"to is empty; give at least one"},
		`{"to":["a",null]}`:            {"to entry 2 is null; allowed: a string"},
		`{"to":["a",7]}`:               {"to entry 2 is the number 7; allowed: a string"},
		`{"to":null}`:                  {"to is null; allowed: a string or list of strings"},
		`{"to":"a","count":"7"}`:       {"count is a string; allowed: an integer from 1 to 50"},
		`{"to":"a","count":1.5}`:       {"count is the number 1.5; allowed: an integer from 1 to 50"},
		`{"to":"a","count":51}`:        {"count is 51; allowed: an integer from 1 to 50"},
		`{"to":"a","count":1e99}`:      {"count is the number 1e99; allowed: an integer from 1 to 50"},
		`{"to":"a","count":null}`:      {"count is null; allowed: an integer from 1 to 50"},
		`{"to":"a","deep":"yes"}`:      {"deep is a string; allowed: true or false"},
		`{"to":"a","deep":null}`:       {"deep is null; allowed: true or false"},
		`{"to":"a","folder":"../x#"}`:  {`folder is "../x#"; allowed: one of inbox, drafts`},
		`{"cuont":3,"count":0,"a":{}}`: {"a is not an argument of this tool; it has count, folder, to, deep", "count is 0; allowed: an integer from 1 to 50", "cuont is not an argument of this tool; it has count, folder, to, deep", "to is required: a string or list of strings"},
	} {
		var args sampleArgs
		var got []string
		for _, p := range decode(json.RawMessage(raw), sampleFields, &args) {
			got = append(got, p.Field+" "+p.Problem)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", raw, diff)
		}
	}
}

// A name that models use for another is that other; two names for one are a mistake.
func TestAliases(t *testing.T) {
	t.Parallel()
	fields := []Field{{Name: "id", Type: String, Required: true, Aliases: []string{"emailId", "messageId"}}}
	for raw, want := range map[string]string{
		`{"id":"a"}`:                      "a",
		`{"emailId":"a"}`:                 "a",
		`{"messageId":"a"}`:               "a",
		`{"messageId":"a","id":"a"}`:      "messageId is the same as id; give one of them",
		`{"messageId":"a","emailId":"b"}`: "messageId is the same as emailId; give one of them",
		`{"messageId":1}`:                 "id is the number 1; allowed: a string",
		`{"messageID":"a"}`:               "id is required: a string messageID is not an argument of this tool; did you mean id? it has id",
		`{"emailId":"a","id":null}`:       "emailId is the same as id; give one of them",
	} {
		var args struct{ ID string }
		problems := decode(json.RawMessage(raw), fields, &args)
		got := []string{args.ID}
		for _, p := range problems {
			got = append(got, p.Field, p.Problem)
		}
		if text := strings.TrimSpace(strings.Join(got, " ")); text != want {
			t.Errorf("%s: %q, want %q", raw, text, want)
		}
	}
	if schema := string(inputSchema(fields)); strings.Contains(schema, "emailId") {
		t.Errorf("the alias is in the schema: %s", schema)
	}
}

// What a wrong name was meant for is said where a word of it tells.
func TestMeant(t *testing.T) {
	t.Parallel()
	fields := []Field{{Name: "isRead", Description: "False: unread."}, {Name: "maxChars"}, {Name: "startTime"}, {Name: "ids"}}
	for given, want := range map[string]string{
		"unread": "did you mean isRead (False: unread)? ", "max_characters": "did you mean maxChars? ", "START": "did you mean startTime? ",
		"ids-list": "did you mean ids? ", "video": "", "cuont": "", "": "", "🙂": "",
	} {
		if got := meant(given, fields); got != want {
			t.Errorf("%s: %q, want %q", given, got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"to":"a"}`, `{"to":["a"],"count":3}`, `{"count":1e3}`, `{"`, "null", "{\"a\":{\"b\":[1]}}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		var args sampleArgs
		problems := decode(json.RawMessage(raw), sampleFields, &args)
		if problems != nil {
			for _, p := range problems {
				if len(p.Field)+len(p.Problem) > 1000 {
					t.Errorf("%q: an error of %d bytes", raw, len(p.Problem))
				}
			}
			return
		}
		if args.Count < 1 || args.Count > 50 || len(args.To) < 1 || len(args.To) > 2 {
			t.Errorf("%q was accepted as %+v", raw, args)
		}
		if !json.Valid([]byte(raw)) || !strings.Contains(raw, "{") {
			t.Errorf("%q is no JSON object and was accepted", raw)
		}
	})
}

// The allowed words of a list are those of its entries.
func TestEnumOfAList(t *testing.T) {
	t.Parallel()
	schema := string(inputSchema([]Field{{Name: "fields", Type: StringList, Enum: []string{"a", "b"}}}))
	if want := `"fields":{"items":{"enum":["a","b"],"type":"string"},"type":"array"}`; !strings.Contains(schema, want) {
		t.Errorf("schema %s, want %s", schema, want)
	}
}
