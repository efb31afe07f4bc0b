package zone_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"m365mcp/simulator/zone"
)

func TestFind(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for name, want := range map[string]string{
		"W. Europe Standard Time": "14:00", "w. europe standard time": "14:00", "Europe/Berlin": "14:00", "UTC": "12:00",
		"Pacific Standard Time": "05:00", "America/Los_Angeles": "05:00", "India Standard Time": "17:30", "Egypt Standard Time": "15:00",
		"Tokyo Standard Time": "21:00", "Singapore Standard Time": "20:00", "GMT Standard Time": "13:00",
	} {
		location, err := zone.Find(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := at.In(location).Format("15:04"); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	for _, name := range []string{"", "Local", "local", "Berlin", "../../etc/passwd", "Greenwich Mean Time", "W. Europe Standard Time "} {
		if _, err := zone.Find(name); err == nil {
			t.Errorf("%q was found", name)
		}
	}
	for _, name := range zone.Names() {
		if _, err := zone.Find(name); err != nil {
			t.Errorf("the rules of %s are missing: %v", name, err)
		}
	}
	if n := len(zone.Names()); n < 130 {
		t.Errorf("%d names", n)
	}
}

// What LoadLocation may find on a machine and is no zone, or a path.
func TestFindRefuses(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"LOCAL", "localtime", "posixrules", "posix/Europe/Berlin", "right/UTC", "/etc/localtime", "Europe/../UTC", `Europe\Berlin`, "Europe/",
		"Europe//Berlin", "Mars/Olympus", "UTC\x00", strings.Repeat("A", 10_000),
	} {
		if l, err := zone.Find(name); !errors.Is(err, zone.ErrUnknown) || l != nil {
			t.Errorf("Find(%.40q) = %v, %v", name, l, err)
		} else if len(err.Error()) > 250 {
			t.Errorf("Find(%.40q): an error of %d bytes", name, len(err.Error()))
		}
	}
}

func TestInstant(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, wall, want string }{
		{"Europe/Berlin", "2026-01-15T09:00", "2026-01-15T08:00Z"},
		{"Europe/Berlin", "2026-07-15T09:00", "2026-07-15T07:00Z"},
		{"Europe/Berlin", "2026-03-29T01:59", "2026-03-29T00:59Z"},
		{"Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:30Z"}, // left out: 03:30
		{"Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00Z"},
		{"Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30Z"}, // twice: the first
		{"Europe/Berlin", "2026-10-25T03:00", "2026-10-25T02:00Z"},
		{"America/New_York", "2026-03-08T02:15", "2026-03-08T07:15Z"},
		{"Australia/Sydney", "2026-10-04T02:30", "2026-10-03T16:30Z"},
		{"Asia/Kolkata", "2026-11-25T10:00", "2026-11-25T04:30Z"},
		{"UTC", "2026-11-25T10:00", "2026-11-25T10:00Z"},
	} {
		location, err := zone.Find(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		wall, err := time.Parse("2006-01-02T15:04", c.wall)
		if err != nil {
			t.Fatal(err)
		}
		if got := zone.Instant(wall, location).UTC().Format("2006-01-02T15:04Z"); got != c.want {
			t.Errorf("%s in %s: %s, want %s", c.wall, c.zone, got, c.want)
		}
	}
}
