package relational_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// additive is what the program before a migration does not notice: new tables and
// indexes, their first rows, and columns that may be left out.
func additive(statement string) bool {
	upper := strings.Join(strings.Fields(strings.ToUpper(statement)), " ")
	if strings.HasSuffix(upper, " SET STORAGE EXTERNAL") {
		return true
	}
	for _, start := range []string{"CREATE TABLE ", "CREATE INDEX ", "CREATE UNIQUE INDEX ", "INSERT INTO "} {
		if strings.HasPrefix(upper, start) {
			return true
		}
	}
	return strings.HasPrefix(upper, "ALTER TABLE ") && strings.Contains(upper, " ADD COLUMN ") &&
		(strings.Contains(upper, " DEFAULT ") || !strings.Contains(upper, "NOT NULL"))
}

func TestAdditive(t *testing.T) {
	t.Parallel()
	for statement, want := range map[string]bool{
		"CREATE TABLE a (b TEXT NOT NULL)":                    true,
		"ALTER TABLE a ADD COLUMN b TEXT NOT NULL DEFAULT ''": true,
		"ALTER TABLE a ADD COLUMN b TEXT":                     true,
		"ALTER TABLE a ADD COLUMN b TEXT NOT NULL":            false,
		"ALTER TABLE a RENAME COLUMN b TO c":                  false,
		"ALTER TABLE a DROP COLUMN b":                         false,
		"DROP TABLE a":                                        false,
		"UPDATE a SET b = 1":                                  false,
	} {
		if got := additive(statement); got != want {
			t.Errorf("%s: %v", statement, got)
		}
	}
}

// In a rolling update the program before a migration and the one after it run side
// by side, so no migration may take away or rename what the other one uses.
func TestMigrationsAreAdditive(t *testing.T) {
	t.Parallel()
	names := map[string][]string{}
	for _, engine := range []string{"sqlite", "postgres"} {
		files, err := filepath.Glob(filepath.Join("..", engine, "migrations", "*.sql"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", engine, files, err)
		}
		for _, file := range files {
			names[engine] = append(names[engine], filepath.Base(file))
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			up, down, ok := strings.Cut(string(text), "-- +goose Down")
			if !ok || strings.TrimSpace(down) == "" {
				t.Errorf("%s has no way back", file)
			}
			up = regexp.MustCompile(`--[^\n]*`).ReplaceAllString(up, "")
			for statement := range strings.SplitSeq(up, ";") {
				statement = strings.TrimSpace(statement)
				if statement == "" {
					continue
				}
				if !additive(statement) {
					t.Errorf("%s: not additive: %s", file, statement)
				}
			}
		}
	}
	names["sqlite"] = append(names["sqlite"], "00016_blob_files.sql") // there in a folder
	slices.Sort(names["sqlite"])
	if diff := cmp.Diff(names["sqlite"], names["postgres"]); diff != "" {
		t.Errorf("the engines have different migrations (-sqlite +postgres):\n%s", diff)
	}
}
