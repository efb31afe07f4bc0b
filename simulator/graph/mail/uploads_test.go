package mail

import (
	"fmt"
	"testing"
)

func FuzzContentRange(f *testing.F) {
	for _, seed := range []string{"bytes 0-9/10", "bytes 0-0/1", "bytes */10", "bytes 9-0/10", "bytes -1-2/3", "bytes 0-9/5", "bytes +1-2/3", "bytes 1-2/99999999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		from, to, total, err := parseContentRange(header)
		if err != nil {
			return
		}
		if from < 0 || to < from || total <= to {
			t.Errorf("%q: %d-%d/%d", header, from, to, total)
		}
		again, _, _, err := parseContentRange(fmt.Sprintf("bytes %d-%d/%d", from, to, total))
		if err != nil || again != from {
			t.Errorf("%q does not survive: %v", header, err)
		}
	})
}
