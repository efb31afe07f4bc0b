-- +goose Up
-- Files on their way in or out, one row for each; the bytes are in the spool's
-- folder. head is sealed (AES-256-GCM; the context is the id and the person): the
-- file's key, name, type and digest.
CREATE TABLE blobs (
    id         TEXT COLLATE "C"    NOT NULL PRIMARY KEY,
    tenant_id  TEXT COLLATE "C"    NOT NULL,
    user_id    TEXT COLLATE "C"    NOT NULL,
    size       BIGINT NOT NULL, -- of the plaintext
    head       BYTEA    NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX blobs_person ON blobs (tenant_id, user_id, expires_at, size);

-- +goose Down
DROP TABLE blobs;
