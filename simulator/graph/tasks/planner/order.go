package planner

import (
	"regexp"
	"strings"

	"m365mcp/simulator/graph/apierror"
)

// hintForm is "<previous> <next>!" (Graph, Using order hints in Planner).
var hintForm = regexp.MustCompile(`^[ -~]* [ -~]*!$`)

// setHint computes the short value between two neighbours; no hint changes nothing.
func setHint(hint string, into *string) error {
	if hint == "" {
		return nil
	}
	if !hintForm.MatchString(hint) {
		return apierror.BadRequest("", "The request is invalid: the orderHint '%s' must be '<previous> <next>!', a value that the service gave is none.", hint)
	}
	pair := strings.TrimSuffix(hint, "!")
	at := strings.LastIndex(pair, " ")
	*into = between(pair[:at], pair[at+1:])
	return nil
}

// between is a string that sorts after a and before b; an empty b is the end.
func between(a, b string) string {
	const low, high = ' ', '~'
	var out []byte
	for i := 0; ; i++ {
		from, to := byte(low), byte(high)+1
		if i < len(a) {
			from = a[i]
		}
		if b != "" && i < len(b) {
			to = b[i]
		}
		if to > from+1 {
			return string(append(out, from+(to-from)/2))
		}
		out = append(out, from)
		if to > from {
			b = "" // what follows is smaller anyway
		}
		if i > len(a)+len(b) {
			return string(append(out, 'O'))
		}
	}
}
