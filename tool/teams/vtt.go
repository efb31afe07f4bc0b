package teams

import (
	"fmt"
	"html"
	"regexp"
	"strings"

	"m365mcp/content"
)

var (
	cueTime  = regexp.MustCompile(`^(?:(\d+):)?(\d{2}):(\d{2})\.\d{3}\s+-->`)
	cueVoice = regexp.MustCompile(`^<v(?:\.[^\s>]*)?\s+([^>]*)>`)
	cueTag   = regexp.MustCompile(`</?[a-z][^>]*>`)
)

// spoken makes of a transcript (WebVTT, https://www.w3.org/TR/webvtt1/) one line for
// each turn: [0:01:02] Ada: what she said. What one person says in several cues
// is one turn.
func spoken(vtt string) string {
	var (
		b       strings.Builder
		speaker string
		time    string
		inCue   bool
	)
	for line := range strings.Lines(strings.ReplaceAll(vtt, "\r", "")) {
		line = strings.TrimSpace(line)
		if at := cueTime.FindStringSubmatch(line); at != nil {
			hours := strings.TrimLeft(at[1], "0")
			if hours == "" {
				hours = "0"
			}
			time, inCue = hours+":"+at[2]+":"+at[3], true
			continue
		}
		if line == "" {
			inCue = false
		}
		if !inCue {
			continue
		}
		who := speaker
		if voice := cueVoice.FindStringSubmatch(line); voice != nil {
			who, line = content.Line(html.UnescapeString(voice[1]), 100), line[len(voice[0]):]
		}
		text := content.Line(html.UnescapeString(cueTag.ReplaceAllString(line, "")), 10_000)
		switch {
		case text == "":
			continue
		case who != speaker || b.Len() == 0:
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			name := who
			if name == "" {
				name = "Unknown"
			}
			fmt.Fprintf(&b, "[%s] %s:", time, name)
			speaker = who
		}
		b.WriteString(" " + text)
	}
	return b.String()
}
