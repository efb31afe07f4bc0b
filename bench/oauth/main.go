// Command oauth measures the authorization server by itself: how many bearer
// tokens it verifies, codes it exchanges and refreshes it answers in a second, one
// at a time and many at once, and what each costs of this process's CPU.
//
//	go run ./bench/oauth [-n 2000] [-rounds 3] [-data DIR] [-postgres URL]
//
// The endpoints are called as the HTTP server calls them, without a network, with
// the audit on the same database: a code and a refresh each leave one entry that is
// synced. PostgreSQL's own CPU is not in the figures.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"text/tabwriter"
	"time"

	"golang.org/x/mod/sumdb/note"

	"m365mcp/audit"
	"m365mcp/authserver"
	"m365mcp/entra"
	"m365mcp/internal/seal"
	"m365mcp/store/postgres"
	"m365mcp/store/sqlite"
)

const (
	clientID    = "dcr-bench"
	redirectURI = "https://assistant.example/callback"
	public      = "https://mcp.example.com"
	many        = 16 // callers at once
)

type settings struct {
	n, rounds int
	data      string
	postgres  string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	var s settings
	flag.IntVar(&s.n, "n", 2000, "grants in a round")
	flag.IntVar(&s.rounds, "rounds", 3, "rounds; the median counts")
	flag.StringVar(&s.data, "data", os.TempDir(), "folder that the SQLite database is made in")
	flag.StringVar(&s.postgres, "postgres", "", "URL of a PostgreSQL database whose tables may be filled; empty leaves it out")
	flag.Parse()
	if s.n < many || s.n > 100_000 || s.rounds < 1 || s.rounds > 20 {
		return fmt.Errorf("n must be %d to 100,000 and rounds 1 to 20", many)
	}
	engines, err := open(ctx, s)
	if err != nil {
		return err
	}
	rows := map[string][]sample{}
	var order []string
	for range s.rounds {
		for _, e := range engines {
			samples, err := e.round(ctx, s.n)
			if err != nil {
				return errors.Join(fmt.Errorf("%s: %w", e.name, err), closeAll(ctx, engines))
			}
			for _, one := range samples {
				key := one.what + "\t" + e.name
				if rows[key] == nil {
					order = append(order, key)
				}
				rows[key] = append(rows[key], one)
			}
		}
	}
	slices.SortStableFunc(order, func(a, b string) int { return cmp.Compare(rows[a][0].order, rows[b][0].order) })
	return errors.Join(report(out, s, order, rows), closeAll(ctx, engines))
}

// store is what both engines have.
type store interface {
	OAuth() authserver.Store
	Audit() audit.Store
	Close() error
}

type engine struct {
	name   string
	db     store
	log    *audit.Log
	server *authserver.Server
	mux    *http.ServeMux
	remove func() error
	rounds int
}

func open(ctx context.Context, s settings) (_ []*engine, err error) {
	var engines []*engine
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll(ctx, engines))
		}
	}()
	folder, err := os.MkdirTemp(s.data, "m365-mcp-bench-")
	if err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, filepath.Join(folder, "data", "bench.db"))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	e, err := newEngine(ctx, "SQLite", db, func() error { return os.RemoveAll(folder) })
	if err != nil {
		return nil, err
	}
	engines = append(engines, e)
	if s.postgres == "" {
		return engines, nil
	}
	server, err := postgres.Open(ctx, s.postgres)
	if err != nil {
		return nil, err
	}
	if e, err = newEngine(ctx, "PostgreSQL", server, func() error { return nil }); err != nil {
		return nil, err
	}
	return append(engines, e), nil
}

func closeAll(ctx context.Context, engines []*engine) error {
	ctx = context.WithoutCancel(ctx)
	var errs []error
	for _, e := range engines {
		errs = append(errs, e.log.Close(ctx), e.db.Close(), e.remove())
	}
	return errors.Join(errs...)
}

func newEngine(ctx context.Context, name string, db store, remove func() error) (*engine, error) {
	skey, vkey, err := note.GenerateKey(rand.Reader, "bench")
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	quiet := slog.New(slog.DiscardHandler)
	log, err := audit.Open(ctx, audit.Options{Store: db.Audit(), Signer: signer, Verifiers: note.VerifierList(verifier), Now: time.Now, Logger: quiet})
	if err != nil {
		return nil, err
	}
	server, err := authserver.New(authserver.Options{
		PublicURL: public, Scopes: []string{"Mail.Read", "User.Read"}, Store: db.OAuth(), Upstream: nobody{}, Vault: nobody{},
		Audit: log, Keys: seal.NewRoot().Derive, Now: time.Now, Logger: quiet,
	})
	if err != nil {
		return nil, err
	}
	e := &engine{name: name, db: db, log: log, server: server, mux: http.NewServeMux(), remove: remove}
	server.Register(e.mux)
	return e, db.OAuth().InsertClient(ctx, authserver.Client{
		ID: clientID, Source: authserver.ClientRegistered, Name: "Benchmark", RedirectURIs: []string{redirectURI}, AuthMethod: "none", CreatedAt: time.Now(),
	}, authserver.ClientLimits{Clients: 10, Unused: 10})
}

