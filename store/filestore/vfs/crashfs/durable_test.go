package crashfs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// TestStrict checks what is durable: what Strict leaves, and of images of Mix all have it.
func TestStrict(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(d disk)
		want string
	}{
		{"nothing is synced", func(d disk) { d.opened("a").write("x", 0) }, ""},
		{"Sync does not make the name durable", func(d disk) { d.opened("a").write("x", 0).sync() }, ""},
		{"SyncDir does not make the bytes durable", func(d disk) {
			d.opened("a").write("x", 0)
			d.syncDir("")
		}, "a="},
		{"Sync and SyncDir make both durable", func(d disk) {
			d.opened("a").write("x", 0).sync()
			d.syncDir("")
		}, "a=x"},
		{"SyncDir and Sync do too", func(d disk) {
			f := d.opened("a")
			d.syncDir("")
			f.write("x", 0).sync()
		}, "a=x"},
		{"Sync is for what was written before", func(d disk) {
			d.with("a", "old").write("new", 0).sync().write("later", 0).truncate(1)
		}, "a=new"},
		{"Sync by one opener is for the writes of all", func(d disk) {
			d.with("a", "old").write("new", 0)
			d.opened("a").sync()
		}, "a=new"},
		{"Sync is for one file", func(d disk) {
			d.with("a", "old").write("new", 0)
			d.with("b", "old").write("new", 0).sync()
		}, "a=old, b=new"},
		{"a truncation", func(d disk) { d.with("a", "old").truncate(1) }, "a=old"},
		{"a truncation, synced", func(d disk) { d.with("a", "old").truncate(1).sync() }, "a=o"},
		{"Create does not empty a file before Sync", func(d disk) {
			d.with("a", "old")
			_, err := d.Create("a")
			d.ok(err)
			d.syncDir("")
		}, "a=old"},
		{"SyncDir is for what was done before", func(d disk) {
			d.opened("a")
			d.syncDir("")
			d.opened("b")
		}, "a="},
		{"SyncDir is for one directory", func(d disk) {
			d.makeDir("d")
			d.opened("d/a")
			d.syncDir("")
		}, "d/"},
		{"SyncDir of a directory does not make its own name durable", func(d disk) {
			d.makeDir("d")
			d.opened("d/a")
			d.syncDir("d")
		}, ""},
		{"names in a directory are durable before its own is", func(d disk) {
			d.makeDir("d")
			d.opened("d/a")
			d.syncDir("d")
			d.syncDir("")
		}, "d/, d/a="},
		{"a rename", func(d disk) {
			d.with("a", "1")
			d.with("b", "2")
			d.rename("a", "b")
		}, "a=1, b=2"},
		{"a rename, synced", func(d disk) {
			d.with("a", "1")
			d.with("b", "2")
			d.rename("a", "b")
			d.syncDir("")
		}, "b=1"},
		{"a rename does not make bytes durable", func(d disk) {
			d.with("a", "old")
			d.opened("tmp").write("new", 0)
			d.rename("tmp", "a")
			d.syncDir("")
		}, "a="},
		{"a removal", func(d disk) {
			d.with("a", "1")
			d.remove("a")
		}, "a=1"},
		{"a removal, synced", func(d disk) {
			d.with("a", "1")
			d.remove("a")
			d.syncDir("")
		}, ""},
		{"a file made by Lock", func(d disk) {
			_, err := d.Lock("lock")
			d.ok(err)
		}, ""},
		{"a rename is durable with the directory it leaves", func(d disk) {
			d.makeDir("d")
			d.syncDir("")
			d.with("a", "1")
			d.rename("a", "d/b")
			d.syncDir("")
		}, "d/, d/b=1"},
		{"a rename is durable with the directory it goes to", func(d disk) {
			d.makeDir("d")
			d.syncDir("")
			d.with("a", "1")
			d.rename("a", "d/b")
			d.syncDir("d")
		}, "d/, d/b=1"},
		{"a rename takes along what is pending in both directories", func(d disk) {
			d.makeDir("d")
			d.makeDir("e")
			d.syncDir("")
			d.opened("d/a")
			d.opened("d/x")
			d.opened("e/y")
			d.rename("d/a", "e/a")
			d.opened("d/later")
			d.syncDir("e")
		}, "d/, d/x=, e/, e/a=, e/y="},
		{"a rename takes along the new directory it goes to", func(d disk) {
			d.makeDir("d")
			d.syncDir("")
			d.with("d/a", "1")
			d.makeDir("new")
			d.rename("d/a", "new/a")
			d.syncDir("d")
		}, "d/, new/, new/a=1"},
		{"the removal of a directory takes along what left it", func(d disk) {
			d.makeDir("d")
			d.makeDir("e")
			d.syncDir("")
			d.with("d/a", "1")
			d.rename("d/a", "e/a")
			d.remove("d")
			d.syncDir("")
		}, "e/, e/a=1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDisk(t)
			c.do(d)
			require.Equal(t, c.want, dump(d.Strict()))
			require.Contains(t, outcomes(d.FS), c.want, "an image of Mix may be the same")
		})
	}
}

