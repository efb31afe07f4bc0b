package exchange

import (
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"regexp"

	"m365mcp/simulator/graph/apierror"
)

var idForm = regexp.MustCompile(`\A[A-Za-z0-9_\-+/=]{40,}\z`)

// missing tells a well-formed id of nothing from what is no id at all.
func missing(id string) *apierror.Error {
	if idForm.MatchString(id) {
		return apierror.ItemNotFound()
	}
	return apierror.MalformedID()
}

// ID derives an id in the form of Exchange's.
func ID(prefix, owner, key string, size int) string {
	var encoded string
	for i := 0; len(encoded) < size; i++ {
		sum := sha512.Sum512(fmt.Appendf(nil, "%s\x00%s\x00%d", owner, key, i))
		encoded += base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return prefix + encoded[:size-len(prefix)-1] + "="
}
