package query

import "testing"

func FuzzSearchExpression(f *testing.F) {
	for _, seed := range []string{`"a"`, `a AND "b\"c"`, `"\`, `(a`, `"a" "b"`, "é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o := Options{values: map[string]string{"$search": text}}
		if kql, err := o.Search(); err != nil && kql != "" {
			t.Errorf("%q: %q with error %v", text, kql, err)
		}
	})
}