func TestEverythingIsPendingStill(t *testing.T) {
	d := newDisk(t)
	d.with("gone", "")
	d.with("a", "old").write("new", 0)
	d.opened("b").sync()
	d.rename("a", "c")
	d.remove("gone")
	image := d.Everything()
	require.Equal(t, "b=, c=new", dump(image))
	require.Equal(t, dump(d.Strict()), dump(image.Strict()))
	require.Equal(t, outcomes(d.FS), outcomes(image))
	require.NoError(t, image.SyncDir(""))
	require.Equal(t, "b=, c=old", dump(image.Strict()))
	require.Equal(t, "a=old, gone=", dump(d.Strict()), "an image was synced, not this")
}

// TestEverythingIsACopy checks that what is pending in an image and in its source goes separate ways.
func TestEverythingIsACopy(t *testing.T) {
	d := newDisk(t)
	f := d.with("a", "").write("a", 0).write("b", 1).write("c", 2)
	image := disk{t, d.Everything()}
	g := image.opened("a").write("g", 3)
	f.write("f", 3).sync()
	g.sync()
	require.Equal(t, "a=abcf", dump(d.Strict()))
	require.Equal(t, "a=abcg", dump(image.Strict()))
}

// TestPendingIsACopy checks that it does not matter what becomes of the caller's bytes before Sync.
func TestPendingIsACopy(t *testing.T) {
	d := newDisk(t)
	f := d.with("a", "")
	data := []byte("abc")
	_, err := f.WriteAt(data, 0)
	d.ok(err)
	data[0] = '!'
	f.sync()
	require.Equal(t, "a=abc", dump(d.Strict()))
}

func TestImagesAreDurable(t *testing.T) {
	d := newDisk(t)
	d.with("a", "1")
	for range 100 {
		d.opened("a").write("2", 0).truncate(10)
		d.opened("b").write("3", 5)
	}
	strict := d.Strict()
	require.Equal(t, "a=1", dump(strict))
	require.Equal(t, []string{"a=1"}, outcomes(strict))
	for seed := range uint64(100) {
		mixed := d.Mix(newRand(seed))
		require.Equal(t, dump(mixed), dump(mixed.Strict()))
		require.Equal(t, []string{dump(mixed)}, outcomes(mixed))
	}
}

func TestImagesAreIndependent(t *testing.T) {
	d := newDisk(t)
	f := d.with("a", "0123456789")
	first, second := disk{t, d.Strict()}, disk{t, d.Everything()}
	f.write("d", 0)
	first.opened("a").write("f", 1)
	second.opened("a").write("s", 2).truncate(5)
	second.opened("new")
	first.remove("a")
	first.with("a", "again")
	require.Equal(t, "a=d123456789", dump(d.FS))
	require.Equal(t, "a=again", dump(first.FS))
	require.Equal(t, "a=01s34, new=", dump(second.FS))
}

func TestImagesAreNotLockedAndNothingIsInTheWay(t *testing.T) {
	d := newDisk(t)
	_, err := d.Lock("lock")
	d.ok(err)
	d.SetCapacity(0)
	d.Before(func(crashfs.Call) { t.Error("the image calls it") })
	calls := d.Calls()
	d.StopAt(calls + 1)
	d.FailFrom(1, errDisk)
	for _, image := range map[string]disk{"strict": {t, d.Strict()}, "mix": {t, d.Mix(newRand(1))}, "everything": {t, d.Everything()}} {
		require.Zero(t, image.Calls())
		_, err := image.Lock("lock")
		require.NoError(t, err)
		image.opened("a").write("x", 0).sync()
	}
	require.Equal(t, calls, d.Calls())
}
