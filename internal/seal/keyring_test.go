package seal_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"m365mcp/internal/seal"
)

// rawKey is a key in bytes whose base64 uses both letters in which the alphabets differ.
var rawKey = []byte("\xfb\xef\xbe\xff\x01\x9c\x22\xd7\x40\x8b\x6e\x13\xaa\x55\xe0\x71" +
	"\x3d\xc4\x0f\x98\x62\xb5\x2a\xde\x87\x14\xf9\x5b\xc0\x36\xad\x7f")

func TestParseKeyringEncodings(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256(rawKey)
	id := hex.EncodeToString(sum[:4])
	for _, text := range []string{
		hex.EncodeToString(rawKey),
		strings.ToUpper(hex.EncodeToString(rawKey)),
		base64.StdEncoding.EncodeToString(rawKey),
		base64.RawStdEncoding.EncodeToString(rawKey),
		base64.URLEncoding.EncodeToString(rawKey),
		"  " + base64.RawURLEncoding.EncodeToString(rawKey) + "\n",
	} {
		if got, want := ring(t, text).String(), "keyring["+id+"]"; got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
		if got := ring(t, "2026-a: "+strings.TrimSpace(text)).String(); got != "keyring[2026-a]" {
			t.Errorf("%q with an id: %s", text, got)
		}
	}
	if got := ring(t, newKey+" , "+oldKey).String(); got != "keyring[new old]" {
		t.Errorf("two keys: %s", got)
	}
}

func TestParseKeyringRefuses(t *testing.T) {
	t.Parallel()
	good := hex.EncodeToString(rawKey)
	sequence := make([]byte, 32)
	for i := range sequence {
		sequence[i] = byte(3 * i)
	}
	for name, c := range map[string]struct{ text, want string }{
		"nothing":         {" \n", "no encryption key"},
		"empty entry":     {good + ",", "encryption key 2 of 2: it is empty"},
		"short":           {good[:62], "hex of 31 bytes, and must be of 32"},
		"long":            {base64.StdEncoding.EncodeToString(append(bytes.Clone(rawKey), 1)), "base64 of 33 bytes"},
		"neither":         {"correct horse battery staple", "neither hex nor base64"},
		"equal bytes":     {strings.Repeat("ab", 32), "bytes are equal"},
		"zeros in base64": {base64.StdEncoding.EncodeToString(make([]byte, 32)), "bytes are equal"},
		"repeats itself":  {hex.EncodeToString([]byte(strings.Repeat("password", 4))), "repeats itself"},
		"sequence":        {hex.EncodeToString(sequence), "plain sequence"},
		"readable text":   {base64.StdEncoding.EncodeToString([]byte("The quick brown fox jumps over 9")), "readable text"},
		"empty id":        {":" + good, "key id"},
		"odd id":          {"a b:" + good, "key id"},
		"long id":         {strings.Repeat("k", 33) + ":" + good, "key id"},
		"id and key swapped": {
			good + ":k1", "encryption key 1 of 1",
		},
		"same id":  {"a:" + good + ",a:" + strings.TrimPrefix(newKey, "new:"), "as key 1"},
		"same key": {"a:" + good + ",b:" + good, "as key 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, err := seal.ParseKeyring(c.text)
			if err == nil {
				t.Fatalf("accepted: %v", k)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q, want it to say %q", err, c.want)
			}
			for _, part := range strings.FieldsFunc(c.text, func(r rune) bool { return strings.ContainsRune(":, \n", r) }) {
				if len(part) >= 8 && strings.Contains(err.Error(), part) {
					t.Errorf("error %q shows key material %q", err, part)
				}
			}
		})
	}
}

func TestGenerateKey(t *testing.T) {
	t.Parallel()
	a, b := seal.GenerateKey(), seal.GenerateKey()
	if a == b {
		t.Fatal("the same key twice")
	}
	kid, value, _ := strings.Cut(a, ":")
	if got := ring(t, value).String(); got != "keyring["+kid+"]" {
		t.Errorf("generated id %s is not the default id %s", kid, got)
	}
}

func TestKeyringIsNotPrinted(t *testing.T) {
	t.Parallel()
	k := ring(t, "k1:"+hex.EncodeToString(rawKey))
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).InfoContext(t.Context(), "keys", "keyring", k, "value", *k)
	text := fmt.Sprintf("%v %+v %#v %s %x %d %v", k, k, k, k, k, k, *k) + log.String()
	for _, leak := range []string{hex.EncodeToString(rawKey[:4]), "251 239", "0xfb"} {
		if strings.Contains(strings.ToLower(text), leak) {
			t.Errorf("printed key material: %s", text)
		}
	}
	if !strings.Contains(text, "keyring[k1]") {
		t.Errorf("key id missing: %s", text)
	}
}

func FuzzParseKeyring(f *testing.F) {
	for _, s := range []string{oldKey, newKey + "," + oldKey, "a:b:c", ",", "k:", strings.Repeat("A", 43) + "="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := seal.ParseKeyring(text)
		if err != nil {
			return
		}
		sealed, err := k.Seal([]byte("x"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := k.Open(sealed, nil); err != nil || string(got) != "x" {
			t.Errorf("Open = %q, %v", got, err)
		}
	})
}
