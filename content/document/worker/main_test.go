package worker

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// cacheDir is shared by all tests: compiling PDFium takes seconds.
var cacheDir string

// TestMain makes this binary its own child, a good one or one that misbehaves.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if child, ok := childMains[os.Args[1]]; ok {
			child()
			os.Exit(0)
		}
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "worker-test-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	cacheDir = dir
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

var childMains = map[string]func(){
	Subcommand: func() {
		if err := Serve(context.Background(), os.Stdin, os.Stdout, os.Exit); err != nil {
			os.Exit(1)
		}
	},
	"child-silent": func() { time.Sleep(time.Hour) },
	"child-absent": func() { os.Exit(2) },
	"child-hangs":  func() { hello(); time.Sleep(time.Hour) },
	"child-crashes": func() {
		hello()
		_, _ = io.ReadFull(os.Stdin, make([]byte, 10))
		panic("a parser's fault")
	},
	"child-lies": func() { // about the length of its answer
		hello()
		_, _ = io.ReadFull(os.Stdin, make([]byte, 10))
		_ = writeFrame(os.Stdout, response{Size: 1 << 40}, nil)
		time.Sleep(time.Hour)
	},
	"child-eats": func() { // memory
		defer guardMemory(hardMemory/4, func() { os.Exit(ExitMemory) })()
		hello()
		_, _ = io.ReadFull(os.Stdin, make([]byte, 10))
		var eaten [][]byte
		for {
			block := make([]byte, 4<<20)
			for i := 0; i < len(block); i += 4096 {
				block[i] = 1
			}
			eaten = append(eaten, block)
			runtime.KeepAlive(eaten)
			time.Sleep(time.Millisecond)
		}
	},
	"child-tells": func() { // what it can see
		hello()
		_, _, _ = readFrame(os.Stdin, func(q request) int64 { return q.Size }, maxInput)
		wd, _ := os.Getwd()
		entries, _ := os.ReadDir(wd)
		text := fmt.Sprintf("environment %q, %d files, descriptors", os.Environ(), len(entries))
		open, _ := os.ReadDir("/proc/self/fd")
		for _, fd := range open {
			if target, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && fd.Name() > "2" && target[0] == '/' && !strings.HasPrefix(target, "/proc") && !strings.HasPrefix(target, "/sys/") {
				text += " " + target
			}
		}
		_ = writeFrame(os.Stdout, response{Size: int64(len(text))}, []byte(text))
		time.Sleep(time.Hour)
	},
}

func hello() { _ = writeFrame(os.Stdout, response{}, nil) }
