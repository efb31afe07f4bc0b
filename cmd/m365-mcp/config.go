package main

import (
	"m365mcp/config"
)

type configCmd struct {
	Example configExampleCmd `cmd:"" help:"Print a configuration file with every setting, at its default."`
}

type configExampleCmd struct{}

func (configExampleCmd) Run(w world) error {
	_, err := w.stdout.Write(config.Example())
	return err
}
