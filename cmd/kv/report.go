package main

import (
	"math"
	"strconv"

	"github.com/revkv/kv"
	"github.com/revkv/kv/cmd/kv/internal/ui"
	"github.com/revkv/kv/cmd/kv/internal/units"
)

// showReport shows what verify has found, and returns errDamaged if that is damage.
func (a *app) showReport(r *kv.Report, asJSON bool) error {
	if asJSON {
		if err := a.ui.JSON(reportDocumentOf(r)); err != nil {
			return err
		}
	} else {
		a.showBuckets(r)
		a.showDamage(r)
	}
	if !r.OK() {
		return errDamaged
	}
	return nil
}

func (a *app) showBuckets(r *kv.Report) {
	table := ui.NewTable("Buckets", "Bucket", "Revisions", "Newest", "Segments", "Live", "Dead")
	for _, b := range r.Buckets {
		table.Add(b.Bucket, units.FormatCount(b.Records), b.Newest, b.Segments, units.FormatSize(b.Live), units.FormatSize(b.Dead))
	}
	a.ui.Table(table)
	for _, b := range r.Buckets {
		if b.ConfigFrom != "" {
			a.ui.Remarkf("bucket %s: its configuration was lost, and is from %s", b.Bucket, b.ConfigFrom)
		}
	}
}

func (a *app) showDamage(r *kv.Report) {
	if len(r.Damage) > 0 {
		table := ui.NewTable("Damage", "Bucket", "File", "Offset", "Bytes", "Lost revisions", "What")
		for _, d := range r.Damage {
			table.Add(d.Bucket, d.File, d.Offset, d.Bytes, lostText(d), d.Err)
		}
		a.ui.Table(table)
	}
	for _, t := range r.TornTails {
		a.ui.Remarkf("%s: the last %d bytes, from %d on, are of a write that did not come to its end: no damage", t.File, t.Bytes, t.Offset)
	}
	for _, file := range r.LeftOver {
		a.ui.Remarkf("%s: of no bucket's log: left over, or just being made by who has the folder open", file)
	}
}

// lostText says which revisions damage costs.
func lostText(d kv.Damage) string {
	text := ""
	for _, r := range d.Lost {
		if text != "" {
			text += ", "
		}
		text += strconv.FormatUint(r.First, 10)
		switch r.Last {
		case r.First:
		case math.MaxUint64:
			text += " and later"
		default:
			text += "-" + strconv.FormatUint(r.Last, 10)
		}
	}
	if text != "" && !d.Exact {
		text = "of " + text
	}
	return text
}

// A reportDocument is a report as --json shows it.
type reportDocument struct {
	OK        bool               `json:"ok"`
	Buckets   []bucketDocument   `json:"buckets"`
	Damage    []damageDocument   `json:"damage"`
	TornTails []tornTailDocument `json:"torn_tails"`
	LeftOver  []string           `json:"left_over"`
}

type bucketDocument struct {
	Bucket     string `json:"bucket"`
	Revisions  int    `json:"revisions"`
	Newest     uint64 `json:"newest"`
	Segments   int    `json:"segments"`
	Live       int64  `json:"live"`
	Dead       int64  `json:"dead"`
	ConfigFrom string `json:"config_from,omitempty"`
}

type damageDocument struct {
	Bucket string              `json:"bucket,omitempty"`
	File   string              `json:"file"`
	Offset int64               `json:"offset"`
	Bytes  int64               `json:"bytes"`
	Error  string              `json:"error"`
	Lost   []revisionsDocument `json:"lost"`
	Exact  bool                `json:"exact"`
	Split  bool                `json:"split"`
}

type revisionsDocument struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

type tornTailDocument struct {
	Bucket string `json:"bucket"`
	File   string `json:"file"`
	Offset int64  `json:"offset"`
	Bytes  int64  `json:"bytes"`
	Reason string `json:"reason"`
}

func reportDocumentOf(r *kv.Report) reportDocument {
	doc := reportDocument{
		OK:        r.OK(),
		Buckets:   make([]bucketDocument, len(r.Buckets)),
		Damage:    make([]damageDocument, len(r.Damage)),
		TornTails: make([]tornTailDocument, len(r.TornTails)),
		LeftOver:  append([]string{}, r.LeftOver...),
	}
	for i, b := range r.Buckets {
		doc.Buckets[i] = bucketDocument{b.Bucket, b.Records, b.Newest, b.Segments, b.Live, b.Dead, b.ConfigFrom}
	}
	for i, d := range r.Damage {
		lost := make([]revisionsDocument, len(d.Lost))
		for j, l := range d.Lost {
			lost[j] = revisionsDocument(l)
		}
		doc.Damage[i] = damageDocument{d.Bucket, d.File, d.Offset, d.Bytes, d.Err.Error(), lost, d.Exact, d.Split}
	}
	for i, t := range r.TornTails {
		doc.TornTails[i] = tornTailDocument(t)
	}
	return doc
}
