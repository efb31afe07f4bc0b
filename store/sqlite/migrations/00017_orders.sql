-- +goose Up
-- Revocations by an administrator's command that the audit does not have yet.
CREATE TABLE oauth_orders (
    id         TEXT    NOT NULL PRIMARY KEY,
    scope      TEXT    NOT NULL, -- all, user, client, grant
    tenant_id  TEXT    NOT NULL,
    user_id    TEXT    NOT NULL,
    client_id  TEXT    NOT NULL,
    grant_id   TEXT    NOT NULL,
    grants     INTEGER NOT NULL, -- that ended
    ordered_at INTEGER NOT NULL,
    holder     TEXT    NOT NULL DEFAULT '', -- who records it, until held_until
    held_until INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE oauth_orders;
