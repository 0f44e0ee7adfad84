package main

import (
	"bufio"
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/revkv/kv"
	"github.com/stretchr/testify/require"
)

// ledgerDir tells a process of this test that it is to be a run of the ledger in a folder.
const ledgerDir = "LEDGER_TEST_DIR"

func TestMain(m *testing.M) {
	dir, isRun := os.LookupEnv(ledgerDir)
	if !isRun {
		os.Exit(m.Run())
	}
	if err := run(context.Background(), os.Stdout, dir, time.Millisecond); err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
}

// killedRun lets a run print some receipts, kills it, and returns all lines that it has printed.
func killedRun(t *testing.T, dir string, receipts int) (lines []string) {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), ledgerDir+"="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() { _ = cmd.Wait() }()
	defer func() { _ = cmd.Process.Kill() }()
	for s := bufio.NewScanner(out); s.Scan(); {
		if lines = append(lines, s.Text()); strings.HasPrefix(s.Text(), "receipt ") {
			receipts--
		}
		if receipts == 0 {
			require.NoError(t, cmd.Process.Kill()) // what is printed until that works is read, too
		}
	}
	require.LessOrEqual(t, receipts, 0, "the run has ended by itself: %q", lines)
	return lines
}

// auditOf returns the receipts in a folder, as they are printed.
func auditOf(t *testing.T, dir string) (lines []string) {
	t.Helper()
	db, err := kv.OpenReadOnly(dir)
	require.NoError(t, err)
	defer db.Close()
	b, err := db.Bucket(t.Context(), "ledger")
	require.NoError(t, err)
	l := &ledger{b}
	receipts, err := l.audit(t.Context())
	require.NoError(t, err)
	for _, r := range receipts {
		lines = append(lines, r.String())
	}
	return lines
}

func TestKilledRunsLoseNoReceipt(t *testing.T) {
	dir := t.TempDir()
	printed := 0
	for i := range 5 {
		lines := killedRun(t, dir, 1+rand.IntN(40))
		kept := auditOf(t, dir)
		if i > 0 {
			require.Regexp(t, `^\d+ receipts, and the accounts agree with them$`, lines[0])
			require.Regexp(t, `^the last run was killed, and this is not lost: (\d+ of (ann|bob|eve)(, |$))+`, lines[1])
		}
		for _, line := range lines {
			if strings.HasPrefix(line, "receipt ") {
				require.Contains(t, kept, line)
				printed++
			}
		}
		unprinted := len(customers) * (i + 1) // each till has at most one payment that it had no time to print
		require.LessOrEqual(t, len(kept), printed+unprinted, "receipts that nobody has paid for")
	}
}

func TestRunThatEnds(t *testing.T) {
	dir := t.TempDir()
	for i := range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		out := &stopAfter{receipts: 10, stop: cancel}
		require.NoError(t, run(ctx, out, dir, time.Millisecond))
		require.NotContains(t, out.String(), "was killed")
		require.Regexp(t, regexp.MustCompile(`closed in order\n$`), out.String())
		require.GreaterOrEqual(t, len(auditOf(t, dir)), 10*(i+1))
	}
}

// A stopAfter calls stop when it has got some receipts.
type stopAfter struct {
	strings.Builder
	receipts int
	stop     func()
}

func (s *stopAfter) Write(line []byte) (int, error) {
	if strings.HasPrefix(string(line), "receipt ") {
		if s.receipts--; s.receipts == 0 {
			s.stop()
		}
	}
	return s.Builder.Write(line)
}

func TestAuditFindsWhatIsWrong(t *testing.T) {
	tests := map[string]kv.Op{
		"an account that has less": kv.PutOp("account.ann", []byte("1")),
		"a receipt that is gone":   kv.DeleteOp("receipt.00000001"),
		"the last one gone":        kv.DeleteOp("receipt.00000002"),
		"no receipt, but a letter": kv.PutOp("receipt.00000001", []byte("a letter")),
	}
	for name, op := range tests {
		t.Run(name, func(t *testing.T) {
			l, err := openLedger(t.Context(), kv.New())
			require.NoError(t, err)
			for range 2 {
				_, err = l.pay(t.Context(), "ann", 20)
				require.NoError(t, err)
			}
			_, err = l.audit(t.Context())
			require.NoError(t, err)
			_, err = l.bucket.Apply(t.Context(), op)
			require.NoError(t, err)
			_, err = l.audit(t.Context())
			require.Error(t, err)
		})
	}
}
