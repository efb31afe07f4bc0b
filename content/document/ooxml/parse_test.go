package ooxml_test

import (
	"context"
	"errors"
	"testing"
	"unicode/utf8"

	"m365mcp/content/document/limit"
	"m365mcp/content/document/ooxml"
)

// parse fails for an error of no kind, and for more text than is allowed.
func parse(t *testing.T, format func(context.Context, *ooxml.Archive, *limit.Text) error, data []byte) {
	t.Helper()
	m := limit.NewMeter(limit.Limits{Text: 1000})
	out := limit.NewText(m)
	a, err := ooxml.Open(data, m)
	if err == nil {
		err = format(t.Context(), a, out)
	}
	known(t, err)
	if n := utf8.RuneCountInString(out.String()); n > 1000 {
		t.Errorf("%d characters", n)
	}
}

func known(t *testing.T, err error) {
	t.Helper()
	for _, kind := range []error{nil, limit.ErrDamaged, limit.ErrTooLarge, limit.ErrEncrypted} {
		if errors.Is(err, kind) {
			return
		}
	}
	t.Error(err)
}
