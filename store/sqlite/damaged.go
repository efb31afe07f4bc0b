package sqlite

import (
	"errors"
	"fmt"
	"strings"

	driver "modernc.org/sqlite"

	"m365mcp/audit"
)

// Damaged implements [relational.Engine]: it tells a database that is no log any
// more from one that cannot be asked just now.
func (*DB) Damaged(what string, err error) error {
	if sqliteErr, ok := errors.AsType[*driver.Error](err); ok {
		missing := sqliteErr.Code() == codeError && strings.Contains(sqliteErr.Error(), "no such")
		if code := sqliteErr.Code() & 0xff; missing || code == codeCorrupt || code == codeNotADatabase {
			return fmt.Errorf("%w: %s: %w", audit.ErrDamaged, what, err)
		}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Result codes of SQLite (https://sqlite.org/rescode.html).
const (
	codeError        = 1
	codeReadOnly     = 8
	codeCorrupt      = 11
	codeCantOpen     = 14
	codeNotADatabase = 26
)
