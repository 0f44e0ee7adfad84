package kv_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/filestore/vfs"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// A crashPolicy is a sync policy, and what it promises after a power cut.
type crashPolicy struct {
	name   string
	option kv.OpenOption
	weak   bool          // a power cut may take the end of a log
	every  time.Duration // if not 0, nothing that was acknowledged longer ago
	mapped bool          // the disk says that it maps files, so zeros are written ahead without syncs too
}

var crashPolicies = []crashPolicy{
	{name: "always", option: kv.SyncAlways()},
	{name: "every", option: kv.SyncEvery(3 * crashTick), weak: true, every: 3 * crashTick},
	{name: "never", option: kv.SyncNever(), weak: true},
	{name: "mapped", option: kv.SyncEvery(3 * crashTick), weak: true, every: 3 * crashTick, mapped: true},
}

const crashDir = "place/db"

// open opens a disk. Segments are as small as can be, so that all that is done to them is done often.
func (p *crashPolicy) open(disk *crashfs.FS) (*kv.DB, error) {
	var fsys vfs.FS = disk
	if p.mapped {
		fsys = mappedFS{disk}
	}
	return kv.Open(crashDir, kv.FileSystem(fsys), kv.SegmentSize(4096), kv.CompactAt(0.2), p.option)
}

// A mappedFS has files that say that they are mapped. What is written to memory survives as what is written by calls does.
type mappedFS struct{ vfs.FS }

type mappedFile struct{ vfs.File }

var _ vfs.Mapper = mappedFile{}

// Map implements vfs.Mapper.
func (mappedFile) Map(int64, bool) error { return nil }

// Create implements vfs.FS.
func (f mappedFS) Create(name string) (vfs.File, error) { return mapped(f.FS.Create(name)) }

// Open implements vfs.FS.
func (f mappedFS) Open(name string) (vfs.File, error) { return mapped(f.FS.Open(name)) }

// OpenWrite implements vfs.FS.
func (f mappedFS) OpenWrite(name string) (vfs.File, error) { return mapped(f.FS.OpenWrite(name)) }

func mapped(file vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return mappedFile{file}, nil
}

// A crashRun plays a story on a disk, and keeps what there was before each call of the disk that changes something.
type crashRun struct {
	t      testing.TB
	disk   *crashfs.FS
	policy crashPolicy
	story  *crashStory
	db     *kv.DB
	hasty  bool // compaction is not waited for

	mu     sync.Mutex // guards what follows
	states []crashAcked
	begun  crashState // what the call under way leads to; nil if there is none
	call   string     // that was made last
	closed int        // the state that was made durable by Close
	points []*crashPoint
	seen   crashSeen
}

// A crashAcked is the state after a call that has returned.
type crashAcked struct {
	crashState
	when   time.Time // it returned
	passed bool      // nothing was done but let time go by
}

func newCrashRun(t testing.TB, policy crashPolicy, seed uint64) *crashRun {
	return &crashRun{
		t: t, disk: crashfs.New(), policy: policy, story: &crashStory{rng: rand.New(rand.NewPCG(seed, 0))},
		states: []crashAcked{{crashState: crashState{}, when: time.Now()}},
		seen:   crashSeen{sealed: map[string]bool{}, calls: map[string]int{}},
	}
}

// play opens the disk, makes calls, and closes it.
func (r *crashRun) play(calls int) {
	r.disk.Before(r.before)
	var err error
	r.db, err = r.policy.open(r.disk)
	require.NoError(r.t, err)
	for range calls {
		call := r.story.next(r.last())
		require.NoError(r.t, r.do(&call), "%s", &call)
		if !r.hasty {
			synctest.Wait()
		}
	}
	r.begin("close", r.last())
	require.NoError(r.t, r.db.Close())
	r.end()
	r.disk.Before(nil)
	r.keep(crashfs.Call{N: r.disk.Calls() + 1, Kind: "the end"})
	require.Empty(r.t, r.disk.Unclosed())
}

