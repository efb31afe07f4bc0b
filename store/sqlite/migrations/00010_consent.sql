-- +goose Up

-- What people have allowed clients, beyond the grants that came of it.
CREATE TABLE oauth_consents (
    tenant_id    TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    client_id    TEXT NOT NULL REFERENCES oauth_clients (id) ON DELETE CASCADE,
    redirect_uri TEXT NOT NULL,    -- a loopback one without its port
    scopes       TEXT NOT NULL,
    upn          TEXT NOT NULL,    -- to name the person to Microsoft
    client       BLOB NOT NULL,    -- SHA-256 of the client's metadata at the time
    epoch        INTEGER NOT NULL, -- the kill epoch at the approval
    agreed_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, user_id, client_id, redirect_uri)
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth_consents_client ON oauth_consents (client_id);
CREATE INDEX oauth_consents_age ON oauth_consents (agreed_at);

-- What Microsoft demands of the next sign-in (continuous access evaluation).
CREATE TABLE oauth_demands (
    tenant_id   TEXT NOT NULL,
    user_id     TEXT NOT NULL,
    client_id   TEXT NOT NULL REFERENCES oauth_clients (id) ON DELETE CASCADE,
    claims      TEXT NOT NULL,
    demanded_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, user_id, client_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth_demands_client ON oauth_demands (client_id);

-- The scopes that a grant's client was told to ask for.
CREATE TABLE oauth_asked (
    grant_id  TEXT NOT NULL REFERENCES oauth_grants (id) ON DELETE CASCADE,
    scope     TEXT NOT NULL,
    asked_at  INTEGER NOT NULL,
    refreshed INTEGER NOT NULL DEFAULT 0, -- 1 once a refresh was answered with it
    PRIMARY KEY (grant_id, scope)
) STRICT, WITHOUT ROWID;

-- Links on which a grant's person may add scopes to it.
CREATE TABLE oauth_links (
    digest     BLOB PRIMARY KEY, -- SHA-256
    grant_id   TEXT NOT NULL REFERENCES oauth_grants (id) ON DELETE CASCADE,
    scopes     TEXT NOT NULL,    -- to add
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth_links_grant ON oauth_links (grant_id);
CREATE INDEX oauth_links_expiry ON oauth_links (expires_at);

ALTER TABLE oauth_signins ADD COLUMN tenant_id TEXT NOT NULL DEFAULT '';         -- of who has to come back
ALTER TABLE oauth_signins ADD COLUMN user_id TEXT NOT NULL DEFAULT '';
ALTER TABLE oauth_signins ADD COLUMN remembered INTEGER NOT NULL DEFAULT 0;      -- 1: an earlier consent covers it
ALTER TABLE oauth_signins ADD COLUMN silent INTEGER NOT NULL DEFAULT 0;          -- 1: no page may be shown
ALTER TABLE oauth_signins ADD COLUMN claims TEXT NOT NULL DEFAULT '';            -- asked of Microsoft
ALTER TABLE oauth_signins ADD COLUMN client BLOB NOT NULL DEFAULT x'';           -- SHA-256 of the client's metadata on the page
ALTER TABLE oauth_signins ADD COLUMN grant_id TEXT NOT NULL DEFAULT '';          -- to widen

-- +goose Down
ALTER TABLE oauth_signins DROP COLUMN grant_id;
ALTER TABLE oauth_signins DROP COLUMN client;
ALTER TABLE oauth_signins DROP COLUMN claims;
ALTER TABLE oauth_signins DROP COLUMN silent;
ALTER TABLE oauth_signins DROP COLUMN remembered;
ALTER TABLE oauth_signins DROP COLUMN user_id;
ALTER TABLE oauth_signins DROP COLUMN tenant_id;
DROP TABLE oauth_links;
DROP TABLE oauth_asked;
DROP TABLE oauth_demands;
DROP TABLE oauth_consents;
