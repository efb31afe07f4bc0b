package audit_test

import (
	"testing"

	"m365mcp/audit"
)

// BenchmarkAppend measures whole calls, intent and outcome, from many callers at once.
func BenchmarkAppend(b *testing.B) {
	for name, intent := range map[string]func(string) audit.Intent{"read": read, "write": write} {
		b.Run(name, func(b *testing.B) {
			l := openLog(b, openDB(b, tempPath(b)).Audit())
			b.SetParallelism(32)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					id := newID()
					if err := l.Intent(b.Context(), intent(id)); err != nil {
						b.Error(err)
					}
					if err := l.Outcome(b.Context(), ok(id)); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
		})
	}
}

// BenchmarkAppendAlone is the latency that one caller sees.
func BenchmarkAppendAlone(b *testing.B) {
	for name, intent := range map[string]func(string) audit.Intent{"read": read, "write": write} {
		b.Run(name, func(b *testing.B) {
			l := openLog(b, openDB(b, tempPath(b)).Audit())
			for b.Loop() {
				call(b, l, intent(newID()))
			}
		})
	}
}
