package query

import (
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"

	"m365mcp/simulator/graph/apierror"
)

// skipToken is opaque to clients: the place in the list, and whose list it is.
func (o Options) skipToken(offset int) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(offset) + "|" + o.list))
}

func (o Options) readSkipToken(text string) (int, error) {
	invalid := apierror.BadRequest("BadRequest", "The $skiptoken is invalid or belongs to another request.")
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return 0, invalid
	}
	at, list, found := strings.Cut(string(raw), "|")
	if !found || list != o.list {
		return 0, invalid
	}
	offset, err := strconv.Atoi(at)
	if err != nil || offset < 0 {
		return 0, invalid
	}
	return offset, nil
}

// Next is the query of the page that starts at offset, with the options of
// this request.
func (o Options) Next(offset int) string {
	query := url.Values{}
	for name, value := range o.values {
		query.Set(name, value)
	}
	for name, value := range o.custom {
		query.Set(name, value)
	}
	query.Del("$skip")
	query.Set("$skiptoken", o.skipToken(offset))
	return query.Encode()
}
