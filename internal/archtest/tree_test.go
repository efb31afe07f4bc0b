package archtest

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "m365mcp"

// source is one Go file of the module.
type source struct {
	path  string // from the module's root, with slashes
	ast   *ast.File
	lines int
}

func (s source) dir() string  { return path.Dir(s.path) }
func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// imports returns the packages of the module that the file imports, without the module's name.
func (s source) imports() []string {
	var list []string
	for _, spec := range s.ast.Imports {
		if dir, ok := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module+"/"); ok {
			list = append(list, dir)
		}
	}
	return list
}

// parseTree reads every Go file of the module once, whatever its build constraints.
var parseTree = sync.OnceValues(func() ([]source, error) {
	const root = "../.."
	var all []source
	files := token.NewFileSet()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return skipped(root, name, d.Name())
		case filepath.Ext(name) != ".go":
			return nil
		}
		parsed, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		all = append(all, source{filepath.ToSlash(relative), parsed, files.File(parsed.FileStart).LineCount()})
		return nil
	})
	return all, err
})

// skipped keeps out what is not the module's: hidden folders, test data, npm
// packages and other modules.
func skipped(root, name, base string) error {
	if name == root {
		return nil
	}
	if strings.HasPrefix(base, ".") || base == "testdata" || base == "node_modules" {
		return fs.SkipDir
	}
	switch _, err := os.Stat(filepath.Join(name, "go.mod")); {
	case err == nil:
		return fs.SkipDir
	case errors.Is(err, fs.ErrNotExist):
		return nil
	default:
		return err
	}
}

func tree(t *testing.T) []source {
	t.Helper()
	all, err := parseTree()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 100 {
		t.Fatalf("found %d files: this is not the whole tree", len(all))
	}
	return all
}
