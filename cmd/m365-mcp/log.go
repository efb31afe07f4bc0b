package main

import (
	"io"
	"log/slog"

	"m365mcp/config"
)

// newLogger writes to standard error; standard output is for what a command answers.
func newLogger(out io.Writer, c config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo // config and kong allow known names only
	}
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}

// logLevel is the flag of commands that have no configuration file.
type logLevel struct {
	LogLevel string `enum:"debug,info,warn,error" default:"info" help:"Least severity that is logged on standard error: ${enum}."`
}
