-- +goose Up
-- Revocations by an administrator's command that the audit does not have yet.
CREATE TABLE oauth_orders (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    scope      TEXT COLLATE "C" NOT NULL, -- all, user, client, grant
    tenant_id  TEXT COLLATE "C" NOT NULL,
    user_id    TEXT COLLATE "C" NOT NULL,
    client_id  TEXT COLLATE "C" NOT NULL,
    grant_id   TEXT COLLATE "C" NOT NULL,
    grants     BIGINT NOT NULL, -- that ended
    ordered_at BIGINT NOT NULL,
    holder     TEXT COLLATE "C" NOT NULL DEFAULT '', -- who records it, until held_until
    held_until BIGINT NOT NULL DEFAULT 0
);

-- +goose Down
DROP TABLE oauth_orders;
