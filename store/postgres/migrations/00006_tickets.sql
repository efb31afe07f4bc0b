-- +goose Up
-- Links under which one person may fetch or send one file, once. item is sealed
-- (AES-256-GCM; the context is digest, grant and person): the tool, its arguments,
-- the file's name.
CREATE TABLE tickets (
    digest       BYTEA    NOT NULL PRIMARY KEY, -- SHA-256 of the token
    grant_id     TEXT COLLATE "C"    NOT NULL,
    tenant_id    TEXT COLLATE "C"    NOT NULL,
    user_id      TEXT COLLATE "C"    NOT NULL,
    kind         TEXT COLLATE "C"    NOT NULL CHECK (kind IN ('download', 'upload')),
    item         BYTEA    NOT NULL,
    expires_at   BIGINT NOT NULL,
    lease_holder TEXT COLLATE "C"    NOT NULL DEFAULT '', -- the redemption that runs, until lease_until
    lease_until  BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX tickets_person ON tickets (tenant_id, user_id);
CREATE INDEX tickets_expiry ON tickets (expires_at);

-- +goose Down
DROP TABLE tickets;
