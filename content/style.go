package content

import (
	"math"
	"strconv"
	"strings"
)

// style is what an element inherits and what decides whether its text is seen.
type style struct {
	size      float64 // of letters, in pixels
	opacity   float64 // product of all ancestors'
	color     shade
	ground    shade // behind the text
	invisible bool  // visibility: hidden
	keepLines bool  // white-space: pre and its like
}

// shade is a colour; one that is not known hides nothing.
type shade struct {
	red, green, blue uint8
	known, clear     bool
}

var (
	black = shade{known: true}
	white = shade{red: 255, green: 255, blue: 255, known: true}
	blue  = shade{blue: 238, known: true}
)

func initialStyle() style { return style{size: 16, opacity: 1, color: black, ground: white} }

const (
	smallest = 4   // pixels: nobody reads smaller letters
	faintest = 0.1 // opacity
	nearest  = 24  // of 255: colours that differ less look the same
	farthest = 500 // pixels outside the page
)

// legible says whether text in this style is seen.
func (s *style) legible() bool {
	if s.invisible || s.size < smallest || s.opacity < faintest || s.color.clear {
		return false
	}
	if !s.color.known || !s.ground.known {
		return true
	}
	apart := func(a, b uint8) bool { return max(a, b)-min(a, b) > nearest }
	return apart(s.color.red, s.ground.red) || apart(s.color.green, s.ground.green) || apart(s.color.blue, s.ground.blue)
}

// next is the style inside of n; hidden means that nothing in n can be seen,
// whatever the elements in it declare. aria-hidden hides from screen readers
// only, so it counts for nothing here.
func (s *style) next(n *node, set declarations) (in style, hidden bool) {
	in = *s
	in.hint(n)
	in.declare(set)
	_, marked := n.attr["hidden"]
	hidden = n.tag == "template" || marked && set["display"] == "" || set["display"] == "none" ||
		in.opacity < faintest || set.offPage() || set.collapsed(in.size)
	return in, hidden
}

// hint applies what HTML itself says of colours.
func (s *style) hint(n *node) {
	switch n.tag {
	case "":
		return
	case "a":
		if n.attr["href"] != "" {
			s.color = blue
		}
	case "font":
		if c := n.attr["color"]; c != "" {
			s.color = parseColor(c)
		}
	case "body":
		if c := n.attr["text"]; c != "" {
			s.color = parseColor(c)
		}
	case "pre":
		s.keepLines = true
	}
	if c := n.attr["bgcolor"]; c != "" {
		s.ground = parseColor(c)
	}
	if n.attr["background"] != "" {
		s.ground = shade{}
	}
}

func (s *style) declare(set declarations) {
	if v := set["font"]; v != "" {
		for word := range strings.FieldsSeq(v) {
			word, _, _ = strings.Cut(word, "/")
			if size, ok := pixels(word, s.size); ok && (!strings.HasSuffix(word, "00") || size == 0) {
				s.size = size
			}
		}
	}
	if size, ok := pixels(set["font-size"], s.size); ok {
		s.size = size
	}
	if v := set["opacity"]; v != "" {
		number, percent := strings.CutSuffix(v, "%")
		f, err := strconv.ParseFloat(number, 64)
		if percent {
			f /= 100
		}
		if err == nil {
			s.opacity *= min(1, max(0, f))
		}
	}
	switch set["visibility"] {
	case "hidden", "collapse":
		s.invisible = true
	case "visible":
		s.invisible = false
	}
	if v := set["color"]; v != "" && v != "inherit" && v != "currentcolor" {
		s.color = parseColor(v)
	}
	for _, property := range []string{"background", "background-color", "background-image"} {
		s.paint(set[property])
	}
	if v := set["white-space"]; v != "" {
		s.keepLines = strings.HasPrefix(v, "pre") || v == "break-spaces"
	}
}

func (s *style) paint(value string) {
	switch {
	case value == "" || value == "none" || value == "inherit":
		return
	case strings.Contains(value, "url(") || strings.Contains(value, "gradient") || strings.Contains(value, "var("):
		s.ground = shade{}
		return
	}
	color := parseColor(value)
	if !color.known && !color.clear { // a shorthand: the colour is one of its words
		for word := range strings.FieldsSeq(value) {
			if c := parseColor(word); c.known || c.clear {
				color = c
			}
		}
	}
	if !color.clear {
		s.ground = color
	}
}

