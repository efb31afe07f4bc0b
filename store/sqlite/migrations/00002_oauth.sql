-- +goose Up
CREATE TABLE oauth_clients (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL,
    redirect_uris TEXT NOT NULL, -- JSON array
    auth_method   TEXT NOT NULL,
    secret        BLOB NOT NULL, -- SHA-256; zeros for a public client
    created_at    INTEGER NOT NULL,
    last_used_at  INTEGER        -- null until a person authorizes it
) STRICT;
CREATE INDEX oauth_clients_unused ON oauth_clients (created_at) WHERE last_used_at IS NULL;

CREATE TABLE oauth_signins (
    state         BLOB PRIMARY KEY, -- SHA-256 of the state that Microsoft was given
    ticket        TEXT NOT NULL UNIQUE, -- of the consent page, which works once
    browser       BLOB NOT NULL,    -- SHA-256 of the cookie
    client_id     TEXT NOT NULL,
    redirect_uri  TEXT NOT NULL,
    client_state  TEXT NOT NULL,
    scopes        TEXT NOT NULL,
    resource      TEXT NOT NULL,
    challenge     TEXT NOT NULL,
    epoch         INTEGER NOT NULL, -- the kill epoch at the approval
    expires_at    INTEGER NOT NULL,
    taken         INTEGER NOT NULL DEFAULT 0 -- 1 once its person is back from Microsoft
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth_signins_expiry ON oauth_signins (expires_at);
CREATE INDEX oauth_signins_client ON oauth_signins (client_id);

CREATE TABLE oauth_grants (
    id           TEXT PRIMARY KEY,
    tenant_id    TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    upn          TEXT NOT NULL,
    mail         TEXT NOT NULL,
    name         TEXT NOT NULL,
    client_id    TEXT NOT NULL REFERENCES oauth_clients (id),
    scopes       TEXT NOT NULL,
    resource     TEXT NOT NULL,
    generation   INTEGER NOT NULL, -- of the youngest pair of tokens
    rotated_at   INTEGER NOT NULL, -- when it was issued
    epoch        INTEGER NOT NULL, -- of the sign-in
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    ends_at      INTEGER,
    revoked_at   INTEGER,
    revoked_for  TEXT
) STRICT;
CREATE INDEX oauth_grants_client ON oauth_grants (client_id);
CREATE INDEX oauth_grants_person ON oauth_grants (tenant_id, user_id);

CREATE TABLE oauth_codes (
    digest       BLOB PRIMARY KEY, -- SHA-256
    grant_id     TEXT NOT NULL REFERENCES oauth_grants (id) ON DELETE CASCADE,
    redirect_uri TEXT NOT NULL,
    challenge    TEXT NOT NULL,
    expires_at   INTEGER NOT NULL,
    used_at      INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth_codes_grant ON oauth_codes (grant_id);
CREATE INDEX oauth_codes_expiry ON oauth_codes (expires_at);

CREATE TABLE oauth_tokens (
    digest     BLOB PRIMARY KEY, -- SHA-256
    kind       TEXT NOT NULL CHECK (kind IN ('access', 'refresh')),
    grant_id   TEXT NOT NULL REFERENCES oauth_grants (id) ON DELETE CASCADE,
    generation INTEGER NOT NULL,
    scopes     TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX oauth_tokens_grant ON oauth_tokens (grant_id, generation, kind);
CREATE INDEX oauth_tokens_expiry ON oauth_tokens (expires_at);

-- A counter and not a time: whether a grant is older than a kill is decided by the
-- order of the transactions, not by the clocks of several replicas.
CREATE TABLE oauth_epoch (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    epoch INTEGER NOT NULL
) STRICT;
INSERT INTO oauth_epoch (one, epoch) VALUES (1, 0);

CREATE TABLE oauth_kills (
    scope     TEXT NOT NULL CHECK (scope IN ('all', 'user', 'client')),
    key       TEXT NOT NULL, -- '' for all, tenant/user, client id
    epoch     INTEGER NOT NULL,
    killed_at INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE oauth_kills;
DROP TABLE oauth_epoch;
DROP TABLE oauth_tokens;
DROP TABLE oauth_codes;
DROP TABLE oauth_grants;
DROP TABLE oauth_signins;
DROP TABLE oauth_clients;
