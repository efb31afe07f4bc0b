-- +goose Up
-- Who describes the client: itself, when it registered; the metadata document at its
-- id; the configuration. The last two are stored when a person agrees to them.
ALTER TABLE oauth_clients ADD COLUMN source TEXT COLLATE "C" NOT NULL DEFAULT 'registered'
    CHECK (source IN ('registered', 'document', 'configured'));
CREATE INDEX oauth_clients_elsewhere ON oauth_clients (source) WHERE source <> 'registered';

-- +goose Down
DROP INDEX oauth_clients_elsewhere;
ALTER TABLE oauth_clients DROP COLUMN source;
