-- +goose Up
-- Secrets of the server itself, sealed (AES-256-GCM): "root" is what keys for other
-- purposes are derived from. Which key seals a value is told by how it begins; no
-- index is kept of that, since only a start and a rotation of keys ask.
CREATE TABLE secrets (
    name   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    sealed BYTEA NOT NULL
);

-- +goose Down
DROP TABLE secrets;