// do makes a call of the story.
func (r *crashRun) do(call *crashCall) error {
	r.seen.calls[call.kind]++
	if call.pause > 0 {
		r.pass(call.pause)
		return nil
	}
	state := r.last().at(crashNow())
	if call.model != nil {
		call.model(state)
	}
	r.begin(call.String(), state.at(crashNow()))
	make := call.make
	if make == nil {
		make = r.reopen
	}
	err := make(r.t.Context(), r.db)
	if err == nil {
		r.end()
	}
	return err
}

// crashNow is the time as the model has it.
func crashNow() time.Time { return time.Unix(0, time.Now().UnixNano()).UTC() }

// pass lets time go by, from deadline to deadline.
func (r *crashRun) pass(pause time.Duration) {
	for now, end := crashNow(), crashNow().Add(pause); now.Before(end); now = crashNow() {
		at, ok := r.last().deadline()
		if !ok || at.After(end) {
			at = end
		} else {
			r.seen.calls["expire"]++
		}
		r.begin("pass", r.last().at(at))
		time.Sleep(at.Sub(now))
		synctest.Wait()
		r.end()
	}
}

// begin notes that a call is about to be made, and the state it leads to.
func (r *crashRun) begin(call string, state crashState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.call, r.begun = call, state
}

// end notes that it has returned.
func (r *crashRun) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.states = append(r.states, crashAcked{r.begun, time.Now(), r.call == "pass"})
	r.begun = nil
}

// last returns the state that was acknowledged last.
func (r *crashRun) last() crashState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.states[len(r.states)-1].crashState
}

// before is called before each call of the disk.
func (r *crashRun) before(c crashfs.Call) {
	r.mu.Lock()
	r.seen.add(c)
	r.mu.Unlock()
	if c.Kind.Changes() {
		r.keep(c)
	}
}

// keep keeps a point. The calls of the story may go on meanwhile.
func (r *crashRun) keep(c crashfs.Call) {
	r.mu.Lock()
	from, floor := len(r.states)-1, r.floor()
	r.mu.Unlock()
	disk := r.disk.Everything()
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.point(from, floor)
	p.disk, p.call, p.about = disk, c.N, fmt.Sprintf("during %q, before %v", r.call, c)
	r.points = append(r.points, p)
}

// point returns a point at which one of the states from one on has been reached, or what the call under way leads to; mu is held.
func (r *crashRun) point(from, floor int) *crashPoint {
	to, begun := len(r.states)-1, r.begun
	return &crashPoint{
		policy: r.policy, at: time.Now(),
		allows: func(found crashFound, cut bool) string { return r.allows(found, cut, floor, from, to, begun) },
	}
}

// floor returns the latest state that a power cut must not go behind; mu is held.
func (r *crashRun) floor() int {
	if !r.policy.weak {
		return len(r.states) - 1
	}
	floor := r.closed
	for i := range r.states {
		if r.policy.every > 0 && r.states[i].when.Before(time.Now().Add(-r.policy.every)) {
			floor = max(floor, i)
		}
	}
	return floor
}

// A crashSeen is what was seen of a run, to be sure that it did what it is for.
type crashSeen struct {
	calls     map[string]int  // of each kind
	sealed    map[string]bool // segments that are not active for certain
	compacted int             // of these, how many compaction has removed
}

// closed notes that the database is closed, and all its segments are sealed.
func (s *crashSeen) closed(disk *crashfs.FS) {
	for _, f := range disk.Files() {
		if strings.HasSuffix(f.Name, ".seg") {
			s.sealed[f.Name] = true
		}
	}
}

// add notes a call of the disk. Nothing but compaction removes a sealed segment: where a bucket is deleted its folder gets another
// name first.
func (s *crashSeen) add(c crashfs.Call) {
	if c.Kind == crashfs.Remove && s.sealed[c.Name] {
		s.compacted++
	}
}
