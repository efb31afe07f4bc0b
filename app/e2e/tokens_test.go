package e2e_test

import (
	"testing"

	"m365mcp/bench/cost"
)

// What the server costs a model to read has limits.
func TestTokenLimits(t *testing.T) {
	t.Parallel()
	report, err := cost.Measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lists := map[string]int{"core": 6000, "full": 15_000}
	for _, l := range report.Lists {
		if limit := lists[l.Preset]; limit != 0 && l.Tokens > limit {
			t.Errorf("the list of %s has %d tokens for %d tools; %d are allowed", l.Preset, l.Tokens, l.Tools, limit)
		}
		delete(lists, l.Preset)
	}
	answers := map[string]int{"10 mails": 1250, "a newsletter of 100 KB": 2000}
	for _, a := range report.Answers {
		limit := answers[a.What]
		if limit == 0 {
			continue
		}
		if a.Text > limit || a.Structured > limit || a.Text < 100 || a.Structured < 100 {
			t.Errorf("%s: %d tokens as text, %d as structure; %d are allowed", a.What, a.Text, a.Structured, limit)
		}
		delete(answers, a.What)
	}
	if len(lists)+len(answers) > 0 {
		t.Errorf("not measured: %v %v", lists, answers)
	}
}
