package gateway

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"m365mcp/graph"
)

// record collects what the one log line of a request says.
type record struct {
	graph.Exchange
	start time.Time
	bytes int
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
	s.gw.Logger.LogAttrs(ctx, level, "graph_request",
		slog.String("id", rec.ID),
		slog.String("route", "microsoft-graph"),
		slog.String("method", rec.Method),
		slog.String("path", rec.Path),
		slog.Int("status", rec.Status),
		slog.String("outcome", outcome),
		slog.String("code", code),
		slog.String("graph_request_id", rec.RequestID),
		slog.Int("attempts", rec.Attempts),
		slog.Int("bytes", rec.bytes),
		slog.Duration("duration", s.gw.Now().Sub(rec.start)),
		slog.Any("metadata", s.call.metadata()),
	)
}
