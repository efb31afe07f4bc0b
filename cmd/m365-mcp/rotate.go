package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"m365mcp/app"
	"m365mcp/config"
	"m365mcp/rotation"
)

// progressEvery is how many moved values are worth a line.
const progressEvery = 1000

// keysConfig is what commands about the keys read.
type keysConfig struct{ configFile }

func (k keysConfig) load(w world) (config.Config, error) {
	return config.LoadKeys(k.Config, w.environ, os.ReadFile)
}

type keysStatusCmd struct{ keysConfig }

func (c *keysStatusCmd) Help() string {
	return `Prints a line for each key with the number of values it seals: "encrypts" is the first of ENCRYPTION_KEY, "opens" another one of it, "missing" one that is not configured and without which the server does not start. Shows ids, never keys.`
}

func (c *keysStatusCmd) Run(ctx context.Context, w world) error {
	cfg, err := c.load(w)
	if err != nil {
		return err
	}
	uses, err := app.KeysStatus(ctx, cfg)
	if err != nil {
		return err
	}
	return w.show(keyTable(uses) + advice(uses, "move what it seals: m365-mcp keys rotate"))
}

type keysRotateCmd struct {
	keysConfig
	Leaked bool `help:"The old key is known to others: also draw a new root secret and end every sign-in. Stop the server first."`
}

func (c *keysRotateCmd) Help() string {
	return `Does at once what the server does in the background; runs beside a server that has the same ENCRYPTION_KEY, or without one. Says at the end which keys can be removed. It can be stopped at any time and started again.

Values that do not open are named and left as they are; the exit code is 1 then.`
}

func (c *keysRotateCmd) Run(ctx context.Context, w world) error {
	cfg, err := c.load(w)
	if err != nil {
		return err
	}
	moved := 0
	report, uses, err := app.RotateKeys(ctx, cfg, c.Leaked, func(_ rotation.Place, n int) {
		if moved/progressEvery != (moved+n)/progressEvery {
			w.complain("%d values moved\n", moved+n)
		}
		moved += n
	})
	for _, f := range report.Failed {
		w.complain("m365-mcp: %v\n", f)
	}
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d values were moved onto key %s.\n", report.Moved, report.Key)
	if c.Leaked {
		b.WriteString("Every sign-in has ended, and there is a new root secret.\n")
	}
	if err := w.show(b.String() + keyTable(uses) + advice(uses, "see above what could not be moved")); err != nil {
		return err
	}
	if len(report.Failed) > 0 {
		w.complain("m365-mcp: values that do not open: %d. They were changed, or sealed by another key of the same id. The person of such a grant has to sign in again. "+
			"To give up all that is left under a key: stop the server, take the key out of ENCRYPTION_KEY, m365-mcp keys forget ID\n", len(report.Failed))
		return errFailed
	}
	return nil
}

type keysForgetCmd struct {
	keysConfig
	Key  string `arg:"" placeholder:"ID" help:"Id of a key that is lost and not configured."`
	Sure bool   `help:"Do it. Without this, only say what would be given up."`
}

func (c *keysForgetCmd) Help() string {
	return `For a key that is lost for good: the server refuses to start while the database holds what it seals. Its people have to sign in again, and its uploads and links are gone. Stop the server first.`
}

func (c *keysForgetCmd) Run(ctx context.Context, w world) error {
	cfg, err := c.load(w)
	if err != nil {
		return err
	}
	lost, err := app.ForgetKey(ctx, cfg, c.Key, c.Sure)
	if err != nil {
		return err
	}
	if !c.Sure {
		return w.show(fmt.Sprintf("This would give up for good what key %s seals: %s. Do it with --sure.\n", lost.Key, lost))
	}
	return w.show(fmt.Sprintf("Given up with key %s: %s.\n", lost.Key, lost))
}

// keyTable shows what each key seals.
func keyTable(uses []rotation.Use) string {
	var b strings.Builder
	b.WriteString("key\tstate")
	for _, p := range rotation.Places() {
		fmt.Fprintf(&b, "\t%ss", p)
	}
	b.WriteString("\n")
	for _, u := range uses {
		name := u.Key
		if u.State == rotation.Unknown {
			name = "-"
		}
		fmt.Fprintf(&b, "%s\t%s", name, u.State)
		for _, p := range rotation.Places() {
			fmt.Fprintf(&b, "\t%d", u.Values[p])
		}
		b.WriteString("\n")
	}
	return b.String()
}

// advice says what to do with each key but the first, and with one that is needed.
func advice(uses []rotation.Use, needed string) string {
	var b strings.Builder
	for _, u := range uses {
		switch {
		case u.State == rotation.Missing:
			fmt.Fprintf(&b, "Key %s is missing: the server does not start without it. If it is lost: m365-mcp keys forget %s\n", u.Key, u.Key)
		case u.State == rotation.Opens && u.Total() > 0:
			fmt.Fprintf(&b, "Key %s is still needed; %s\n", u.Key, needed)
		}
	}
	for _, kid := range rotation.Removable(uses) {
		fmt.Fprintf(&b, "Key %s can be removed from ENCRYPTION_KEY: it seals nothing here.\n", kid)
	}
	return b.String()
}
