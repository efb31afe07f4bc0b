// Package pdf reads the text of PDF files with PDFium, which runs as WebAssembly
// without a file system, a network or more memory than it is given.
package pdf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/klippa-app/go-pdfium"
	pdfium_errors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"m365mcp/content/document/limit"
)

// Engine holds PDFium compiled to machine code. It is compiled at the first
// document: that takes seconds and much memory, unless a cache folder has it.
type Engine struct {
	cacheDir string

	mu    sync.Mutex
	cache wazero.CompilationCache
	pool  pdfium.Pool
}

// New makes an engine. What lies in cacheDir is run as machine code: nobody else
// may write there. Empty: every engine compiles for itself.
func New(cacheDir string) *Engine { return &Engine{cacheDir: cacheDir} }

// Ready says whether PDFium has been compiled.
func (e *Engine) Ready() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.pool != nil
}

// Close frees what the engine holds.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	if e.pool != nil {
		errs = append(errs, e.pool.Close())
	}
	if e.cache != nil {
		errs = append(errs, e.cache.Close(ctx))
	}
	e.pool, e.cache = nil, nil
	return errors.Join(errs...)
}

// pages of 64 KB that WebAssembly may have: 384 MB.
const memoryPages = 384 << 20 / (64 << 10)

func (e *Engine) compiled() (pdfium.Pool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.pool != nil {
		return e.pool, nil
	}
	config := wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
		WithMemoryLimitPages(memoryPages)
	if e.cacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(e.cacheDir)
		if err != nil {
			return nil, fmt.Errorf("cache of compiled code: %w", err)
		}
		e.cache = cache
		config = config.WithCompilationCache(cache)
	}
	pool, err := webassembly.Init(webassembly.Config{
		// Without one of its own it mounts the whole disk.
		FSConfig:      wazero.NewFSConfig(),
		RuntimeConfig: config,
		Stdout:        io.Discard,
		Stderr:        io.Discard,
		MaxTotal:      1,
	})
	if err != nil {
		return nil, fmt.Errorf("pdfium: %w", err)
	}
	e.pool = pool
	return pool, nil
}

// Text reads a file page by page. Every file gets a memory of its own, which
// ends with it.
func (e *Engine) Text(ctx context.Context, content []byte, m *limit.Meter, out *limit.Text) error {
	pool, err := e.compiled()
	if err != nil {
		return err
	}
	instance, err := pool.GetInstance(time.Minute)
	if err != nil {
		return fmt.Errorf("pdfium: %w", err)
	}
	// What a damaged file leaves behind cannot be closed, and its memory ends anyway.
	defer func() { _ = instance.Close() }()
	opened, err := instance.OpenDocument(&requests.OpenDocument{File: &content})
	switch {
	case errors.Is(err, pdfium_errors.ErrPassword):
		return fmt.Errorf("%w: PDF", limit.ErrEncrypted)
	case errors.Is(err, pdfium_errors.ErrSecurity):
		return fmt.Errorf("%w: PDF with an encryption that PDFium does not know", limit.ErrEncrypted)
	case err != nil:
		return fmt.Errorf("%w: PDF: %w", limit.ErrDamaged, err)
	}
	count, err := instance.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: opened.Document})
	if err != nil {
		return fmt.Errorf("%w: PDF: %w", limit.ErrDamaged, err)
	}
	if count.PageCount < 1 {
		return fmt.Errorf("%w: PDF without pages", limit.ErrDamaged)
	}
	attached, err := instance.FPDFDoc_GetAttachmentCount(&requests.FPDFDoc_GetAttachmentCount{Document: opened.Document})
	if err != nil || attached.AttachmentCount > 0 {
		m.Note("Files that are attached to it were not read.")
	}
	return pages(ctx, instance, opened.Document, count.PageCount, m, out)
}

func pages(ctx context.Context, instance pdfium.Pdfium, doc references.FPDF_DOCUMENT, count int, m *limit.Meter, out *limit.Text) error {
	read, empty := 0, 0
	for i := range count {
		if err := ctx.Err(); err != nil {
			return err
		}
		if out.Full() {
			break
		}
		if i == m.Pages {
			m.Note("Only the first %d of %d pages were read.", i, count)
			break
		}
		read++
		page, err := instance.GetPageText(&requests.GetPageText{
			Page: requests.Page{ByIndex: &requests.PageByIndex{Document: doc, Index: i}},
		})
		if err != nil {
			m.Note("Page %d is damaged and left out.", i+1)
			empty++
			continue
		}
		text := strings.TrimSpace(strings.ReplaceAll(page.Text, "\r\n", "\n"))
		if text == "" {
			empty++
			continue
		}
		out.Block(fmt.Sprintf("## Page %d", i+1))
		out.Block(text)
	}
	if empty > 0 {
		m.Note("%d of %d pages have no text: they may be pictures.", empty, read)
	}
	return nil
}
