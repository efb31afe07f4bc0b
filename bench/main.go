// Command bench holds the server against a bare MCP SDK server that has one tool
// fetching the same page. Both run as processes of their own, before the same
// simulated tenant in a third one; only they are measured.
//
//	go run ./bench [-calls 2000] [-rounds 3] [-data DIR]
//
// It prints the median over the rounds of CPU per call (user and system, from
// the kernel) and of the p50 latency, and both as ratios to the bare server, for
//
//	getEmails  a read: its audit intent reaches the operating system
//	sendEmail  a write: its audit intent is synced to the disk before Graph is asked
//
// each with the database on the disk and in memory (-memory, a tmpfs), which is
// what the syncs cost. Rounds alternate, because machines drift.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

type settings struct {
	calls, warmup, rounds int
	data, memory          string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var s settings
	flag.IntVar(&s.calls, "calls", 2000, "calls a round")
	flag.IntVar(&s.warmup, "warmup", 300, "calls before each round that are not measured")
	flag.IntVar(&s.rounds, "rounds", 3, "rounds; the median counts")
	flag.StringVar(&s.data, "data", os.TempDir(), "folder on the disk that databases are made in")
	flag.StringVar(&s.memory, "memory", "/dev/shm", "folder in memory that databases are made in; empty leaves these lines out")
	role := flag.String("role", "", "internal: what this process is")
	flag.Parse()
	if *role != "" {
		return serve(ctx, *role, flag.Args())
	}
	if s.calls < 1 || s.calls > 100_000 || s.rounds < 1 || s.rounds > 20 {
		return errors.New("calls must be 1 to 100,000 and rounds 1 to 20")
	}
	return compare(ctx, s)
}

// line is one row of the result.
type line struct {
	name, tool, args string
	target           *target
	cpu, p50         []float64 // microseconds, one a round
}

func compare(ctx context.Context, s settings) error {
	tenant, err := start(ctx, "tenant")
	if err != nil {
		return err
	}
	defer tenant.stop()
	targets := map[string]*target{}
	for _, t := range []struct{ name, role, data string }{
		{"bare", "bare", ""}, {"ours, disk", "ours", s.data}, {"ours, memory", "ours", s.memory},
	} {
		if t.role == "ours" && t.data == "" {
			continue
		}
		p, err := startTarget(ctx, t.role, t.data, tenant)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		defer p.stop()
		targets[t.name] = p
	}
	const read, send = `{"count":10}`, `{"to":"bench@partner.example","subject":"Benchmark","body":"Hello","contentType":"text"}`
	var lines []*line
	for _, job := range [][2]string{{"getEmails", read}, {"sendEmail", send}} {
		for _, name := range []string{"bare", "ours, disk", "ours, memory"} {
			if t := targets[name]; t != nil {
				lines = append(lines, &line{name: name, tool: job[0], args: job[1], target: t})
			}
		}
	}
	for range s.rounds {
		for _, l := range lines {
			cpu, p50, err := l.target.measure(ctx, l.tool, l.args, s)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", l.tool, l.name, err)
			}
			l.cpu, l.p50 = append(l.cpu, cpu), append(l.p50, p50)
		}
	}
	return report(os.Stdout, lines, s)
}

func report(out io.Writer, lines []*line, s settings) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	var text strings.Builder
	fmt.Fprintf(&text, "%d rounds of %d calls, one at a time; %s, %d CPUs, %s\n\n", s.rounds, s.calls, runtime.Version(), runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly))
	fmt.Fprintln(&text, "tool\tserver\tCPU µs/call\tmin..max\tratio\tp50 µs\tmin..max\tratio\t")
	base := map[string]*line{}
	for _, l := range lines {
		if l.name == "bare" {
			base[l.tool] = l
		}
		b := base[l.tool]
		fmt.Fprintf(&text, "%s\t%s\t%.0f\t%.0f..%.0f\t%.2f\t%.0f\t%.0f..%.0f\t%.2f\t\n", l.tool, l.name,
			median(l.cpu), slices.Min(l.cpu), slices.Max(l.cpu), median(l.cpu)/median(b.cpu),
			median(l.p50), slices.Min(l.p50), slices.Max(l.p50), median(l.p50)/median(b.p50))
	}
	_, err := io.WriteString(w, text.String())
	return errors.Join(err, w.Flush())
}

func median(v []float64) float64 {
	sorted := slices.Sorted(slices.Values(v))
	return sorted[len(sorted)/2]
}
