package graph

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"m365mcp/simulator/fault"
)

func TestHeadersAndRecords(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ok := r.get(t, "/me/messages"+q("$top", "1"), "client-request-id: 5e3ce6c0-2b1f-4285-8d4b-75ee78787346", `Prefer: IdType="ImmutableId"`)
	for name, want := range map[string]string{
		"client-request-id": "5e3ce6c0-2b1f-4285-8d4b-75ee78787346", "Content-Type": "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8", "Date": "Sun, 22 Nov 2026 09:00:00 GMT",
	} {
		if got := ok.header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if ok.header.Get("x-ms-ags-diagnostic") == "" {
		t.Error("x-ms-ags-diagnostic is missing")
	}
	bad := r.get(t, "/me/mailFolders/x%2Fy", "client-request-id: abc")
	outer, _ := bad.json["error"].(map[string]any)
	inner, _ := outer["innerError"].(map[string]any)
	if inner["request-id"] != bad.header.Get("request-id") || inner["client-request-id"] != "abc" || inner["date"] != "2026-11-22T09:00:00" {
		t.Errorf("innerError = %v", inner)
	}
	r.do(t, "", "GET", "/nowhere", "")
	records := r.server.Requests()
	if len(records) != 3 {
		t.Fatalf("%d records", len(records))
	}
	first := records[0]
	if first.Template != "/me/messages" || first.Path != "/v1.0/me/messages" || first.RawQuery != "%24top=1" || first.Status != 200 ||
		first.UserID != danaID || first.ClientID != "app" || first.InFlight != 1 || first.HighWater != 1 || first.Prefer[0] != `IdType="ImmutableId"` ||
		first.RequestID != ok.header.Get("request-id") || !first.Start.Equal(fixedNow()) {
		t.Errorf("first record: %+v", first)
	}
	if records[1].Path != "/v1.0/me/mailFolders/x%2Fy" || records[1].Status != 400 || records[2].Template != "" || records[2].UserID != "" || records[2].Status != 401 {
		t.Errorf("other records: %+v", records[1:])
	}
}

func TestFaultsComeBeforeAuthentication(t *testing.T) {
	t.Parallel()
	board := fault.New(fixedNow, nil)
	r := newRig(t, func(o *Options) { o.Faults = board })
	board.Add(fault.Rule{Path: "/v1.0/me/messages", Status: 503, RetryAfter: "2", Times: 1})
	if got := r.do(t, "", "GET", "/me/messages", ""); got.status != 503 || got.header.Get("Retry-After") != "2" || got.code() != "ServiceUnavailable" {
		t.Errorf("first: %d %s", got.status, got.body)
	}
	if got := r.do(t, "", "GET", "/me/messages", ""); got.status != 401 {
		t.Errorf("second: %d", got.status)
	}
	board.Add(fault.Rule{Path: "**/sendMail", ResetAfter: true, Times: 1})
	if resp, err := r.http.Client().Post(r.http.URL+"/v1.0/me/sendMail", "application/json", nil); err == nil {
		t.Error("the connection was not broken", resp.Body.Close())
	}
	records := r.server.Requests()
	if last := records[len(records)-1]; last.Template != "/me/sendMail" || last.Status != 0 {
		t.Errorf("record of a broken connection: %+v", last)
	}
}

func TestConcurrency(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const writers, each = 4, 8
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				subject := fmt.Sprintf("Parallel %d-%d", w, i)
				if got := r.do(t, danaID+" Mail.Send", "POST", "/me/sendMail", mailTo(subject, raj)); got.status != 202 {
					t.Errorf("%d %s", got.status, got.body)
				}
			}
		})
		wg.Go(func() {
			for range each {
				r.do(t, rajID+" Mail.Read", "GET", "/me/messages"+q("$search", `"parallel"`, "$expand", "attachments"), "")
				r.do(t, rajID+" Mail.Read", "GET", "/me/mailFolders/inbox", "")
				r.server.Requests()
			}
		})
	}
	wg.Wait()
	if n := len(r.do(t, rajID+" Mail.Read", "GET", "/me/messages"+q("$search", `"subject:parallel"`, "$top", "100"), "").values(t)); n != writers*each {
		t.Errorf("%d messages arrived, want %d", n, writers*each)
	}
}

func TestMailboxConcurrencyIsCountedAndLimited(t *testing.T) {
	t.Parallel()
	const n = 6
	var together sync.WaitGroup // no request ends before all of them have arrived
	together.Add(n)
	board := fault.New(fixedNow, func(context.Context, time.Duration) error {
		together.Done()
		together.Wait()
		return nil
	})
	r := newRig(t, func(o *Options) { o.Faults, o.MailboxConcurrency = board, 2 })
	board.Add(fault.Rule{Path: "/v1.0/me/messages", Delay: time.Second, Times: n})
	var wg sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for range n {
		wg.Go(func() {
			got := r.do(t, danaID+" Mail.Read", "GET", "/me/messages", "")
			if got.status == 429 && (got.code() != "ApplicationThrottled" || got.header.Get("Retry-After") == "") {
				t.Errorf("throttled without code or Retry-After: %s", got.body)
			}
			mu.Lock()
			defer mu.Unlock()
			statuses[got.status]++
		})
	}
	wg.Wait()
	high := 0
	for _, record := range r.server.Requests() {
		high = max(high, record.HighWater)
	}
	if high != n || statuses[200] != 2 || statuses[429] != n-2 {
		t.Errorf("high-water mark %d, answers %v", high, statuses)
	}
	if got := r.do(t, rajID+" Mail.Read", "GET", "/me/messages", ""); got.status != 200 {
		t.Errorf("another mailbox: %d", got.status)
	}
}
