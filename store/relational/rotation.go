package relational

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"m365mcp/rotation"
)

// Rotation returns access to everything that is sealed.
func (s Stores) Rotation() rotation.Store { return sealed{s.engine} }

type sealed struct{ Engine }

// sealedColumn says where a place is. All of it is ours, none comes from outside.
type sealedColumn struct {
	table, id, column string
	bound             string // the columns of rotation.Value between ID and Sealed
	binary            bool   // the id is a blob
	forget            string
}

// forgetTokens leaves a row without tokens, whose person has to sign in anew. A
// refresh under way may still bring new ones: the version stays.
const forgetTokens = `UPDATE vault SET access = ?, refresh = ?, sign_in = 'key_forgotten', claims = ''`

var sealedColumns = map[rotation.Place]sealedColumn{
	rotation.Secret:       {table: "secrets", id: "name", column: "sealed", bound: `'', '', '', ''`, forget: `DELETE FROM secrets`},
	rotation.AccessToken:  {table: "vault", id: "grant_id", column: "access", bound: `'', '', '', ''`, forget: forgetTokens},
	rotation.RefreshToken: {table: "vault", id: "grant_id", column: "refresh", bound: `'', '', '', ''`, forget: forgetTokens},
	rotation.Upload:       {table: "blobs", id: "id", column: "head", bound: `'', tenant_id, user_id, ''`, forget: `DELETE FROM blobs`},
	rotation.Link:         {table: "tickets", id: "digest", column: "item", bound: `grant_id, tenant_id, user_id, kind`, binary: true, forget: `DELETE FROM tickets`},
}

func (c sealedColumn) headsQuery() string {
	return `SELECT substr(` + c.column + `, 1, ?) FROM ` + c.table + ` WHERE length(` + c.column + `) > 0`
}

func (c sealedColumn) listQuery() string {
	return `SELECT ` + c.id + `, ` + c.bound + `, ` + c.column + ` FROM ` + c.table + `
		WHERE ` + c.id + ` > ? AND length(` + c.column + `) > 0 AND substr(` + c.column + `, 1, ?) <> ?
		ORDER BY ` + c.id + ` LIMIT ?`
}

func (c sealedColumn) replaceQuery() string {
	return `UPDATE ` + c.table + ` SET ` + c.column + ` = ? WHERE ` + c.id + ` = ? AND ` + c.column + ` = ?`
}

func (c sealedColumn) forgetQuery() string {
	return c.forget + ` WHERE substr(` + c.column + `, 1, ?) = ?`
}

func (c sealedColumn) idValue(id string) any {
	if c.binary {
		return []byte(id)
	}
	return id
}

func (s sealed) Heads(ctx context.Context, p rotation.Place, size int, visit func([]byte)) (err error) {
	c := sealedColumns[p]
	rows, err := s.Query(ctx, c.headsQuery(), size)
	if err != nil {
		return fmt.Errorf("%s: %w", c.table, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var head []byte
		if err := rows.Scan(&head); err != nil {
			return fmt.Errorf("%s: %w", c.table, err)
		}
		visit(head)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %w", c.table, err)
	}
	return nil
}

func (s sealed) List(ctx context.Context, p rotation.Place, head []byte, after string, limit int) (list []rotation.Value, err error) {
	c := sealedColumns[p]
	rows, err := s.Query(ctx, c.listQuery(), c.idValue(after), len(head), head, limit)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.table, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var v rotation.Value
		if err := rows.Scan(&v.ID, &v.GrantID, &v.TenantID, &v.UserID, &v.Kind, &v.Sealed); err != nil {
			return nil, fmt.Errorf("%s: %w", c.table, err)
		}
		list = append(list, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", c.table, err)
	}
	return list, nil
}

func (s sealed) Replace(ctx context.Context, p rotation.Place, changes []rotation.Change) (replaced int, err error) {
	if len(changes) == 0 {
		return 0, nil
	}
	c := sealedColumns[p]
	err = s.Write(ctx, Synced, func(tx Tx) error {
		if err := tx.Lock(ctx, c.table); err != nil { // as everything that changes several of its rows
			return err
		}
		for _, change := range changes {
			result, err := tx.Exec(ctx, c.replaceQuery(), change.New, c.idValue(change.ID), change.Old)
			if err != nil {
				return fmt.Errorf("%s: replace: %w", c.table, err)
			}
			n, err := result.RowsAffected()
			if err != nil {
				return fmt.Errorf("%s: replace: %w", c.table, err)
			}
			replaced += int(n)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return replaced, nil
}

func (s sealed) Forget(ctx context.Context, p rotation.Place, head []byte) error {
	c := sealedColumns[p]
	var args []any
	if c.table == "vault" {
		args = []any{[]byte{}, []byte{}}
	}
	return s.Write(ctx, Synced, func(tx Tx) error {
		if err := tx.Lock(ctx, c.table); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, c.forgetQuery(), append(args, len(head), head)...); err != nil {
			return fmt.Errorf("%s: forget: %w", c.table, err)
		}
		return nil
	})
}

func (s sealed) Secret(ctx context.Context, name string) (value []byte, err error) {
	err = s.QueryRow(ctx, `SELECT sealed FROM secrets WHERE name = ?`, name).Scan(&value)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, rotation.ErrNoSecret
	case err != nil:
		return nil, fmt.Errorf("secrets: %w", err)
	}
	return value, nil
}

func (s sealed) InsertSecret(ctx context.Context, name string, value []byte) error {
	return s.Write(ctx, Synced, func(tx Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO secrets (name, sealed) VALUES (?, ?) ON CONFLICT DO NOTHING`, name, value); err != nil {
			return fmt.Errorf("secrets: %w", err)
		}
		return nil
	})
}
