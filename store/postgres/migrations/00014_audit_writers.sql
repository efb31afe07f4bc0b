-- +goose Up
-- Who waits for the outcome; empty where there is one writer only.
ALTER TABLE audit_open ADD COLUMN writer TEXT COLLATE "C" NOT NULL DEFAULT '';

-- Which replicas are alive, by the clock of this server.
CREATE TABLE audit_writers (
    writer  TEXT COLLATE "C" PRIMARY KEY,
    seen_at TIMESTAMPTZ NOT NULL
);

-- +goose Down
DROP TABLE audit_writers;
ALTER TABLE audit_open DROP COLUMN writer;
