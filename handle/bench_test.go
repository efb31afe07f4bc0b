package handle_test

import (
	"testing"

	"m365mcp/handle"
)

// A page of 50, as a list tool shortens it.
func BenchmarkShorten(b *testing.B) {
	b.Run("known", func(b *testing.B) {
		s := newBed(b)
		ids := page(0, 50)
		shorten(b, s.Service, ada, handle.KindMail, ids...)
		b.ReportAllocs()
		for b.Loop() {
			shorten(b, s.Service, ada, handle.KindMail, ids...)
		}
	})
	b.Run("new", func(b *testing.B) {
		s := newBed(b)
		b.ReportAllocs()
		for from := 0; b.Loop(); from += 50 {
			shorten(b, s.Service, ada, handle.KindMail, page(from, 50)...)
		}
	})
}

func BenchmarkResolve(b *testing.B) {
	s := newBed(b)
	h := shorten(b, s.Service, ada, handle.KindMail, page(0, 50)...)[25]
	b.ReportAllocs()
	for b.Loop() {
		wantID(b, s.Service, ada, handle.KindMail, h, graphID(25))
	}
}
