-- +goose Up

-- Signed assertions that were used (RFC 7523): each works once.
CREATE TABLE oauth_assertions (
    digest     BLOB PRIMARY KEY, -- SHA-256 of who signed it and its jti
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth_assertions_expiry ON oauth_assertions (expires_at);

ALTER TABLE oauth_grants ADD COLUMN service TEXT NOT NULL DEFAULT '';  -- who calls, where it is no person
ALTER TABLE oauth_grants ADD COLUMN rests_on TEXT NOT NULL DEFAULT ''; -- the grant whose sign-in it uses, and with which it ends
ALTER TABLE oauth_tokens ADD COLUMN issued_at INTEGER;                 -- null: before this was kept

-- +goose Down
ALTER TABLE oauth_tokens DROP COLUMN issued_at;
ALTER TABLE oauth_grants DROP COLUMN rests_on;
ALTER TABLE oauth_grants DROP COLUMN service;
DROP TABLE oauth_assertions;
