-- +goose Up
-- Who waits for the outcome; empty where there is one writer only.
ALTER TABLE audit_open ADD COLUMN writer TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE audit_open DROP COLUMN writer;
