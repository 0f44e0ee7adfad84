package storetest

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/revkv/kv/store"
)

var errTest = errors.New("the test's error")

// newDiskLog returns a disk with an open log of a bucket b.
func newDiskLog(t *testing.T) (*Disk, store.Backend, store.ValueReader) {
	t.Helper()
	disk := NewValueDisk()
	backend := disk.MustOpen()
	log, err := backend.Create("b", []byte("config"))
	if err != nil {
		t.Fatal(err)
	}
	return disk, backend, log.(store.ValueReader)
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("the error is %v, want %v", err, want)
	}
}

// revisionsOf returns what a disk would replay for bucket b.
func revisionsOf(t *testing.T, disk *Disk) (revisions []uint64) {
	t.Helper()
	log, err := disk.Copy().MustOpen().Open("b")
	if err != nil {
		t.Fatal(err)
	}
	for r, err := range log.Records() {
		if err != nil {
			t.Fatal(err)
		}
		revisions = append(revisions, r.Revision)
	}
	return revisions
}

func TestDiskFail(t *testing.T) {
	disk, backend, log := newDiskLog(t)
	disk.Fail(Append, 2, errTest)
	wantErr(t, log.Append(puts(1), nil), nil)
	wantErr(t, log.Append(puts(2), []uint64{1}), errTest)
	wantErr(t, log.Append(puts(3), nil), nil)
	if have := revisionsOf(t, disk); !slices.Equal(have, []uint64{1, 3}) {
		t.Fatalf("the disk has %v", have)
	}
	for _, call := range []Call{Buckets, Create, Open, Configure, Delete, Value} {
		disk.Fail(call, 1, errTest)
	}
	_, err := backend.Buckets()
	wantErr(t, err, errTest)
	_, err = backend.Create("c", nil)
	wantErr(t, err, errTest)
	_, err = backend.Open("b")
	wantErr(t, err, errTest)
	wantErr(t, backend.Configure("b", nil), errTest)
	wantErr(t, backend.Delete("b"), errTest)
	_, err = log.Value(1)
	wantErr(t, err, errTest)

	buckets, err := backend.Buckets()
	wantErr(t, err, nil)
	if len(buckets) != 1 || string(buckets[0].Config) != "config" {
		t.Fatalf("the buckets are %q", buckets)
	}
}

func TestDiskFailRecords(t *testing.T) {
	disk, _, log := newDiskLog(t)
	disk.Fail(Records, 1, errTest)
	for _, err := range log.Records() {
		wantErr(t, err, errTest)
	}
}

func TestDiskBeforeAndCount(t *testing.T) {
	disk, _, log := newDiskLog(t)
	cues := 0
	disk.Before(Append, func() error {
		if cues++; cues == 2 {
			return errTest
		}
		return nil
	})
	wantErr(t, log.Append(puts(1), nil), nil)
	wantErr(t, log.Append(puts(2), nil), errTest)
	disk.Before(Append, nil)
	wantErr(t, log.Append(puts(3), nil), nil)
	if cues != 2 || disk.Count(Append) != 3 {
		t.Fatalf("%d cues, %d Appends", cues, disk.Count(Append))
	}
	if have := revisionsOf(t, disk); !slices.Equal(have, []uint64{1, 3}) {
		t.Fatalf("the disk has %v", have)
	}
}

func TestDiskHold(t *testing.T) {
	for name, test := range map[string]struct {
		hold func(*Disk) *Gate
		kept int // while the call is held
	}{
		"before": {func(d *Disk) *Gate { return d.Hold(Append) }, 0},
		"after":  {func(d *Disk) *Gate { return d.HoldReturn(Append) }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk, _, log := newDiskLog(t)
				gate := test.hold(disk)
				returned := false
				go func() {
					_ = log.Append(puts(1), nil)
					returned = true
				}()
				synctest.Wait()
				if returned || gate.Waiting() != 1 || len(revisionsOf(t, disk)) != test.kept {
					t.Fatalf("returned: %v, %d wait, on the disk is %v", returned, gate.Waiting(), revisionsOf(t, disk))
				}
				gate.Open()
				gate.Open()
				synctest.Wait()
				if !returned || gate.Waiting() != 0 || len(revisionsOf(t, disk)) != 1 {
					t.Fatalf("returned: %v, %d wait, on the disk is %v", returned, gate.Waiting(), revisionsOf(t, disk))
				}
				wantErr(t, log.Append(puts(2), nil), nil)
				test.hold(disk).Open()
			})
		})
	}
}

func TestDiskFindsMisuse(t *testing.T) {
	disk, backend, log := newDiskLog(t)
	_, err := disk.Open()
	wantErr(t, err, errMisuse)
	_, err = backend.Open("b")
	wantErr(t, err, errMisuse)
	wantErr(t, backend.Delete("b"), errMisuse)
	wantErr(t, backend.Close(), errMisuse)
	wantErr(t, log.Append(puts(1), nil), nil)
	for _, err := range log.Records() {
		wantErr(t, err, errMisuse)
	}
	disk.Before(Append, func() error { return log.Append(puts(2), nil) })
	wantErr(t, log.Append(puts(3), nil), errMisuse)
	disk.Before(Configure, func() error { return backend.Configure("b", nil) })
	wantErr(t, backend.Configure("b", nil), errMisuse)
}

func TestDiskCopyIsApart(t *testing.T) {
	disk, _, log := newDiskLog(t)
	wantErr(t, log.Append(puts(1), nil), nil)
	c := disk.Copy()
	wantErr(t, log.Append(puts(2), []uint64{1}), nil)
	if have := revisionsOf(t, c); !slices.Equal(have, []uint64{1}) {
		t.Fatalf("the copy has %v", have)
	}
	other, err := c.MustOpen().Open("b")
	wantErr(t, err, nil)
	wantErr(t, other.Append(puts(2, 3), nil), nil)
	if have := revisionsOf(t, disk); !slices.Equal(have, []uint64{2}) {
		t.Fatalf("the disk has %v", have)
	}
}
