package query

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"time"

	"m365mcp/simulator/graph/apierror"
)

// deltaLife is how long the service remembers where a client stood.
const deltaLife = 30 * 24 * time.Hour

// Delta is where a client stands in the changes of a list: the state inside of
// $skiptoken (more of this round) and $deltatoken (the next round).
type Delta struct {
	Known  int               `json:"k"` // the change at which the first round began
	After  int               `json:"a"` // the last change that the client has seen
	Epoch  int               `json:"e"` // of the service's memory
	Issued time.Time         `json:"t"`
	List   string            `json:"l"`
	Values map[string]string `json:"q"` // the options of the first request
}

// Delta returns where the client stands; false in a first request.
func (o Options) Delta() (Delta, bool) { return o.delta, o.delta.List != "" }

// withDelta reads a token and puts the options of the first request back in force.
func (o Options) withDelta() (Options, error) {
	text := o.values["$deltatoken"] + o.values["$skiptoken"]
	if text == "" {
		return o, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(raw, &o.delta) != nil || o.delta.List != o.list || o.delta.After < 0 {
		return o, apierror.BadRequest("BadRequest", "Badly formed token.")
	}
	if len(o.values) > 1 {
		return o, apierror.BadRequest("BadRequest", "A delta link is to be followed unchanged: it holds the query options already.")
	}
	o.values = map[string]string{}
	maps.Copy(o.values, o.delta.Values)
	return o, nil
}

// Expired is the answer to a token that the service no longer understands.
func (d Delta) Expired(epoch int, now time.Time) error {
	if d.Epoch == epoch && now.Sub(d.Issued) < deltaLife {
		return nil
	}
	return &apierror.Error{Status: http.StatusGone, Code: "syncStateNotFound", Message: "The sync state generation is not found; continuation with the given token is not possible. Start a new synchronization."}
}

// DeltaQuery is the query of the next page, or of the next round.
func (o Options) DeltaQuery(option string, d Delta) string {
	d.List, d.Values = o.list, o.values
	raw, err := json.Marshal(d)
	if err != nil {
		return "" // plain values always marshal
	}
	return option + "=" + url.QueryEscape(base64.RawURLEncoding.EncodeToString(raw))
}
