-- +goose Up
-- Who the proxy in front had proven when the person signed in, as JSON; empty: nobody.
ALTER TABLE oauth_signins ADD COLUMN perimeter TEXT NOT NULL DEFAULT '';
ALTER TABLE oauth_grants ADD COLUMN perimeter TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE oauth_grants DROP COLUMN perimeter;
ALTER TABLE oauth_signins DROP COLUMN perimeter;
