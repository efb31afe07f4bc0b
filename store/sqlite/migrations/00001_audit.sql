-- +goose Up

-- The leaves of the Merkle log: the exact bytes that were hashed.
CREATE TABLE audit_entry (
    idx    INTEGER PRIMARY KEY,
    record BLOB NOT NULL
) STRICT;

-- Stored hashes, in the order of golang.org/x/mod/sumdb/tlog.
CREATE TABLE audit_hash (
    idx  INTEGER PRIMARY KEY,
    hash BLOB NOT NULL
) STRICT;

-- The latest signed checkpoint.
CREATE TABLE audit_checkpoint (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    note BLOB NOT NULL
) STRICT;

-- Intents that wait for an outcome: as many rows as calls in flight.
CREATE TABLE audit_open (
    entry INTEGER PRIMARY KEY
) STRICT;

-- Salts and values behind the commitments in the leaves; deleting a row erases
-- the person from its entry.
CREATE TABLE audit_personal (
    entry     INTEGER PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    user_id   TEXT NOT NULL,
    fields    BLOB NOT NULL
) STRICT;

CREATE INDEX audit_personal_person ON audit_personal (tenant_id, user_id);

-- +goose Down
DROP TABLE audit_personal;
DROP TABLE audit_open;
DROP TABLE audit_checkpoint;
DROP TABLE audit_hash;
DROP TABLE audit_entry;
