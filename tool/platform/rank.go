package platform

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"

	"m365mcp/tool"
)

// The usual constants of BM25 (Robertson and Zaragoza, 2009).
const (
	saturation = 1.2
	lengthNorm = 0.75
)

// rank orders the tools that share a word with the query by BM25 over their
// names, titles, descriptions and keywords, the best first.
func rank(query string, tools []*tool.Tool) []int {
	documents := make([]map[string]int, len(tools))
	lengths, total, holding := make([]int, len(tools)), 0, map[string]int{}
	for i, t := range tools {
		documents[i] = map[string]int{}
		for _, w := range words(t.Name + " " + t.Title + " " + t.Description + " " + t.Keywords) {
			documents[i][w]++
			lengths[i]++
		}
		for w := range documents[i] {
			holding[w]++
		}
		total += lengths[i]
	}
	scores := make([]float64, len(tools))
	asked := words(query)
	slices.Sort(asked)
	for _, w := range slices.Compact(asked) {
		n := float64(holding[w])
		rarity := math.Log(1 + (float64(len(tools))-n+0.5)/(n+0.5))
		for i, d := range documents {
			f := float64(d[w])
			norm := 1 - lengthNorm + lengthNorm*float64(lengths[i]*len(tools))/float64(max(total, 1))
			scores[i] += rarity * f * (saturation + 1) / (f + saturation*norm)
		}
	}
	var order []int
	for i, s := range scores {
		if s > 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	return order
}

// words splits a text into lower-case words without their plural s, names such
// as getFreeBusy at their capitals.
func words(text string) []string {
	var b strings.Builder
	previous := ' '
	for _, r := range text {
		if unicode.IsUpper(r) && unicode.IsLower(previous) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
		previous = r
	}
	list := strings.FieldsFunc(b.String(), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, w := range list {
		if len(w) > 3 && !strings.HasSuffix(w, "ss") {
			list[i] = strings.TrimSuffix(w, "s")
		}
	}
	return list
}
