package odata_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/simulator/graph/odata"
)

var kinds = map[string]odata.Kind{
	"id": odata.ID, "subject": odata.String, "isRead": odata.Bool, "importance": odata.Enum, "size": odata.Int,
	"receivedDateTime": odata.Time, "from/emailAddress/address": odata.String, "categories": odata.Strings,
	"toRecipients": odata.Complex, "from": odata.Complex, "missing": odata.String,
}

func kindOf(path string) odata.Kind { return kinds[path] }

var values = map[string]any{
	"id": "AbC", "subject": "It's the Budget", "isRead": false, "importance": "high", "size": 40,
	"receivedDateTime":          time.Date(2026, 11, 2, 8, 30, 0, 0, time.UTC),
	"from/emailAddress/address": "Dana@contoso.example", "categories": []string{"Red", "Travel"},
}

func get(path string) any { return values[path] }

func TestMatch(t *testing.T) {
	t.Parallel()
	for filter, want := range map[string]bool{
		"isRead eq false": true,
		"isRead":          false,
		"not isRead":      true,
		"not(isRead)":     true,
		"isRead ne true and importance eq 'high'":             true,
		"isRead eq true or importance eq 'low'":               false,
		"isRead eq true or importance eq 'low' or size gt 39": true,
		// and binds stronger than or (OData Part 2, 5.1.1.14)
		"isRead eq false or isRead eq true and isRead eq true":   true,
		"(isRead eq false or isRead eq true) and isRead eq true": false,
		"subject eq 'it''s the budget'":                          true,
		"subject eq 'budget'":                                    false,
		"contains(subject,'BUDGET')":                             true,
		"contains( subject , 'x' )":                              false,
		"startswith(subject,'It''s')":                            true,
		"endswith(subject,'budget')":                             true,
		"tolower(subject) eq 'it''s the budget'":                 true,
		"contains(toupper(subject),'the')":                       true,
		"contains(subject,'a') eq false":                         true,
		"from/emailAddress/address eq 'dana@contoso.example'":    true,
		"receivedDateTime ge 2026-11-02T08:30:00Z":               true,
		"receivedDateTime gt 2026-11-02T08:30:00Z":               false,
		"receivedDateTime lt 2026-11-02T09:30:00+00:00":          true,
		"receivedDateTime ge 2026-11-02":                         true,
		"receivedDateTime le 2026-11-02":                         false,
		"2026-11-01 lt receivedDateTime":                         true,
		"size le 40 and size ge 40 and not (size lt 40)":         true,
		"categories/any(c:c eq 'red')":                           true,
		"categories/any(c: c eq 'blue')":                         false,
		"categories/any(c:startswith(c,'Tra'))":                  true,
		"categories/all(c:c ne 'blue')":                          true,
		"categories/all(c:c eq 'red')":                           false,
		"categories/any()":                                       true,
		"missing eq null":                                        true,
		"missing ne null":                                        false,
		"subject ne null":                                        true,
		"id eq 'AbC'":                                            true,
		"id eq 'abc'":                                            false,
	} {
		f, err := odata.Parse(filter, kindOf)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		if got := f.Match(get); got != want {
			t.Errorf("%s = %v, want %v", filter, got, want)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, filter := range []string{
		"", "isRead eq", "eq false", "isRead = false", "(isRead eq false", "isRead eq false)", "subject eq 'open",
		"subject eq \"double\"", "receivedDateTime ge '2026-11-02'", "isRead eq 'false'", "isRead gt true", "from eq 'x'",
		"categories eq 'red'", "contains(subject)", "contains(subject,'a','b')", "contains(isRead,'a')", "length(subject) gt 2",
		"subject", "'x'", "subject and isRead", "not subject", "categories/any(c eq 'x')", "categories/any(c:c)",
		"subject/any(c:c eq 'x')", "receivedDateTime ge null", "isRead eq false isRead", "categories/all()",
		strings.Repeat("(", 500) + "isRead" + strings.Repeat(")", 500), strings.Repeat("not ", 500) + "isRead",
	} {
		f, err := odata.Parse(filter, kindOf)
		var syntax *odata.SyntaxError
		var unknown *odata.UnknownPropertyError
		if !errors.As(err, &syntax) && !errors.As(err, &unknown) {
			t.Errorf("%q: %v, %v, want an error", filter, f, err)
		}
	}
	var unknown *odata.UnknownPropertyError
	if _, err := odata.Parse("colour eq 'red'", kindOf); !errors.As(err, &unknown) || unknown.Name != "colour" {
		t.Errorf("unknown property: %v", err)
	}
	var unsupported *odata.UnsupportedError
	if _, err := odata.Parse("toRecipients/any(r:r/emailAddress/address eq 'x')", kindOf); !errors.As(err, &unsupported) {
		t.Errorf("lambda over recipients: %v", err)
	}
}

func TestPathsInOrderOfAppearance(t *testing.T) {
	t.Parallel()
	f, err := odata.Parse("receivedDateTime ge 2026-01-01 and (isRead eq false or categories/any(c:c eq 'x')) and receivedDateTime lt 2026-02-01", kindOf)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"receivedDateTime", "isRead", "categories"}, f.Paths()); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"isRead eq false", "categories/any(c:c eq 'x') and (size gt 3)", "not contains(subject,'''')", "a/any(", "'"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := odata.Parse(text, kindOf)
		if (filter == nil) == (err == nil) {
			t.Fatalf("filter %v, error %v", filter, err)
		}
		if err == nil {
			filter.Match(get)
			filter.Match(func(string) any { return nil })
		}
	})
}
