-- +goose Up

-- The leaves of the Merkle log: the exact bytes that were hashed.
CREATE TABLE audit_entry (
    idx    BIGINT PRIMARY KEY,
    record BYTEA NOT NULL
);

-- Stored hashes, in the order of golang.org/x/mod/sumdb/tlog.
CREATE TABLE audit_hash (
    idx  BIGINT PRIMARY KEY,
    hash BYTEA NOT NULL
);

-- The latest signed checkpoint.
CREATE TABLE audit_checkpoint (
    one  BIGINT PRIMARY KEY CHECK (one = 1),
    note BYTEA NOT NULL
);

-- Intents that wait for an outcome: as many rows as calls in flight.
CREATE TABLE audit_open (
    entry BIGINT PRIMARY KEY
);

-- Salts and values behind the commitments in the leaves; deleting a row erases
-- the person from its entry.
CREATE TABLE audit_personal (
    entry     BIGINT PRIMARY KEY,
    tenant_id TEXT COLLATE "C" NOT NULL,
    user_id   TEXT COLLATE "C" NOT NULL,
    fields    BYTEA NOT NULL
);

CREATE INDEX audit_personal_person ON audit_personal (tenant_id, user_id);

-- +goose Down
DROP TABLE audit_personal;
DROP TABLE audit_open;
DROP TABLE audit_checkpoint;
DROP TABLE audit_hash;
DROP TABLE audit_entry;
