package directory

import "testing"

func FuzzParseSearch(f *testing.F) {
	for _, seed := range []string{`"displayName:a"`, `"mail:a" OR "displayName:\"b"`, `"displayName:`, `"a:b" AND`, `""`, `OR`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		alternatives, err := parseSearch(text)
		if err != nil {
			return
		}
		for _, all := range alternatives {
			if len(all) == 0 {
				t.Errorf("%q: an alternative without a clause matches everybody", text)
			}
			for _, c := range all {
				c.matches("Ada Lindqvist")
			}
		}
	})
}
