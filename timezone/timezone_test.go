package timezone_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"m365mcp/timezone"
)

func TestFind(t *testing.T) {
	t.Parallel()
	winter := time.Date(2026, 1, 5, 8, 30, 0, 0, time.UTC)
	summer := time.Date(2026, 7, 5, 8, 30, 0, 0, time.UTC)
	for _, c := range []struct{ name, label, winter, summer string }{
		{"W. Europe Standard Time", "Europe/Berlin", "2026-01-05T09:30+01:00", "2026-07-05T10:30+02:00"},
		{"Europe/Berlin", "Europe/Berlin", "2026-01-05T09:30+01:00", "2026-07-05T10:30+02:00"},
		{"India Standard Time", "Asia/Calcutta", "2026-01-05T14:00+05:30", "2026-07-05T14:00+05:30"},
		{"Pacific Standard Time", "America/Los_Angeles", "2026-01-05T00:30-08:00", "2026-07-05T01:30-07:00"},
		{"UTC", "UTC", "2026-01-05T08:30Z", "2026-07-05T08:30Z"},
	} {
		z, err := timezone.Find(c.name)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if z.Name() != c.name || z.Format(winter) != c.winter || z.Format(summer) != c.summer {
			t.Errorf("%s: name %q, %s, %s; want %s, %s", c.name, z.Name(), z.Format(winter), z.Format(summer), c.winter, c.summer)
		}
		if c.name != "UTC" && z.Label() != c.label && z.Label() != "Etc/UTC" {
			t.Errorf("%s: label %q, want %q", c.name, z.Label(), c.label)
		}
	}
	for _, name := range []string{"", "Local", "local", "../../etc/passwd", "/etc/localtime", "Berlin", "CEST\r\nX: y"} {
		if _, err := timezone.Find(name); !errors.Is(err, timezone.ErrUnknown) {
			t.Errorf("Find(%q): %v, want ErrUnknown", name, err)
		}
	}
}

// Every Windows name leads to rules that exist.
func TestWindowsNames(t *testing.T) {
	t.Parallel()
	names := timezone.WindowsNames()
	if len(names) < 130 {
		t.Errorf("%d Windows names; CLDR has about 140", len(names))
	}
	for _, name := range names {
		if _, err := timezone.Find(name); err != nil {
			t.Error(err)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	berlin, err := timezone.Find("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text, want string
		day        bool
	}{
		{"2026-03-05T09:30", "2026-03-05T08:30:00Z", false},
		{"2026-03-05 09:30", "2026-03-05T08:30:00Z", false},
		{"2026-07-05T09:30:15", "2026-07-05T07:30:15Z", false},
		{"2026-03-05T09:30:00.0000000", "2026-03-05T08:30:00Z", false},
		{"2026-03-05T09:30:00Z", "2026-03-05T09:30:00Z", false},
		{"2026-03-05T09:30-05:00", "2026-03-05T14:30:00Z", false},
		{" 2026-03-05 ", "2026-03-04T23:00:00Z", true},
	} {
		got, day, err := berlin.Parse(c.text)
		if err != nil || got.UTC().Format(time.RFC3339) != c.want || day != c.day {
			t.Errorf("Parse(%q) = %s, %v, %v; want %s", c.text, got.UTC().Format(time.RFC3339), day, err, c.want)
		}
	}
	for _, text := range []string{"", "tomorrow", "05.03.2026", "2026-13-01", "2026-02-30T10:00"} {
		if _, _, err := berlin.Parse(text); err == nil {
			t.Errorf("Parse(%q) was accepted", text)
		}
	}
}

// The hour that clocks leave out in spring.
func TestParseExisting(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, text, want string }{
		{"Europe/Berlin", "2026-03-29T01:59", "2026-03-29T00:59:00Z"},
		{"Europe/Berlin", "2026-03-29T02:30", ""},
		{"Europe/Berlin", "2026-03-29 02:00:00", ""},
		{"Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00:00Z"},
		{"Europe/Berlin", "2026-03-29T02:30:00Z", "2026-03-29T02:30:00Z"},
		{"Europe/Berlin", "2026-03-29T02:30+00:00", "2026-03-29T02:30:00Z"},
		{"Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z"},
		{"Europe/London", "2026-03-29T01:30", ""},
		{"Europe/London", "2026-03-29T02:30", "2026-03-29T01:30:00Z"},
		{"UTC", "2026-03-29T02:30", "2026-03-29T02:30:00Z"},
	} {
		zone, err := timezone.Find(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := zone.ParseExisting(c.text)
		switch {
		case c.want == "" && (err == nil || !strings.Contains(err.Error(), "does not exist in ")):
			t.Errorf("%s %s: %v, %v", c.zone, c.text, got, err)
		case c.want != "" && (err != nil || got.UTC().Format(time.RFC3339) != c.want):
			t.Errorf("%s %s: %v, %v; want %s", c.zone, c.text, got.UTC(), err, c.want)
		}
	}
	zone, err := timezone.Find("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := zone.ParseExisting("2026-03-29T02:30"); err == nil || !strings.Contains(err.Error(), "write 2026-03-29T03:30") {
		t.Errorf("no way out: %v", err)
	}
}

func TestZeroZoneIsUTC(t *testing.T) {
	t.Parallel()
	var z timezone.Zone
	if z.Name() != "UTC" || z.Label() != "UTC" || z.Format(time.Unix(0, 0)) != "1970-01-01T00:00Z" {
		t.Errorf("zero zone: %s, %s, %s", z.Name(), z.Label(), z.Format(time.Unix(0, 0)))
	}
}
