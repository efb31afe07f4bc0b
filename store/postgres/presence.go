package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"m365mcp/audit"
	"m365mcp/store/relational"
)

// Presence tells which replicas write to the audit.
func (db *DB) Presence() audit.Presence { return presence{db} }

type presence struct{ db *DB }

// Beat also forgets writers that have been gone for a day.
func (p presence) Beat(ctx context.Context, writer string) error {
	return p.db.Write(ctx, relational.Buffered, func(tx relational.Tx) error {
		if _, err := tx.Exec(ctx, `
			INSERT INTO audit_writers (writer, seen_at) VALUES (?, clock_timestamp())
			ON CONFLICT (writer) DO UPDATE SET seen_at = clock_timestamp()`, writer); err != nil {
			return fmt.Errorf("beat: %w", err)
		}
		if _, err := tx.Exec(ctx, `
			DELETE FROM audit_writers WHERE writer IN
				(SELECT writer FROM audit_writers WHERE seen_at < clock_timestamp() - interval '1 day' FOR UPDATE SKIP LOCKED)`); err != nil {
			return fmt.Errorf("beat: %w", err)
		}
		return nil
	})
}

func (p presence) Leave(ctx context.Context, writer string) error {
	return p.db.Write(ctx, relational.Buffered, func(tx relational.Tx) error {
		if _, err := tx.Exec(ctx, "DELETE FROM audit_writers WHERE writer = ?", writer); err != nil {
			return fmt.Errorf("leave: %w", err)
		}
		return nil
	})
}

// Writers counts those that have beaten within d.
func (db *DB) Writers(ctx context.Context, d time.Duration) (n int, err error) {
	err = db.QueryRow(ctx, "SELECT count(*) FROM audit_writers WHERE seen_at > clock_timestamp() - ? * interval '1 microsecond'", d.Microseconds()).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("writers: %w", err)
	}
	return n, nil
}

func (p presence) Silent(ctx context.Context, writers []string, d time.Duration) (silent []string, err error) {
	if len(writers) == 0 {
		return nil, nil
	}
	list, err := json.Marshal(writers)
	if err != nil {
		return nil, fmt.Errorf("silent writers: %w", err)
	}
	rows, err := p.db.Query(ctx, `
		SELECT k.value FROM `+p.db.Each()+` WHERE NOT EXISTS
			(SELECT 1 FROM audit_writers w WHERE w.writer = k.value AND w.seen_at > clock_timestamp() - ? * interval '1 microsecond')`,
		string(list), d.Microseconds())
	if err != nil {
		return nil, fmt.Errorf("silent writers: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var writer string
		if err := rows.Scan(&writer); err != nil {
			return nil, fmt.Errorf("silent writers: %w", err)
		}
		silent = append(silent, writer)
	}
	return silent, rows.Err()
}
