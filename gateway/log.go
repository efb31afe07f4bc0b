package gateway

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"m365mcp/graph"
	"m365mcp/internal/secret"
)

// record collects what the one log line of a request says.
type record struct {
	graph.Exchange
	start     time.Time
	bytes     int64
	batch     string        // id of the batch it was part of
	claims    string        // claims challenge of a part of a batch
	token     secret.String // that was sent last
	streamed  bool          // a Sink was told of the answer
	atStorage bool          // the answer is a storage host's: its 401 says nothing of our token
}

// log writes one wide record per request: ids, metadata, path template, status
// and timings; never a header, a body or a query, which hold people's data.
func (s *Session) log(ctx context.Context, rec *record, resp *graph.Response, err error) {
	level, outcome := slog.LevelInfo, "ok"
	var code string
	if resp == nil {
		level, outcome = slog.LevelWarn, "error"
		if ge, ok := errors.AsType[*graph.Error](err); ok {
			code = ge.Code
		}
		if interrupted(err) {
			outcome = "cancelled"
		}
	}
	attrs := []slog.Attr{
		slog.String("id", rec.ID),
		slog.String("route", cmp.Or(graph.Request{App: s.call.App}.Route(), "microsoft-graph")),
		slog.String("method", rec.Method),
		slog.String("path", rec.Path),
		slog.Int("status", rec.Status),
		slog.String("outcome", outcome),
		slog.String("code", code),
		slog.String("graph_request_id", rec.RequestID),
		slog.Int("attempts", rec.Attempts),
		slog.Int64("bytes", rec.bytes),
		slog.Duration("duration", s.gw.Now().Sub(rec.start)),
		slog.Any("metadata", s.call.metadata()),
	}
	if rec.batch != "" {
		attrs = append(attrs, slog.String("batch", rec.batch))
	}
	s.gw.Logger.LogAttrs(ctx, level, "graph_request", attrs...)
}
