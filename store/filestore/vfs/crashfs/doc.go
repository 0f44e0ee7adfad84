// Package crashfs is a file system in memory for tests of what writes to files by way of package vfs. It loses power, fails,
// fills up and is damaged, when the test says so.
//
// It knows what is durable and what is not, to the letter of package vfs. Bytes are durable after Sync of their file, and
// names after SyncDir of their directory: neither does the work of the other, and for a directory that was made its parent
// has to be synced too. What is neither is pending.
//
// An image is what is found after a crash, as a file system of its own: [FS.Strict] and [FS.Mix] after a power cut,
// [FS.Everything] after the end of the process. Images share their bytes until one writes, so they can be taken by the
// thousand. Since calls are numbered, and [FS.Before] is a cue at each of them, one run of the code under test is enough to
// crash it everywhere:
//
//	func TestCrashAnywhere(t *testing.T) {
//		disk := crashfs.New()
//		var acked []string // what the code under test says is durable
//		rng := rand.New(rand.NewPCG(1, 2))
//		check := func(when string) {
//			checkOpens(t, when+", strict", disk.Strict(), acked)
//			checkOpens(t, when+", everything", disk.Everything(), acked)
//			for i := range 5 {
//				checkOpens(t, fmt.Sprint(when, ", mix ", i), disk.Mix(rng), acked)
//			}
//		}
//		disk.Before(func(c crashfs.Call) {
//			if c.Kind.Changes() {
//				check(c.String())
//			}
//		})
//		run(disk, &acked)
//		check("at the end")
//	}
//
// If the code under test has goroutines of its own, they go on while one of them is in a function of Before: so check has to be
// fit for several at once, and to note what is acknowledged before it takes the images, as these may be older than what is
// acknowledged after.
//
// The image is given to code that opens it, which may crash in turn. Where the code under test shall notice the crash, let it
// run anew for each n, with [FS.StopAt], until Calls says that n was not reached.
//
// Faults are for one call, with [FS.Fail] and [FS.FailShort], or for all from one on, with [FS.FailFrom]. From Before they can
// be chosen by what the call is:
//
//	disk.Before(func(c crashfs.Call) {
//		if c.Kind == crashfs.Sync && strings.HasSuffix(c.Name, ".log") {
//			disk.Fail(c.N, syscall.EIO)
//		}
//	})
//
// Where a call has failed, [FS.Unclosed] tells what the program forgot to close on its way out.
//
// Damage is done with [FS.Files], [FS.ReadFile] and [FS.WriteFile], on an image that is made anew for each bit that is
// flipped:
//
//	damaged := disk.Everything()
//	data, _ := damaged.ReadFile(name)
//	data[i] ^= 1
//	damaged.WriteFile(name, data)
package crashfs
