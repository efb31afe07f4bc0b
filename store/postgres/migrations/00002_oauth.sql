-- +goose Up
CREATE TABLE oauth_clients (
    id            TEXT COLLATE "C" PRIMARY KEY,
    name          TEXT COLLATE "C" NOT NULL,
    redirect_uris TEXT COLLATE "C" NOT NULL, -- JSON array
    auth_method   TEXT COLLATE "C" NOT NULL,
    secret        BYTEA NOT NULL, -- SHA-256; zeros for a public client
    created_at    BIGINT NOT NULL,
    last_used_at  BIGINT        -- null until a person authorizes it
);
CREATE INDEX oauth_clients_unused ON oauth_clients (created_at) WHERE last_used_at IS NULL;

CREATE TABLE oauth_signins (
    state         BYTEA PRIMARY KEY, -- SHA-256 of the state that Microsoft was given
    ticket        TEXT COLLATE "C" NOT NULL UNIQUE, -- of the consent page, which works once
    browser       BYTEA NOT NULL,    -- SHA-256 of the cookie
    client_id     TEXT COLLATE "C" NOT NULL,
    redirect_uri  TEXT COLLATE "C" NOT NULL,
    client_state  TEXT COLLATE "C" NOT NULL,
    scopes        TEXT COLLATE "C" NOT NULL,
    resource      TEXT COLLATE "C" NOT NULL,
    challenge     TEXT COLLATE "C" NOT NULL,
    epoch         BIGINT NOT NULL, -- the kill epoch at the approval
    expires_at    BIGINT NOT NULL,
    taken         BIGINT NOT NULL DEFAULT 0 -- 1 once its person is back from Microsoft
);
CREATE INDEX oauth_signins_expiry ON oauth_signins (expires_at);
CREATE INDEX oauth_signins_client ON oauth_signins (client_id);

CREATE TABLE oauth_grants (
    id           TEXT COLLATE "C" PRIMARY KEY,
    tenant_id    TEXT COLLATE "C" NOT NULL,
    user_id      TEXT COLLATE "C" NOT NULL,
    upn          TEXT COLLATE "C" NOT NULL,
    mail         TEXT COLLATE "C" NOT NULL,
    name         TEXT COLLATE "C" NOT NULL,
    client_id    TEXT COLLATE "C" NOT NULL REFERENCES oauth_clients (id),
    scopes       TEXT COLLATE "C" NOT NULL,
    resource     TEXT COLLATE "C" NOT NULL,
    generation   BIGINT NOT NULL, -- of the youngest pair of tokens
    rotated_at   BIGINT NOT NULL, -- when it was issued
    epoch        BIGINT NOT NULL, -- of the sign-in
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    ends_at      BIGINT,
    revoked_at   BIGINT,
    revoked_for  TEXT COLLATE "C"
);
CREATE INDEX oauth_grants_client ON oauth_grants (client_id);
CREATE INDEX oauth_grants_person ON oauth_grants (tenant_id, user_id);

CREATE TABLE oauth_codes (
    digest       BYTEA PRIMARY KEY, -- SHA-256
    grant_id     TEXT COLLATE "C" NOT NULL REFERENCES oauth_grants (id) ON DELETE CASCADE,
    redirect_uri TEXT COLLATE "C" NOT NULL,
    challenge    TEXT COLLATE "C" NOT NULL,
    expires_at   BIGINT NOT NULL,
    used_at      BIGINT
);
CREATE INDEX oauth_codes_grant ON oauth_codes (grant_id);
CREATE INDEX oauth_codes_expiry ON oauth_codes (expires_at);

CREATE TABLE oauth_tokens (
    digest     BYTEA PRIMARY KEY, -- SHA-256
    kind       TEXT COLLATE "C" NOT NULL CHECK (kind IN ('access', 'refresh')),
    grant_id   TEXT COLLATE "C" NOT NULL REFERENCES oauth_grants (id) ON DELETE CASCADE,
    generation BIGINT NOT NULL,
    scopes     TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX oauth_tokens_grant ON oauth_tokens (grant_id, generation, kind);
CREATE INDEX oauth_tokens_expiry ON oauth_tokens (expires_at);

-- A counter and not a time: whether a grant is older than a kill is decided by the
-- order of the transactions, not by the clocks of several replicas.
CREATE TABLE oauth_epoch (
    one   BIGINT PRIMARY KEY CHECK (one = 1),
    epoch BIGINT NOT NULL
);
INSERT INTO oauth_epoch (one, epoch) VALUES (1, 0);

CREATE TABLE oauth_kills (
    scope     TEXT COLLATE "C" NOT NULL CHECK (scope IN ('all', 'user', 'client')),
    key       TEXT COLLATE "C" NOT NULL, -- '' for all, tenant/user, client id
    epoch     BIGINT NOT NULL,
    killed_at BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
);

-- +goose Down
DROP TABLE oauth_kills;
DROP TABLE oauth_epoch;
DROP TABLE oauth_tokens;
DROP TABLE oauth_codes;
DROP TABLE oauth_grants;
DROP TABLE oauth_signins;
DROP TABLE oauth_clients;