// offPage knows text that is moved away or cut to nothing.
func (d declarations) offPage() bool {
	if p := d["position"]; p == "absolute" || p == "fixed" || p == "relative" {
		for _, side := range []string{"left", "top", "right"} {
			if v, ok := pixels(d[side], 16); ok && math.Abs(v) >= farthest && (v < 0 || v >= 10*farthest) {
				return true
			}
		}
	}
	for _, property := range []string{"text-indent", "margin-left", "margin-top"} {
		if v, ok := pixels(d[property], 16); ok && v <= -farthest {
			return true
		}
	}
	squeezed := strings.ReplaceAll(d["clip"]+" "+d["clip-path"]+" "+d["transform"], " ", "")
	for _, none := range []string{"rect(0,0,0,0)", "rect(0px,0px,0px,0px)", "rect(1px,1px,1px,1px)", "inset(50%)", "inset(100%)", "scale(0)", "scale(0,0)"} {
		if strings.Contains(squeezed, none) {
			return true
		}
	}
	return strings.Contains(squeezed, "translate(-9") || strings.Contains(squeezed, "translatex(-9")
}

// collapsed knows boxes without room whose content does not flow out.
func (d declarations) collapsed(size float64) bool {
	if !strings.Contains(d["overflow"]+d["overflow-x"]+d["overflow-y"], "hidden") && !strings.Contains(d["overflow"], "clip") {
		return false
	}
	for _, side := range []string{"height", "max-height", "width", "max-width"} {
		if v, ok := pixels(d[side], size); ok && v < smallest && !strings.HasSuffix(d[side], "%") {
			return true
		}
	}
	return false
}

// pixels reads a length; em and % are of size.
func pixels(value string, size float64) (float64, bool) {
	switch value {
	case "":
		return 0, false
	case "medium", "small", "large", "x-large", "xx-large":
		return 16, true
	case "x-small", "xx-small":
		return 10, true
	}
	end := strings.IndexFunc(value, func(r rune) bool { return (r < '0' || r > '9') && r != '.' && r != '-' && r != '+' })
	if end < 0 {
		end = len(value)
	}
	v, err := strconv.ParseFloat(value[:end], 64)
	if err != nil {
		return 0, false
	}
	switch strings.TrimSpace(value[end:]) {
	case "", "px":
		return v, true
	case "pt":
		return v * 4 / 3, true
	case "em", "ex", "ch":
		return v * size, true
	case "rem", "vw", "vh", "pc":
		return v * 16, true
	case "%":
		return v * size / 100, true
	case "cm":
		return v * 38, true
	case "mm":
		return v * 3.8, true
	case "in":
		return v * 96, true
	}
	return 0, false
}

var colorNames = map[string]shade{
	"black": black, "white": white, "snow": {255, 250, 250, true, false}, "ivory": {255, 255, 240, true, false},
	"whitesmoke": {245, 245, 245, true, false}, "ghostwhite": {248, 248, 255, true, false}, "floralwhite": {255, 250, 240, true, false},
	"mintcream": {245, 255, 250, true, false}, "azure": {240, 255, 255, true, false}, "silver": {192, 192, 192, true, false},
	"gray": {128, 128, 128, true, false}, "grey": {128, 128, 128, true, false}, "red": {255, 0, 0, true, false},
	"green": {0, 128, 0, true, false}, "blue": {0, 0, 255, true, false}, "yellow": {255, 255, 0, true, false},
	"navy": {0, 0, 128, true, false}, "transparent": {clear: true}, "windowtext": black, "window": white,
}

func parseColor(value string) shade {
	value = strings.ToLower(strings.TrimSpace(value))
	if c, ok := colorNames[value]; ok {
		return c
	}
	if inner, ok := strings.CutPrefix(value, "rgb"); ok {
		return parseRGB(strings.Trim(strings.TrimPrefix(inner, "a"), "()"))
	}
	hex, marked := strings.CutPrefix(value, "#")
	if len(hex) == 3 || len(hex) == 4 {
		var long strings.Builder
		for i := range len(hex) {
			long.WriteByte(hex[i])
			long.WriteByte(hex[i])
		}
		hex = long.String()
	}
	if len(hex) == 6 {
		hex += "ff"
	}
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil || len(hex) != 8 || !marked && len(value) != 6 {
		return shade{}
	}
	if n&0xff < 26 {
		return shade{clear: true}
	}
	return shade{red: uint8(n >> 24), green: uint8(n >> 16), blue: uint8(n >> 8), known: n&0xff == 0xff} //nolint:gosec // the low bytes are meant
}

// parseRGB reads "255, 255, 255", "255 255 255 / 50%" and percentages.
func parseRGB(inner string) shade {
	words := strings.FieldsFunc(inner, func(r rune) bool { return r == ',' || r == ' ' || r == '/' })
	if len(words) != 3 && len(words) != 4 {
		return shade{}
	}
	var v [4]float64
	v[3] = 1
	for i, word := range words {
		whole := 255.0
		if i == 3 {
			whole = 1
		}
		number, percent := strings.CutSuffix(word, "%")
		f, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return shade{}
		}
		if percent {
			f *= whole / 100
		}
		v[i] = min(whole, max(0, f))
	}
	if v[3] < faintest {
		return shade{clear: true}
	}
	return shade{red: uint8(v[0]), green: uint8(v[1]), blue: uint8(v[2]), known: v[3] == 1}
}
