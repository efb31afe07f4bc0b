-- +goose Up
-- Links under which one person may fetch or send one file, once. item is sealed
-- (AES-256-GCM; the context is digest, grant and person): the tool, its arguments,
-- the file's name.
CREATE TABLE tickets (
    digest       BLOB    NOT NULL PRIMARY KEY, -- SHA-256 of the token
    grant_id     TEXT    NOT NULL,
    tenant_id    TEXT    NOT NULL,
    user_id      TEXT    NOT NULL,
    kind         TEXT    NOT NULL CHECK (kind IN ('download', 'upload')),
    item         BLOB    NOT NULL,
    expires_at   INTEGER NOT NULL,
    lease_holder TEXT    NOT NULL DEFAULT '', -- the redemption that runs, until lease_until
    lease_until  INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX tickets_person ON tickets (tenant_id, user_id);
CREATE INDEX tickets_expiry ON tickets (expires_at);

-- +goose Down
DROP TABLE tickets;
