package e2e_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"m365mcp/app"
	"m365mcp/config"
	"m365mcp/internal/headless"
)

// build compiles the command once for all tests that need the real one.
func build(t *testing.T) string {
	t.Helper()
	path, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var buildDir string // made and removed by TestMain

var buildOnce = sync.OnceValues(func() (string, error) {
	path := filepath.Join(buildDir, "m365-mcp")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	out, err := exec.Command("go", "build", "-o", path, "m365mcp/cmd/m365-mcp").CombinedOutput()
	if err != nil {
		return "", &buildError{string(out), err}
	}
	return path, nil
})

type buildError struct {
	output string
	err    error
}

func (e *buildError) Error() string { return e.err.Error() + "\n" + e.output }
func (e *buildError) Unwrap() error { return e.err }

// process is the real command, running the demo.
type process struct {
	*demo
	cmd            *exec.Cmd
	stdout, stderr *syncBuffer
}

// startProcess runs `m365-mcp demo` on folder and waits until it is ready.
func startProcess(t *testing.T, folder string, flags ...string) *process {
	t.Helper()
	args := append([]string{"demo", "--listen", "127.0.0.1:0", "--json", "--data", folder, "--log-level", "debug"}, flags...)
	cmd := exec.Command(build(t), args...)
	p := &process{cmd: cmd, stdout: &syncBuffer{}, stderr: &syncBuffer{}}
	cmd.Stderr = p.stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(pipe).ReadBytes('\n')
	var ready struct {
		MCP   string `json:"mcp"`
		Entra string `json:"entra"`
		Graph string `json:"graph"`
		Data  string `json:"data"`
	}
	if err == nil {
		_, _ = p.stdout.Write(line)
		err = json.Unmarshal(line, &ready)
	}
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		t.Fatalf("the demo did not start: %v\n%s", err, p.stderr.String())
	}
	transport := &http.Transport{}
	p.demo = &demo{
		Demo: &app.Demo{
			MCPURL: ready.MCP, EntraURL: ready.Entra, GraphURL: ready.Graph, DataDir: ready.Data,
			Database: config.Database{URL: config.SQLiteURL(ready.Data)},
		},
		log: p.stderr, transport: transport, browser: headless.New(transport),
	}
	var once sync.Once
	p.stop = func() {
		once.Do(func() {
			transport.CloseIdleConnections()
			_ = cmd.Process.Signal(syscall.SIGTERM)
			if err := cmd.Wait(); err != nil {
				t.Errorf("the demo ended with %v\n%s", err, tail(p.stderr.String(), 3000))
			}
		})
	}
	t.Cleanup(func() { p.stop() }) // looked up then: kill replaces it
	return p
}

// kill ends the process as a power cut ends a program: without a word.
func (p *process) kill(t *testing.T) {
	t.Helper()
	p.stop = func() {}
	p.transport.CloseIdleConnections()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait()
}
