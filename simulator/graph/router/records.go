package router

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// What bounds the memory of [Server.Requests].
const (
	maxRecords      = 10_000
	maxRecordedBody = 64 << 10
)

// Record is a request that arrived, for tests to look at.
type Record struct {
	Method          string
	Path            string // as sent, still escaped
	Template        string // of Microsoft's description; empty where nothing matched
	RawQuery        string
	Status          int // 0: the connection was broken before an answer
	RequestID       string
	ClientRequestID string
	UserID          string // of the token, if it was valid
	ClientID        string // of the token, if it was valid
	Prefer          []string
	Start           time.Time
	ContentType     string
	IfMatch         string
	Body            []byte // at most 64 KB of it
	Batch           string // request-id of the $batch that this was a part of
	Storage         bool   // it went to the storage host
	Authorized      bool   // it carried an Authorization header
	InFlight        int    // requests of the same app in the same mailbox at its start, itself included
	HighWater       int    // the most there had ever been by then
}

// Requests returns the last requests, at most 10,000, in the order of their
// ends.
func (s *Server) Requests() []Record { return s.log.list() }

// requestLog is a ring of records and the counters of what is under way.
type requestLog struct {
	mu        sync.Mutex
	ring      []Record
	next      int
	inFlight  map[string]int
	highWater map[string]int
	windows   map[string]window
}

// mailboxWindow is the time over which Graph counts the requests to a mailbox.
const mailboxWindow = 10 * time.Minute

type window struct {
	start time.Time
	count int
}

func newRequestLog() *requestLog {
	return &requestLog{inFlight: map[string]int{}, highWater: map[string]int{}, windows: map[string]window{}}
}

// begin counts a request; the function it returns must be called at its end.
func (l *requestLog) begin(c *call, now time.Time) func(*statusWriter) {
	key := c.mailbox
	record := Record{
		Method: c.r.Method, Path: c.r.URL.EscapedPath(), RawQuery: c.r.URL.RawQuery,
		RequestID: c.requestID, ClientRequestID: c.clientID, Prefer: c.r.Header.Values("Prefer"), Start: now,
		ContentType: c.r.Header.Get("Content-Type"), IfMatch: c.r.Header.Get("If-Match"), Authorized: c.r.Header.Get("Authorization") != "",
		Body: slices.Clone(c.body[:min(len(c.body), maxRecordedBody)]), Batch: c.batch, Storage: c.storage,
	}
	if c.route != nil {
		record.Template = c.route.Template
	}
	if c.tokenErr == nil {
		record.UserID, record.ClientID = c.claims.UserID, c.claims.ClientID
	}
	if key != "" {
		l.mu.Lock()
		l.inFlight[key]++
		c.inFlight = l.inFlight[key]
		l.highWater[key] = max(l.highWater[key], c.inFlight)
		record.InFlight, record.HighWater = c.inFlight, l.highWater[key]
		l.mu.Unlock()
	}
	return func(w *statusWriter) {
		record.Status = w.status
		l.mu.Lock()
		defer l.mu.Unlock()
		if key != "" {
			if l.inFlight[key]--; l.inFlight[key] == 0 {
				delete(l.inFlight, key)
			}
		}
		l.add(record)
	}
}

// add needs the lock.
func (l *requestLog) add(record Record) {
	if len(l.ring) < maxRecords {
		l.ring = append(l.ring, record)
		return
	}
	l.ring[l.next] = record
	l.next = (l.next + 1) % maxRecords
}

// window counts a request to a mailbox; above the limit it says how long to wait.
func (l *requestLog) window(key string, limit int, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.windows[key]
	if now.Sub(w.start) >= mailboxWindow {
		w = window{start: now}
	}
	w.count++
	l.windows[key] = w
	if w.count <= limit {
		return 0
	}
	return mailboxWindow - now.Sub(w.start)
}

func seconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }

func (l *requestLog) list() []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Record, 0, len(l.ring))
	out = append(out, l.ring[l.next:]...)
	return append(out, l.ring[:l.next]...)
}

// statusWriter remembers the status that was sent.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
