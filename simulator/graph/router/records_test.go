package router

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func fixedNow() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }

func TestRecordsAreARing(t *testing.T) {
	t.Parallel()
	l := newRequestLog()
	for i := range maxRecords + 3 {
		c := &call{tokenErr: errNoToken, requestID: fmt.Sprint(i), r: httptest.NewRequest(http.MethodGet, "/v1.0/me", http.NoBody)}
		l.begin(c, fixedNow())(&statusWriter{status: 200})
	}
	list := l.list()
	if len(list) != maxRecords || list[0].RequestID != "3" || list[maxRecords-1].RequestID != fmt.Sprint(maxRecords+2) {
		t.Errorf("%d records from %s to %s", len(list), list[0].RequestID, list[len(list)-1].RequestID)
	}
}
