package dataset

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// Ids look like Exchange's: base64url of a store's entry id, so that all ids of
// one mailbox share a long beginning and differ only towards the end. Software
// that truncates or compares beginnings of ids shows its fault here.
const (
	folderIDBytes     = 89  // 120 characters
	messageIDBytes    = 113 // 152 characters
	attachmentIDBytes = 143 // 192 characters
	mailboxPart       = 60  // bytes that all ids of a mailbox share
)

func messageID(person, letter string) string {
	return entryID("AAMkA", messageIDBytes, person, "message", letter)
}

func folderID(person, folder string) string {
	return entryID("AQMkA", folderIDBytes, person, "folder", folder)
}

// attachmentID counts an attachment of a mail: its name may hold a date.
func attachmentID(person, letter, number string) string {
	return entryID("AAMkA", attachmentIDBytes, person, "attachment", letter, number)
}

// conversationID is the same in every mailbox, so that a thread can be followed across them.
func conversationID(thread string) string {
	return entryID("AAQkA", 77, "tenant", "conversation", thread)
}

func internetMessageID(letter, sender string) string {
	_, domain, _ := strings.Cut(sender, "@")
	return "<" + strings.ToUpper(hex.EncodeToString(expand(14, "internet", letter))) + "@" + domain + ">"
}

func entryID(prefix string, size int, mailbox string, parts ...string) string {
	shared := expand(mailboxPart, "mailbox", mailbox)
	own := expand(size-mailboxPart, append([]string{mailbox}, parts...)...)
	id := base64.URLEncoding.EncodeToString(append(shared, own...))
	return prefix + id[len(prefix):]
}

// objectID is a directory object's id: a UUID of version 4 by its looks.
func objectID(kind, name string) string {
	b := expand(16, kind, name)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// expand derives n bytes from parts: SHA-256 in counter mode.
func expand(n int, parts ...string) []byte {
	seed := strings.Join(parts, "\x00")
	out := make([]byte, 0, n+sha256.Size)
	for i := uint32(0); len(out) < n; i++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint32([]byte(seed), i))
		out = append(out, sum[:]...)
	}
	return out[:n]
}

// draw is a small number in [0, n) that always belongs to the same parts.
func draw(n int, parts ...string) int {
	b := expand(2, parts...)
	return (int(b[0])<<8 | int(b[1])) % n
}
