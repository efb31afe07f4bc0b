package worker

import (
	"os"
	"path/filepath"
	"testing"

	"m365mcp/content/document/documenttest"
)

// What it costs that nobody gets a child that has read another person's document.
func BenchmarkText(b *testing.B) {
	for _, kind := range []struct {
		name string
		data []byte
	}{{"a.txt", []byte("plain")}, {"a.docx", documenttest.Docx(documenttest.Paragraph("from Word"))}, {"a.pdf", documenttest.PDF("from PDF")}} {
		for _, people := range [][]string{{"ada"}, {"ada", "bruno"}, {"ada", "bruno", "chen"}} {
			b.Run(kind.name+"/people="+string(rune('0'+len(people))), func(b *testing.B) {
				p, err := New(Options{Command: []string{os.Args[0], Subcommand}, CacheDir: filepath.Join(cacheDir, "code")})
				if err != nil {
					b.Fatal(err)
				}
				defer func() { _ = p.Close() }()
				read := func(i int) {
					if _, err := p.Text(b.Context(), people[i%len(people)], kind.name, "", kind.data); err != nil {
						b.Fatal(err)
					}
				}
				for i := range people { // compiles PDFium once, and starts what can rest
					read(i)
				}
				b.ResetTimer()
				for i := range b.N {
					read(i)
				}
			})
		}
	}
}
