package config

import (
	"fmt"
	"strings"
)

// Problem is one mistake in the configuration.
type Problem struct {
	Where   string // file:line, or the name of the environment variable, or the setting
	Setting string // its name in the file, empty where there is none
	What    string
	Fix     string
}

// Describe says where and what, in one line.
func (p Problem) Describe() string {
	if p.Setting == "" || p.Setting == p.Where {
		return p.Where + ": " + p.What
	}
	return p.Where + ": " + p.Setting + ": " + p.What
}

func (p Problem) String() string {
	if p.Fix == "" {
		return p.Describe()
	}
	return p.Describe() + "\n      fix: " + p.Fix
}

// Errors are all mistakes of one configuration, in the order of the file, the
// environment and the table of settings. No secret value is ever part of it.
type Errors []Problem

func (e Errors) Error() string {
	var b strings.Builder
	if len(e) == 1 {
		b.WriteString("the configuration has a mistake:")
	} else {
		fmt.Fprintf(&b, "the configuration has %d mistakes:", len(e))
	}
	for _, p := range e {
		b.WriteString("\n  - " + p.String())
	}
	return b.String()
}

func (e Errors) err() error {
	if len(e) == 0 {
		return nil
	}
	return e
}
