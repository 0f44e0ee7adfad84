package kv_test

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// A crashPoint is a moment at which the power may be cut or the process be killed, and what was there then.
type crashPoint struct {
	about  string
	policy crashPolicy
	at     time.Time
	call   int         // the next one of the disk
	disk   *crashfs.FS // with everything; images are made of it

	// allows says what is wrong with what was found in an image, "" if nothing is. Where the power was cut, a weak policy
	// allows more.
	allows func(found crashFound, cut bool) string
}

// A crashImage is what may be left of a disk.
type crashImage struct {
	name    string
	disk    *crashfs.FS
	cut     bool // the power was cut
	durable bool // cutting it again changes nothing
}

// crashImages returns what may be left of a disk.
func crashImages(disk *crashfs.FS, seed uint64, mixes int) []crashImage {
	images := []crashImage{
		{"strict", disk.Strict(), true, true},
		{"everything", disk.Everything(), false, false},
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	for i := range mixes {
		images = append(images, crashImage{fmt.Sprint("mix ", i), disk.Mix(rng), true, true})
	}
	return images
}

// A crashChecker opens images and checks what is there.
type crashChecker struct {
	*testing.T
	mixes int                   // images of each point by chance
	known map[string]crashFound // what was found, by time and contents of a durable image
}

// check checks what may be left at a point, in a bubble of its own, in which it is the same time. With nest it also crashes the
// openings of that.
func (c *crashChecker) check(p *crashPoint, nest bool) {
	synctest.Test(c.T, func(t *testing.T) {
		time.Sleep(time.Until(p.at))
		inBubble := crashChecker{t, c.mixes, c.known}
		inBubble.checkImages(p, nest)
	})
}

func (c *crashChecker) checkImages(p *crashPoint, nest bool) {
	c.Helper()
	for _, image := range crashImages(p.disk, uint64(p.call), c.mixes) {
		about := p.about + ", " + image.name
		found, ok := c.known[crashKey(&image)]
		if ok {
			c.requireAllowed(p, found, image.cut, about)
		} else {
			found = c.checkImage(p, &image, about)
			c.known[crashKey(&image)] = found
		}
		if nest {
			c.checkRecovery(p, &image, found, about)
		}
	}
	delete(c.known, "")
}

// crashKey tells durable images apart. There is no key for others.
func crashKey(image *crashImage) string {
	if !image.durable {
		return ""
	}
	sum := sha256.New()
	for _, f := range image.disk.Files() {
		data, _ := image.disk.ReadFile(f.Name)
		fmt.Fprintf(sum, "%s %d %x ", f.Name, f.Size, sha256.Sum256(data))
	}
	return fmt.Sprintf("%x %v", sum.Sum(nil), time.Now())
}

func (c *crashChecker) requireAllowed(p *crashPoint, found crashFound, cut bool, about string) {
	c.Helper()
	if wrong := p.allows(found, cut); wrong != "" {
		c.Fatalf("%s\nfound\n%s%s", about, found, wrong)
	}
}

// checkImage opens an image, checks what is there, and goes on with it. It returns what was found.
func (c *crashChecker) checkImage(p *crashPoint, image *crashImage, about string) crashFound {
	c.Helper()
	disk := image.disk.Everything()
	db := c.open(p, disk, about)
	found := crashRead(c, db)
	c.requireAllowed(p, found, image.cut, about)

	rng := rand.New(rand.NewPCG(uint64(p.call), 3))
	c.requireSame(p, found, disk.Mix(rng), about+", opened, and cut then")
	if !image.durable {
		c.requireSame(p, found, disk.Strict(), about+", opened, and cut then, strictly")
	}
	c.goOn(db, found, about)
	after := crashRead(c, db)
	if !p.policy.weak {
		c.requireSame(p, after, disk.Mix(rng), about+", opened and written to, and cut then")
	}
	require.NoError(c, db.Close(), about)
	require.Empty(c, disk.Unclosed(), about)
	c.requireSame(p, after, disk.Strict(), about+", closed, and cut then")
	return found
}

// goOn makes a bucket, and writes to each there is. Revisions go on where they were.
func (c *crashChecker) goOn(db *kv.DB, found crashFound, about string) {
	c.Helper()
	added := newBucket(c, db, kv.Config{Bucket: "goes-on"})
	play(c, added, "k")
	for name := range found {
		b, err := db.Bucket(c.Context(), name)
		require.NoError(c, err, about)
		revision, err := b.PutString(c.Context(), "goes.on", about)
		require.NoError(c, err, about)
		require.Equal(c, found[name].Status.Newest+1, revision, about)
	}
}

// checkRecovery cuts the power, or kills the process, at each call that the disk gets while an image is opened.
func (c *crashChecker) checkRecovery(p *crashPoint, image *crashImage, found crashFound, about string) {
	c.Helper()
	disk := image.disk.Everything()
	var mu sync.Mutex // compaction may begin
	var moments []crashPoint
	disk.Before(func(call crashfs.Call) {
		if call.Kind.Changes() {
			mu.Lock()
			defer mu.Unlock()
			about := fmt.Sprintf("%s, while it is opened, before %v", about, call)
			moments = append(moments, crashPoint{about: about, call: call.N, disk: disk.Everything()})
		}
	})
	require.Equal(c, found.String(), c.read(p, disk, about).String(), about)
	for _, m := range moments {
		for _, again := range crashImages(m.disk, uint64(m.call), c.mixes) {
			about := m.about + ", " + again.name
			got := c.read(p, again.disk, about)
			c.requireAllowed(p, got, image.cut || again.cut, about)
			if image.durable {
				require.Equal(c, found.String(), got.String(), about)
			}
		}
	}
}

func (c *crashChecker) open(p *crashPoint, disk *crashfs.FS, about string) *kv.DB {
	c.Helper()
	db, err := p.policy.open(disk)
	require.NoError(c, err, about)
	return db
}

// read opens a disk, and reads everything.
func (c *crashChecker) read(p *crashPoint, disk *crashfs.FS, about string) crashFound {
	c.Helper()
	db := c.open(p, disk, about)
	found := crashRead(c, db)
	require.NoError(c, db.Close(), about)
	require.Empty(c, disk.Unclosed(), about)
	return found
}

// requireSame fails unless a disk has what was found before.
func (c *crashChecker) requireSame(p *crashPoint, found crashFound, disk *crashfs.FS, about string) {
	c.Helper()
	require.Equal(c, found.String(), c.read(p, disk, about).String(), about)
}
