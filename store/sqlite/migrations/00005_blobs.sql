-- +goose Up
-- Files on their way in or out, one row for each; the bytes are in the spool's
-- folder. head is sealed (AES-256-GCM; the context is the id and the person): the
-- file's key, name, type and digest.
CREATE TABLE blobs (
    id         TEXT    NOT NULL PRIMARY KEY,
    tenant_id  TEXT    NOT NULL,
    user_id    TEXT    NOT NULL,
    size       INTEGER NOT NULL, -- of the plaintext
    head       BLOB    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX blobs_person ON blobs (tenant_id, user_id, expires_at, size);

-- +goose Down
DROP TABLE blobs;
