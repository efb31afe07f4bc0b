package service

import (
	"encoding/json"
	"errors"
	"net/http"

	"m365mcp/simulator/graph/apierror"
)

// StorageAnswer is what a handler of the storage host answers: it has no
// @odata.context and none of Graph's headers.
type StorageAnswer struct {
	Status   int
	Location string
	Value    map[string]any // nil: no body
}

// Write sends the answer, or the error in Graph's format.
func (a StorageAnswer) Write(w http.ResponseWriter, err error) {
	if err != nil {
		api := new(apierror.Error)
		if !errors.As(err, &api) {
			api = &apierror.Error{Status: http.StatusInternalServerError, Code: "generalException", Message: "An unspecified error has occurred."}
		}
		a = StorageAnswer{Status: api.Status, Value: map[string]any{"error": map[string]any{"code": api.Code, "message": api.Message}}}
	}
	if a.Location != "" {
		w.Header().Set("Location", a.Location)
	}
	if a.Value == nil {
		w.WriteHeader(a.Status)
		return
	}
	body, err := json.Marshal(a.Value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.Status)
	_, _ = w.Write(body) // a client that has gone is no concern of the simulator
}
