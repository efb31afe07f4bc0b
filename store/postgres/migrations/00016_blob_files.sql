-- +goose Up
-- The bytes of the spool, sealed in chunks of 64 KB and a tag. size is null while a
-- file comes in.
CREATE TABLE blob_files (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    size       BIGINT,
    written_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE blob_chunks (
    id   TEXT COLLATE "C" NOT NULL REFERENCES blob_files (id) ON DELETE CASCADE,
    at   BIGINT NOT NULL, -- offset of its first byte
    data BYTEA  NOT NULL,
    PRIMARY KEY (id, at)
);
ALTER TABLE blob_chunks ALTER COLUMN data SET STORAGE EXTERNAL; -- sealed: nothing to compress

-- +goose Down
DROP TABLE blob_chunks;
DROP TABLE blob_files;
