package kv

import (
	"context"
	"errors"
	"fmt"

	"github.com/revkv/kv/store/filestore"
)

// What Verify and Repair tell.
type (
	// A Report is what was found: buckets, damage, torn tails, and files that are left over.
	Report = filestore.Report
	// A BucketReport is the size of a bucket, in revisions and in bytes of its files.
	BucketReport = filestore.BucketReport
	// A Damage is what is wrong with a file, where, and which revisions that costs.
	Damage = filestore.Damage
	// Revisions are the revisions from one to another.
	Revisions = filestore.Revisions
)

// Verify reads all that is in a folder of buckets, values too, and reports everything that is not as it was written, with file
// and offset. After damage it goes on, so the report has all of it. Report.OK and Report.Err sum it up: the error matches
// ErrCorrupt, or ErrFormatVersion for files that claim to be of a later version.
//
// What a crash left half written at the end of a log is no damage, but a TornTail in the report. A folder in which nothing is
// damaged is one that Open opens, and in which every value can be read.
//
// Verify changes no byte, and takes no lock: beside a process that writes, each bucket is looked at as it was at
// some moment of the call. In memory it needs about 100 bytes for each revision of one bucket at a time. OnProgress
// tells the bytes of files that are read.
//
// The error is not about damage. It is that of the file system, which a file that cannot be read gives too; it matches
// fs.ErrNotExist if there is no such folder, ErrFormatVersion if all of it is of a later version; or it is
// that of ctx, which is looked at before each read.
func Verify(ctx context.Context, dir string, opts ...ToolOption) (*Report, error) {
	if err := checkDir("verify", "dir", dir); err != nil {
		return nil, err
	}
	return runTool(ctx, "verify", opts, func(o filestore.ToolOptions) (*Report, error) {
		return filestore.Verify(ctx, dir, o)
	})
}

// Repair reads the folder src, as damaged as it may be, and writes what is whole to the folder dst, which must not exist
// or be empty: if there is anything in it the error matches fs.ErrExist. It leaves src as it is, byte for byte. No process
// may write to src meanwhile.
//
// Every revision comes back whose own bytes are whole, and so does each bucket, its configuration, and the number of its
// newest revision, if anything tells of it. Numbering goes on after that. What was trimmed stays away as far as anything tells that it was.
// If src can be opened dst holds the same, without what opening cuts off.
//
// The report says what is damaged and what that costs: Damage.Lost are the revisions that are not in dst. If Damage.Split is
// set, a part of what was written together came back, so a batch may not be whole. If BucketReport.ConfigFrom is set,
// the configuration of the bucket was lost and is one that it had earlier, or is made up: see that it is right
// before dst is opened for writing, because what its History and TTL do not allow is dropped for good then.
//
// Bytes that cannot be read are damage like others. The error is that of another failure of the file system, or of ctx, and
// then dst is empty but for a file called LOCK. If there is nothing in src that could be a bucket's it matches
// ErrCorrupt, and ErrFormatVersion if all of src is of a later version.
func Repair(ctx context.Context, src, dst string, opts ...ToolOption) (*Report, error) {
	if err := errors.Join(checkDir("repair", "src", src), checkDir("repair", "dst", dst)); err != nil {
		return nil, err
	}
	return runTool(ctx, "repair", opts, func(o filestore.ToolOptions) (*Report, error) {
		return filestore.Repair(ctx, src, dst, o)
	})
}

// runTool runs a tool of the file store with all that the engine knows.
func runTool(ctx context.Context, op string, opts []ToolOption, run func(filestore.ToolOptions) (*Report, error)) (*Report, error) {
	o := toolOptionsOf(opts)
	if err := checkContext(ctx); err != nil {
		return nil, err
	}
	m := &meter{tell: o.progress}
	report, err := run(filestore.ToolOptions{
		Progress: func(bucket string, done, total int64) {
			m.Bucket, m.Total = bucket, total
			m.add(int(done - m.Done))
		},
		CheckConfig: checkStoredConfig,
		CheckKey:    CheckKey,
		Config:      madeUpConfig,
	})
	if err != nil {
		return nil, fmt.Errorf("kv: %s: %w", op, err)
	}
	m.end()
	return report, nil
}

// checkStoredConfig says what is wrong with the configuration that a store has for a bucket.
func checkStoredConfig(bucket string, data []byte) error {
	if err := checkBucketName("verify", bucket); err != nil {
		return err
	}
	cfg, err := decodeConfig(data)
	if err == nil && cfg.Bucket != bucket {
		err = &BucketError{Op: "verify", Bucket: bucket, Reason: fmt.Sprintf("its configuration is that of %q", cfg.Bucket), Err: ErrInvalidConfig}
	}
	return err
}

// madeUpConfig returns a configuration for a bucket whose own is lost: one that drops nothing.
func madeUpConfig(bucket string) []byte {
	cfg, _ := Config{Bucket: bucket, History: MaxHistory, Storage: FileStorage}.normal() // which nothing can be wrong with
	data, _ := cfg.encode()
	return data
}
