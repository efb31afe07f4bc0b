package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"m365mcp/internal/headless"
)

// ready is the line that a child prints when it serves.
type ready struct {
	URL    string `json:"url"`
	Entra  string `json:"entra"`
	Graph  string `json:"graph"`
	Tenant string `json:"tenant"`
	Client string `json:"client"`
	Secret string `json:"clientSecret"` // of the simulated tenant
	Token  string `json:"token"`
	Person string `json:"person"`
}

// process is a child in one of the roles.
type process struct {
	ready
	cmd  *exec.Cmd
	quit io.Closer // its standard input: it ends when that does
}

func start(ctx context.Context, role string, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, append([]string{"-role", role}, args...)...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, quit: stdin}
	first, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(first, &p.ready)
	}
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("child %s did not start: %w", role, err)
	}
	return p, nil
}

func (p *process) stop() {
	_ = p.quit.Close()
	_ = p.cmd.Wait()
}

// cpu is what the process has used so far (proc(5), fields 14 and 15 of stat).
func (p *process) cpu() (time.Duration, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/stat")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(fields) < 13 {
		return 0, errors.New("unreadable /proc/PID/stat")
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	const perSecond = 100 // USER_HZ
	return time.Duration(ticks) * time.Second / perSecond, nil
}

// target is a server under measurement with a token for it.
type target struct {
	*process
	token  string
	client *http.Client
}

func startTarget(ctx context.Context, role, data string, tenant *process) (*target, error) {
	folder := ""
	if data != "" {
		dir, err := os.MkdirTemp(data, "m365-mcp-bench-")
		if err != nil {
			return nil, err
		}
		folder = dir
	}
	b, err := json.Marshal(tenant.ready)
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, role, string(b), folder)
	if err != nil {
		return nil, err
	}
	t := &target{process: p, token: p.Token, client: &http.Client{Transport: &http.Transport{}}}
	if t.token == "" {
		tokens, err := headless.New(t.client.Transport).SignIn(ctx, strings.TrimSuffix(p.URL, "/mcp"), tenant.Person)
		if err != nil {
			t.stop()
			return nil, err
		}
		t.token = tokens.Access
	}
	if folder != "" {
		t.quit = closers{t.quit, closeFunc(func() error { _ = p.cmd.Wait(); return os.RemoveAll(folder) })}
	}
	return t, nil
}

type closers []io.Closer

func (c closers) Close() error {
	var errs []error
	for _, one := range c {
		errs = append(errs, one.Close())
	}
	return errors.Join(errs...)
}

type closeFunc func() error

func (f closeFunc) Close() error { return f() }

// measure returns CPU and median latency of a call, in microseconds.
func (t *target) measure(ctx context.Context, tool, args string, s settings) (cpu, p50 float64, err error) {
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, tool, args)
	for range s.warmup {
		if _, err := t.call(ctx, body); err != nil {
			return 0, 0, err
		}
	}
	before, err := t.cpu()
	if err != nil {
		return 0, 0, err
	}
	took := make([]time.Duration, s.calls)
	for i := range took {
		if took[i], err = t.call(ctx, body); err != nil {
			return 0, 0, err
		}
	}
	after, err := t.cpu()
	slices.Sort(took)
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	return us(after-before) / float64(s.calls), us(took[len(took)/2]), err
}

func (t *target) call(ctx context.Context, body string) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+t.token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("Mcp-Protocol-Version", "2025-11-25")
	began := time.Now()
	resp, err := t.client.Do(req)
	if err != nil {
		return 0, err
	}
	answer, err := io.ReadAll(resp.Body)
	took := time.Since(began)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK || strings.Contains(string(answer), `"isError":true`) || !strings.Contains(string(answer), `"structuredContent"`) {
		return 0, fmt.Errorf("call failed: %d %.300s", resp.StatusCode, answer)
	}
	return took, nil
}

// untilEOF ends a child with its parent, whose pipe its standard input is.
func untilEOF(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
