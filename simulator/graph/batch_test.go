package graph

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"m365mcp/simulator/fault"
)

type batched struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
}

func (r *rig) batch(t *testing.T, bearer string, requests ...string) map[string]batched {
	t.Helper()
	got := r.do(t, bearer, "POST", "/$batch", `{"requests":[`+strings.Join(requests, ",")+`]}`)
	if got.status != 200 {
		t.Fatalf("batch: %d %s", got.status, got.body)
	}
	var out struct {
		Responses []batched `json:"responses"`
	}
	if err := json.Unmarshal(got.body, &out); err != nil {
		t.Fatal(err)
	}
	byID := map[string]batched{}
	for _, one := range out.Responses {
		byID[one.ID] = one
	}
	if len(byID) != len(requests) || len(out.Responses) > 1 && out.Responses[0].ID == "1" {
		t.Errorf("%d answers to %d requests, the first is %s", len(byID), len(requests), out.Responses[0].ID)
	}
	return byID
}

func TestBatch(t *testing.T) {
	t.Parallel()
	board := fault.New(fixedNow, nil)
	r := newRig(t, func(o *Options) { o.Faults = board })
	board.Add(fault.Rule{Path: "/v1.0/me/mailFolders", Status: 429, RetryAfter: "3", Times: 1})
	message := "/me/messages/" + testID("message"+danaID, 1)
	got := r.batch(
		t, danaID+" "+allScopes,
		`{"id":"1","method":"GET","url":"/me?$select=displayName"}`,
		`{"id":"2","method":"PATCH","url":"`+message+`","headers":{"Content-Type":"application/json"},"body":{"isRead":true}}`,
		`{"id":"3","method":"GET","url":"/me/mailFolders"}`,
		`{"id":"4","method":"GET","url":"/me/messages/nothing"}`,
		`{"id":"5","method":"GET","url":"/me","dependsOn":["4"]}`,
		`{"id":"6","method":"GET","url":"/me","dependsOn":["5"]}`,
		`{"id":"7","method":"GET","url":"`+message+`/$value"}`,
		`{"id":"8","method":"DELETE","url":"`+message+`"}`,
		`{"id":"9","method":"GET","url":"me/messages?$search=%22report%22&$top=1"}`,
	)
	for id, status := range map[string]int{"1": 200, "2": 200, "3": 429, "4": 400, "5": 424, "6": 424, "7": 200, "8": 204, "9": 200} {
		if got[id].Status != status {
			t.Errorf("%s: %d %s, want %d", id, got[id].Status, got[id].Body, status)
		}
	}
	if !strings.Contains(string(got["1"].Body), "Dana Ito") || got["3"].Headers["Retry-After"] != "3" || len(got["8"].Body) != 0 {
		t.Errorf("answers: %+v", got)
	}
	if mime := string(got["7"].Body); !strings.HasPrefix(mime, `"`) || strings.Contains(mime, "Subject") {
		t.Errorf("raw content is not base64: %.60s", mime)
	}
	parts, outer := 0, ""
	for _, record := range r.server.Requests() {
		if record.Template == "/$batch" {
			outer = record.RequestID
		}
		if record.Batch != "" {
			parts++
		}
	}
	records := r.server.Requests()
	if parts != 7 || outer == "" || records[0].Batch != outer || records[1].Template != "/me/messages/{message-id}" || string(records[1].Body) != `{"isRead":true}` {
		t.Errorf("records: %d parts of %s, %+v", parts, outer, records[1])
	}
}

func TestBatchRefuses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	many := make([]string, 21)
	for i := range many {
		many[i] = fmt.Sprintf(`{"id":"%d","method":"GET","url":"/me"}`, i)
	}
	for body, code := range map[string]string{
		`{"requests":[]}`: "BadRequest",
		`[]`:              "BadRequest",
		`{"requests":[` + strings.Join(many, ",") + `]}`:                                             "MaximumValueExceeded",
		`{"requests":[{"id":"1","method":"GET","url":"/me"},{"id":"1","method":"GET","url":"/me"}]}`: "BadRequest",
		`{"requests":[{"method":"GET","url":"/me"}]}`:                                                "BadRequest",
		`{"requests":[{"id":"1","method":"TRACE","url":"/me"}]}`:                                     "BadRequest",
		`{"requests":[{"id":"1","method":"GET","url":"https://graph.microsoft.example/v1.0/me"}]}`:   "BadRequest",
		`{"requests":[{"id":"1","method":"GET","url":"/me","dependsOn":["2"]}]}`:                     "BadRequest",
		`{"requests":[{"id":"1","method":"POST","url":"/me/sendMail","body":{"message":{}}}]}`:       "BadRequest",
	} {
		wantError(t, r.do(t, danaID+" "+allScopes, "POST", "/$batch", body), 400, code)
	}
	wantError(t, r.do(t, "", "POST", "/$batch", `{"requests":[]}`), 401, "InvalidAuthenticationToken")
	nested := r.batch(t, danaID+" "+allScopes, `{"id":"1","method":"POST","url":"/$batch","headers":{"Content-Type":"application/json"},"body":{"requests":[]}}`)
	if nested["1"].Status != 400 {
		t.Errorf("nested: %+v", nested)
	}
}

func TestMailboxRequestsAreLimited(t *testing.T) {
	t.Parallel()
	now := fixedNow()
	r := newRig(t, func(o *Options) {
		o.MailboxRequests, o.Now = 3, func() time.Time { return now }
	})
	me := danaID + " " + allScopes
	r.do(t, me, "GET", "/me/mailFolders", "")
	now = now.Add(time.Minute)
	got := r.batch(
		t, me, `{"id":"1","method":"GET","url":"/me/mailFolders"}`, `{"id":"2","method":"GET","url":"/users/dana@contoso.example/mailFolders"}`,
		`{"id":"3","method":"GET","url":"/me/mailFolders"}`, `{"id":"4","method":"GET","url":"/me"}`,
	)
	if got["1"].Status != 200 || got["2"].Status != 200 || got["3"].Status != 429 || got["4"].Status != 200 || got["3"].Headers["Retry-After"] != "540" {
		t.Errorf("got %+v", got)
	}
	if other := r.do(t, rajID+" "+allScopes, "GET", "/me/mailFolders", ""); other.status != 200 {
		t.Errorf("another mailbox: %d", other.status)
	}
	now = now.Add(9 * time.Minute)
	if later := r.do(t, me, "GET", "/me/mailFolders", ""); later.status != 200 {
		t.Errorf("after ten minutes: %d", later.status)
	}
}
