package authserver

import (
	"encoding/hex"
	"net/http"
	"time"
)

// cookies sets and reads this server's cookies: one for the browser that saw a
// form, one or two for each sign-in that it approved, one for a page session.
//
// The __Host- prefix keeps sub-domains and plain http from planting them. Browsers
// refuse it, like Secure, on loopback http: names and flags follow the public URL.
type cookies struct{ secure bool }

const consentCookie = "m365mcp-consent"

// signInCookie differs for each sign-in, so that two tabs do not take each other's place.
func signInCookie(state Digest) string { return "m365mcp-signin-" + hex.EncodeToString(state[:4]) }

func (c cookies) name(name string) string {
	if c.secure {
		return "__Host-" + name
	}
	return name
}

func (c cookies) set(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, c.cookie(name, value, int(life.Seconds())))
}

func (c cookies) clear(w http.ResponseWriter, name string) {
	http.SetCookie(w, c.cookie(name, "", -1))
}

func (c cookies) cookie(name, value string, maxAge int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure follows the scheme of the public URL
		Name: c.name(name), Value: value, Path: "/", MaxAge: maxAge,
		Secure: c.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode, // Lax: the callback is a cross-site navigation
	}
}

// get returns the cookie's value, or "" when it is absent, of another form than
// this server's own, or there twice.
func (c cookies) get(r *http.Request, name string) string {
	value := c.one(r, name)
	if len(value) != len(randomToken()) {
		return ""
	}
	return value
}

// one returns the cookie's value, or "" when it is absent or there twice.
func (c cookies) one(r *http.Request, name string) string {
	found := r.CookiesNamed(c.name(name))
	if len(found) != 1 {
		return ""
	}
	return found[0].Value
}
