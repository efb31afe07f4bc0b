package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// An http.Client without a transport falls back to http.DefaultTransport, which
// reaches every host. Clients come from dial, or get the transport of one.
func TestHTTPClientsHaveTheirTransport(t *testing.T) {
	t.Parallel()
	elsewhere := []string{"dial", "bench", "internal/headless"} // makes them; do not ship
	for _, s := range tree(t) {
		if s.isTest() || slices.Contains(elsewhere, s.dir()) {
			continue
		}
		if n := bareClients(s.ast); n > 0 {
			t.Errorf("%s makes %d http.Client without a Transport: take one from dial", s.path, n)
		}
	}
}

// bareClients counts the uses of the type http.Client that can make one without
// a transport: everything but a pointer to it and a literal that sets Transport.
func bareClients(file *ast.File) int {
	name := importName(file, "net/http")
	if name == "" {
		return 0
	}
	isClient := func(e ast.Expr) bool {
		selector, ok := e.(*ast.SelectorExpr)
		if !ok || selector.Sel.Name != "Client" {
			return false
		}
		pkg, ok := selector.X.(*ast.Ident)
		return ok && pkg.Name == name
	}
	safe := map[ast.Expr]bool{}
	bare := 0
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.StarExpr:
			safe[n.X] = true
		case *ast.CompositeLit:
			safe[n.Type] = setsTransport(n)
		case ast.Expr:
			if isClient(n) && !safe[n] {
				bare++
			}
		}
		return true
	})
	return bare
}

// importName is what the file calls a package; empty when it does not import it.
func importName(file *ast.File, importPath string) string {
	for _, spec := range file.Imports {
		if spec.Path.Value == strconv.Quote(importPath) {
			if spec.Name != nil {
				return spec.Name.Name
			}
			return path.Base(importPath)
		}
	}
	return ""
}

// setsTransport reports whether a literal of http.Client gives it a transport
// that is not nil; it is the first field.
func setsTransport(literal *ast.CompositeLit) bool {
	for i, element := range literal.Elts {
		value := element
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			if key, ok := pair.Key.(*ast.Ident); !ok || key.Name != "Transport" {
				continue
			}
			value = pair.Value
		} else if i > 0 {
			return false
		}
		id, ok := value.(*ast.Ident)
		return !ok || id.Name != "nil"
	}
	return false
}

func TestBareClientsAreFound(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]int{
		`var c = &http.Client{}`:                                  1,
		`var c = http.Client{Timeout: 1}`:                         1,
		`var c = http.Client{Transport: nil}`:                     1,
		`var c = http.Client{nil, nil, nil, 0}`:                   1,
		`var c = new(http.Client)`:                                1,
		`var c http.Client`:                                       1,
		`type t struct { http.Client }`:                           1,
		`var c = []http.Client{{}}`:                               1,
		`func f(c http.Client) {}`:                                1,
		`var a, b = &http.Client{}, new(http.Client)`:             2,
		`var c = &http.Client{Transport: pinned}`:                 0,
		`var c = http.Client{Jar: jar, Transport: h.Transport}`:   0,
		`var c = http.Client{pinned, nil, nil, 0}`:                0,
		`type t struct { c *http.Client }`:                        0,
		`func f(c *http.Client) *http.Client { return c }`:        0,
		`var c = &other.Client{}`:                                 0,
		`func f(c *http.Client) { _ = c.Do; _ = other.Client{} }`: 0,
	} {
		if got := bareClients(parse(t, `import "net/http"`, code)); got != want {
			t.Errorf("%s: %d bare clients, want %d", code, got, want)
		}
	}
	if got := bareClients(parse(t, `import web "net/http"`, `var a, b = web.Client{}, http.Client{}`)); got != 1 {
		t.Errorf("under another name: %d bare clients, want 1", got)
	}
	if got := bareClients(parse(t, `import "example.com/http"`, `var c = http.Client{}`)); got != 0 {
		t.Errorf("of another package: %d bare clients, want none", got)
	}
}

func parse(t *testing.T, lines ...string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+strings.Join(lines, "\n"), parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return file
}
