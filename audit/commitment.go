package audit

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"

	"m365mcp/identity"
)

// The personal fields, by the names that readers of the log see.
const (
	fieldUserID      = "userId"
	fieldEmail       = "userEmail"
	fieldUPN         = "microsoftUserPrincipalName"
	fieldDisplayName = "microsoftDisplayName"
	fieldPerimeter   = "perimeterIdentity"
	fieldPlanDigest  = "planDigest"
	fieldRecipients  = "recipients." // and the position in the list
)

const saltSize = 16

// disclosure opens one commitment. Without the salt the value cannot be found
// by trying, so deleting both erases the person.
type disclosure struct {
	Salt  []byte `json:"salt"`
	Value string `json:"value"`
}

func recipientField(i int) string { return fieldRecipients + strconv.Itoa(i) }

func principalValues(p identity.Principal) map[string]string {
	return map[string]string{
		fieldUserID: p.UserID, fieldEmail: p.Mail, fieldUPN: p.UPN,
		fieldDisplayName: p.Name, fieldPerimeter: p.Perimeter.String(),
	}
}

// commitment is base64(SHA-256(salt || name || value)); name and value are
// framed by their length, so that no two pairs give the same input.
func commitment(salt []byte, field, value string) string {
	h := sha256.New()
	h.Write(salt)
	for _, s := range []string{field, value} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func commitTo(values map[string]string) (map[string]string, *Personal, error) {
	commitments := make(map[string]string, len(values))
	disclosures := make(map[string]disclosure, len(values))
	for field, value := range values {
		value = clean(value)
		if len(value) > maxText {
			return nil, nil, fmt.Errorf("%w: %s has %d bytes", ErrInvalid, field, len(value))
		}
		salt := make([]byte, saltSize)
		_, _ = rand.Read(salt) // never fails: crypto/rand.Read ends the program instead
		commitments[field] = commitment(salt, field, value)
		disclosures[field] = disclosure{Salt: salt, Value: value}
	}
	sealed, err := json.Marshal(disclosures)
	if err != nil {
		return nil, nil, fmt.Errorf("audit: encode: %w", err)
	}
	return commitments, &Personal{Values: sealed}, nil
}

func (p *Personal) disclosures() (map[string]disclosure, error) {
	if p == nil {
		return nil, nil
	}
	var d map[string]disclosure
	if err := json.Unmarshal(p.Values, &d); err != nil {
		return nil, fmt.Errorf("audit: personal values: %w", err)
	}
	return d, nil
}

func (d disclosure) opens(field, committed string) bool {
	return len(d.Salt) == saltSize && commitment(d.Salt, field, d.Value) == committed
}
