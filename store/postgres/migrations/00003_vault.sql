-- +goose Up
-- Microsoft's tokens, one row a grant, and never without it: what a sign-in stores
-- while the grant is being revoked must not outlive it. access and refresh are sealed (AES-256-GCM,
-- a data key each; the context is the grant and the column's name).
CREATE TABLE vault (
    grant_id     TEXT COLLATE "C"    NOT NULL PRIMARY KEY REFERENCES oauth_grants (id) ON DELETE CASCADE,
    version      TEXT COLLATE "C"    NOT NULL,            -- drawn anew with each set of tokens
    access       BYTEA    NOT NULL,            -- empty once Graph has refused it
    refresh      BYTEA    NOT NULL,
    scopes       TEXT COLLATE "C"    NOT NULL,            -- separated by spaces
    expires_at   BIGINT NOT NULL,
    renew_at     BIGINT NOT NULL,
    sign_in      TEXT COLLATE "C"    NOT NULL,            -- why the person has to sign in anew, or empty
    claims       TEXT COLLATE "C"    NOT NULL,
    lease_holder TEXT COLLATE "C"    NOT NULL DEFAULT '', -- who may refresh, until lease_until
    lease_until  BIGINT NOT NULL DEFAULT 0
);

-- +goose Down
DROP TABLE vault;
