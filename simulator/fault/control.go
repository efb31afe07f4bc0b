package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

const (
	maxRuleBytes = 64 << 10
	maxDelay     = 5 * time.Minute
)

// wireRule is a rule as the control API reads and writes it.
type wireRule struct {
	ID          string            `json:"id,omitempty"`
	Hits        int               `json:"hits,omitempty"`
	Method      string            `json:"method,omitempty"`
	Path        string            `json:"path,omitempty"`
	Delay       string            `json:"delay,omitempty"` // as of time.ParseDuration: "250ms"
	Reset       bool              `json:"reset,omitempty"`
	ResetAfter  bool              `json:"resetAfter,omitempty"`
	Status      int               `json:"status,omitempty"`
	Code        string            `json:"code,omitempty"`
	Message     string            `json:"message,omitempty"`
	RetryAfter  string            `json:"retryAfter,omitempty"`
	Header      map[string]string `json:"header,omitempty"`
	Body        string            `json:"body,omitempty"`
	ContentType string            `json:"contentType,omitempty"`
	Times       int               `json:"times,omitempty"`
}

// Handler is the control API: GET lists the rules, POST adds one, DELETE
// removes all of them. It is for programs of this machine and not for the web
// pages that somebody there has open.
func (s *Switchboard) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status, err := refuse(r); err != nil {
			writeJSON(w, status, map[string]string{"error": err.Error()})
			return
		}
		switch r.Method {
		case http.MethodGet:
			rules := []wireRule{}
			for _, active := range s.Rules() {
				rules = append(rules, toWire(active))
			}
			writeJSON(w, http.StatusOK, map[string]any{"faults": rules})
		case http.MethodPost:
			rule, err := readRule(http.MaxBytesReader(w, r.Body, maxRuleBytes))
			if err != nil {
				writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
				return
			}
			writeJSON(w, http.StatusCreated, map[string]string{"id": s.Add(rule)})
		case http.MethodDelete:
			s.Clear()
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header().Set("Allow", "GET, POST, DELETE")
			writeJSON(w, http.StatusMethodNotAllowed, map[string]string{"error": "use GET, POST or DELETE"})
		}
	})
}

// refuse says why a request may be a web page's. A page cannot leave out the
// Origin of a POST or DELETE (Fetch, section 3.2); its Host is no loopback one
// where DNS was rebound to this machine.
func refuse(r *http.Request) (int, error) {
	site := r.Header.Get("Sec-Fetch-Site")
	switch {
	case !loopback(r.Host):
		return http.StatusForbidden, errors.New("the Host is not a loopback address: call it as http://127.0.0.1:PORT")
	case len(r.Header.Values("Origin")) > 0 || site != "" && site != "none" && site != "same-origin":
		return http.StatusForbidden, errors.New("web pages may not do this: call it from a program, without Origin")
	case r.Method == http.MethodPost && !isJSON(r.Header.Get("Content-Type")):
		return http.StatusUnsupportedMediaType, errors.New("the Content-Type is not application/json")
	}
	return 0, nil
}

// loopback takes a Host header with or without a port.
func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.Unmap().IsLoopback()
}

func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == "application/json"
}

// readRule decodes exactly one JSON object without unknown members.
func readRule(body io.Reader) (Rule, error) {
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	var wire wireRule
	if err := decoder.Decode(&wire); err != nil {
		return Rule{}, fmt.Errorf("decoding the rule: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Rule{}, errors.New("one rule at a time: there is data after the JSON object")
	}
	return fromWire(wire)
}

func fromWire(wire wireRule) (Rule, error) {
	rule := Rule{
		Method: strings.ToUpper(wire.Method), Path: wire.Path,
		Reset: wire.Reset, ResetAfter: wire.ResetAfter, Status: wire.Status,
		Code: wire.Code, Message: wire.Message, RetryAfter: wire.RetryAfter, Header: wire.Header,
		Body: wire.Body, ContentType: wire.ContentType, Times: wire.Times,
	}
	if wire.Delay != "" {
		delay, err := time.ParseDuration(wire.Delay)
		if err != nil {
			return Rule{}, fmt.Errorf("delay: %w", err)
		}
		rule.Delay = delay
	}
	return rule, rule.check(wire)
}

func (rule Rule) check(wire wireRule) error {
	effects := 0
	for _, set := range []bool{rule.Reset, rule.ResetAfter, rule.Status != 0} {
		if set {
			effects++
		}
	}
	switch {
	case wire.ID != "" || wire.Hits != 0:
		return errors.New("id and hits are given by the switchboard")
	case rule.Path != "" && !strings.HasPrefix(rule.Path, "/") && !strings.HasPrefix(rule.Path, "*"):
		return errors.New("path: starts with / or *")
	case rule.Status != 0 && (rule.Status < 200 || rule.Status > 599):
		return errors.New("status: between 200 and 599")
	case rule.Delay < 0 || rule.Delay > maxDelay:
		return fmt.Errorf("delay: between 0 and %s", maxDelay)
	case rule.Times < 0:
		return errors.New("times: 0 or more")
	case effects > 1:
		return errors.New("only one of status, reset and resetAfter")
	case effects == 0 && rule.Delay == 0:
		return errors.New("nothing to do: give status, reset, resetAfter or delay")
	}
	return nil
}

func toWire(active Active) wireRule {
	rule := active.Rule
	wire := wireRule{
		ID: active.ID, Hits: active.Hits, Method: rule.Method, Path: rule.Path,
		Reset: rule.Reset, ResetAfter: rule.ResetAfter, Status: rule.Status,
		Code: rule.Code, Message: rule.Message, RetryAfter: rule.RetryAfter, Header: rule.Header,
		Body: rule.Body, ContentType: rule.ContentType, Times: rule.Times,
	}
	if rule.Delay > 0 {
		wire.Delay = rule.Delay.String()
	}
	return wire
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // a client that has gone is no concern of the simulator
}
