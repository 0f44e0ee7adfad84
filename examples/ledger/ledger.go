package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/revkv/kv"
)

// A ledger is a bucket with what customers have paid, three times over: in their receipts, in their accounts, and in the
// number of the last receipt. One batch writes all three, so there is never one of them without the others.
//
//	account.ann        50
//	receipt.00000001   ann 20
//	receipt.00000002   ann 30
//	receipts           2
//	run                1         while a run is not over: its first receipt
type ledger struct{ bucket *kv.Bucket }

// A receipt is what a customer gets for a payment, and has a right to.
type receipt struct {
	number   int
	customer string
	amount   int
}

func (r receipt) key() string { return fmt.Sprintf("receipt.%08d", r.number) }

func (r receipt) String() string {
	return fmt.Sprintf("receipt %d: %s has paid %d", r.number, r.customer, r.amount)
}

func openLedger(ctx context.Context, db *kv.DB) (*ledger, error) {
	b, err := db.CreateBucket(ctx, kv.Config{Bucket: "ledger"})
	return &ledger{b}, err
}

// pay takes a payment. When it returns without an error the payment is in the folder, whatever happens to the process.
// Many may call it at the same time.
func (l *ledger) pay(ctx context.Context, customer string, amount int) (receipt, error) {
	for {
		last, lastRevision, err := l.number(ctx, "receipts")
		if err != nil {
			return receipt{}, err
		}
		account := "account." + customer
		balance, revision, err := l.number(ctx, account)
		if err != nil {
			return receipt{}, err
		}
		r := receipt{last + 1, customer, amount}
		_, err = l.bucket.Apply(ctx,
			kv.UpdateOp("receipts", []byte(strconv.Itoa(r.number)), lastRevision),
			kv.UpdateOp(account, []byte(strconv.Itoa(balance+amount)), revision),
			kv.CreateOp(r.key(), fmt.Appendf(nil, "%s %d", customer, amount)))
		if errors.Is(err, kv.ErrRevisionMismatch) {
			continue // somebody else was faster, so these are not the last receipt and the balance any more
		}
		return r, err
	}
}

// number returns a number and its revision, 0 and 0 if it was never written.
func (l *ledger) number(ctx context.Context, key string) (n int, revision uint64, err error) {
	e, err := l.bucket.Get(ctx, key)
	if errors.Is(err, kv.ErrKeyNotFound) {
		return 0, 0, nil
	}
	if err == nil {
		n, err = strconv.Atoi(string(e.Value))
	}
	return n, e.Revision, err
}

// begin notes that a run begins, and returns the first receipt of the run before if that has not come to its end, else 0.
func (l *ledger) begin(ctx context.Context) (killed int, err error) {
	killed, _, err = l.number(ctx, "run")
	if err != nil {
		return 0, err
	}
	last, _, err := l.number(ctx, "receipts")
	if err != nil {
		return 0, err
	}
	_, err = l.bucket.PutString(ctx, "run", strconv.Itoa(last+1))
	return killed, err
}

// end notes that the run has come to its end.
func (l *ledger) end(ctx context.Context) error { return l.bucket.Delete(ctx, "run") }

// audit returns all receipts. If they do not agree with the accounts, or one is missing, it returns an error.
func (l *ledger) audit(ctx context.Context) (receipts []receipt, err error) {
	owed, accounts := map[string]int{}, map[string]int{}
	for e, err := range l.bucket.Entries(ctx, "receipt.*") { // in order of key, so in order of number
		if err != nil {
			return nil, err
		}
		r := receipt{number: len(receipts) + 1}
		if _, err := fmt.Sscan(string(e.Value), &r.customer, &r.amount); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Key, err)
		}
		if e.Key != r.key() {
			return nil, fmt.Errorf("%s is missing", r.key())
		}
		owed[r.customer] += r.amount
		receipts = append(receipts, r)
	}
	for e, err := range l.bucket.Entries(ctx, "account.*") {
		if err != nil {
			return nil, err
		}
		customer := strings.TrimPrefix(e.Key, "account.")
		if accounts[customer], err = strconv.Atoi(string(e.Value)); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Key, err)
		}
	}
	last, _, err := l.number(ctx, "receipts")
	if err == nil && (last != len(receipts) || fmt.Sprint(owed) != fmt.Sprint(accounts)) {
		err = fmt.Errorf("%d receipts for %v, the last being %d, and accounts with %v", len(receipts), owed, last, accounts)
	}
	return receipts, err
}
