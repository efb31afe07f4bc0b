package planner

import "testing"

func TestOrderHints(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{{"", ""}, {"", "5637"}, {"5637", "adhg"}, {"adhg", ""}, {"85", "86"}, {"85", "851"}, {"8585", "8586"}, {"a~", "b"}, {"~", ""}, {"5", "5!"}, {"", "!"}} {
		got := between(c[0], c[1])
		if got <= c[0] || c[1] != "" && got >= c[1] {
			t.Errorf("between %q and %q: %q", c[0], c[1], got)
		}
	}
	for _, hint := range []string{"8585", "!", "a b", "a\tb !\n"} {
		var into string
		if setHint(hint, &into) == nil {
			t.Errorf("taken: %q", hint)
		}
	}
}
