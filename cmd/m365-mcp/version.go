package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"m365mcp/app"
)

type versionCmd struct{}

func (versionCmd) Run(w world) error {
	_, err := fmt.Fprintln(w.stdout, version())
	return err
}

// version is the module's version and the revision that the binary was built from.
func version() string {
	revision := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = " " + s.Value
			}
		}
	}
	return fmt.Sprintf("m365-mcp %s%s %s %s/%s", app.Version(), revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
