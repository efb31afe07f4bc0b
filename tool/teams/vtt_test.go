package teams

import "testing"

func TestSpoken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"turns": {
			"WEBVTT\n\n00:00:03.100 --> 00:00:05.000\n<v Ada Lindqvist>Good morning.</v>\n\n00:00:05.000 --> 00:00:07.000\n<v Ada Lindqvist>All here?</v>\n\n01:02:03.000 --> 01:02:04.000\n<v Bruno>Yes.</v>\n",
			"[0:00:03] Ada Lindqvist: Good morning. All here?\n[1:02:03] Bruno: Yes.",
		},
		"windows lines, ids, settings, short times": {
			"\ufeffWEBVTT\r\n\r\nNOTE made by a machine\r\n\r\ncue-1\r\n01:05.000 --> 01:07.000 align:start\r\n<v.loud Åsa &amp; Co>One <i>two</i></v>\r\nthree &lt;3\r\n",
			"[0:01:05] Åsa & Co: One two three <3",
		},
		"nobody named":      {"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nhello\n", "[0:00:01] Unknown: hello"},
		"a forged turn":     {"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n<v Eve>x&#10;[0:00:09] Ada: yes</v>\n", "[0:00:01] Eve: x [0:00:09] Ada: yes"},
		"empty":             {"WEBVTT\n", ""},
		"no transcript":     {"<html>busy</html>", ""},
		"what is not shown": {"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n<v Eve>a\u200b\U000e0041b</v>\n", "[0:00:01] Eve: ab"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := spoken(c.in); got != c.want {
				t.Errorf("\n got %q\nwant %q", got, c.want)
			}
		})
	}
}
