-- +goose Up
-- Short ids that models get in place of Graph's, per person. graph_id is not sealed:
-- it is no content and opens nothing; package handle says more.
CREATE TABLE handles (
    tenant_id TEXT COLLATE "C"    NOT NULL,
    user_id   TEXT COLLATE "C"    NOT NULL,
    handle    TEXT COLLATE "C"    NOT NULL,
    item      TEXT COLLATE "C"    NOT NULL, -- digest of kind and Graph id, which would double the row in an index
    graph_id  TEXT COLLATE "C"    NOT NULL,
    used_at   BIGINT NOT NULL, -- to the day
    PRIMARY KEY (tenant_id, user_id, handle)
);
CREATE UNIQUE INDEX handles_item ON handles (tenant_id, user_id, item);
CREATE INDEX handles_used ON handles (used_at);

-- +goose Down
DROP TABLE handles;
