-- +goose Up
-- Microsoft's tokens, one row a grant, and never without it: what a sign-in stores
-- while the grant is being revoked must not outlive it. access and refresh are sealed (AES-256-GCM,
-- a data key each; the context is the grant and the column's name).
CREATE TABLE vault (
    grant_id     TEXT    NOT NULL PRIMARY KEY REFERENCES oauth_grants (id) ON DELETE CASCADE,
    version      TEXT    NOT NULL,            -- drawn anew with each set of tokens
    access       BLOB    NOT NULL,            -- empty once Graph has refused it
    refresh      BLOB    NOT NULL,
    scopes       TEXT    NOT NULL,            -- separated by spaces
    expires_at   INTEGER NOT NULL,
    renew_at     INTEGER NOT NULL,
    sign_in      TEXT    NOT NULL,            -- why the person has to sign in anew, or empty
    claims       TEXT    NOT NULL,
    lease_holder TEXT    NOT NULL DEFAULT '', -- who may refresh, until lease_until
    lease_until  INTEGER NOT NULL DEFAULT 0
) STRICT;

-- +goose Down
DROP TABLE vault;