// nobody is the Microsoft that no measured call asks.
type nobody struct{}

var errAsked = errors.New("not part of the measurement")

func (nobody) AuthorizeURL(context.Context, entra.SignIn) (string, error) { return "", errAsked }
func (nobody) Exchange(context.Context, string, entra.SignIn) (entra.Account, entra.Tokens, error) {
	return entra.Account{}, entra.Tokens{}, errAsked
}
func (nobody) Put(context.Context, string, entra.Tokens) error { return errAsked }
func (nobody) Delete(context.Context, string) error            { return errAsked }

// sample is one measurement.
type sample struct {
	order     int
	what      string
	perSecond float64
	cpu       float64 // microseconds of this process for one operation
}

type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

// round makes n grants and takes each through its code, a refresh and a check.
func (e *engine) round(ctx context.Context, n int) ([]sample, error) {
	e.rounds++
	verifier := strings.Repeat("v", 43)
	challenge := sha256.Sum256([]byte(verifier))
	now := time.Now()
	codes := make([]string, n)
	for i := range codes {
		codes[i] = rand.Text()
		id := fmt.Sprintf("bench-%d-%d", e.rounds, i)
		err := e.db.OAuth().InsertGrant(ctx, authserver.Grant{
			ID: id, TenantID: "tenant", UserID: fmt.Sprintf("user-%d", i), UPN: "bench@example.com", ClientID: clientID,
			Scopes: []string{"Mail.Read", "User.Read"}, Resource: public + "/mcp", CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(time.Hour),
		}, authserver.Code{
			Digest: sha256.Sum256([]byte(codes[i])), GrantID: id, RedirectURI: redirectURI,
			Challenge: base64.RawURLEncoding.EncodeToString(challenge[:]), ExpiresAt: now.Add(time.Hour),
		})
		if err != nil {
			return nil, err
		}
	}
	got := make([]tokens, n)
	exchange := func(i int) (err error) {
		got[i], err = e.token(ctx, url.Values{"grant_type": {"authorization_code"}, "code": {codes[i]}, "code_verifier": {verifier}, "redirect_uri": {redirectURI}})
		return err
	}
	refresh := func(i int) (err error) {
		got[i], err = e.token(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got[i].Refresh}})
		return err
	}
	verify := func(i int) error {
		_, err := e.server.Verify(ctx, got[i].Access)
		return err
	}
	var samples []sample
	// Half of the grants one at a time, the other half many at once.
	for _, work := range []struct {
		what string
		do   func(int) error
	}{{"code exchange", exchange}, {"refresh", refresh}, {"verify a bearer token", verify}} {
		for _, part := range []struct {
			callers, from, to int
		}{{1, 0, n / 2}, {many, n / 2, n}} {
			s, err := measure(part.callers, part.from, part.to, work.do)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", work.what, err)
			}
			s.what = fmt.Sprintf("%s\t%d", work.what, part.callers)
			s.order = len(samples)
			samples = append(samples, s)
		}
	}
	return samples, nil
}

func (e *engine) token(ctx context.Context, form url.Values) (t tokens, err error) {
	form.Set("client_id", clientID)
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, public+"/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	e.mux.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		return tokens{}, fmt.Errorf("%d %s", w.Code, w.Body)
	}
	return t, json.Unmarshal(w.Body.Bytes(), &t)
}

// measure does the work of [from, to) with so many callers.
func measure(callers, from, to int, do func(int) error) (sample, error) {
	var next atomic.Int64
	next.Store(int64(from))
	var wg sync.WaitGroup
	errs := make([]error, callers)
	runtime.GC()
	before, since := cpuTime(), time.Now()
	for c := range callers {
		wg.Go(func() {
			for errs[c] == nil {
				i := int(next.Add(1)) - 1
				if i >= to {
					return
				}
				errs[c] = do(i)
			}
		})
	}
	wg.Wait()
	wall, cpu := time.Since(since), cpuTime()-before
	n := float64(to - from)
	return sample{perSecond: n / wall.Seconds(), cpu: float64(cpu.Microseconds()) / n}, errors.Join(errs...)
}

// cpuTime is what this process has used, user and system.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func report(out io.Writer, s settings, order []string, rows map[string][]sample) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	var text strings.Builder
	fmt.Fprintf(&text, "%d rounds of %d grants; %s, %d CPUs, %s\n\n", s.rounds, s.n, runtime.Version(), runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly))
	fmt.Fprintln(&text, "operation\tat once\tstore\tper second\tmin..max\tCPU µs\tper core and second\t")
	for _, key := range order {
		var perSecond, cpu []float64
		for _, one := range rows[key] {
			perSecond, cpu = append(perSecond, one.perSecond), append(cpu, one.cpu)
		}
		fmt.Fprintf(&text, "%s\t%.0f\t%.0f..%.0f\t%.0f\t%.0f\t\n", key, median(perSecond), slices.Min(perSecond), slices.Max(perSecond), median(cpu), 1e6/median(cpu))
	}
	_, err := io.WriteString(w, text.String())
	return errors.Join(err, w.Flush())
}

func median(v []float64) float64 {
	sorted := slices.Sorted(slices.Values(v))
	return sorted[len(sorted)/2]
}
