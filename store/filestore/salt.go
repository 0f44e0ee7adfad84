package filestore

import (
	"encoding/binary"
	"hash/crc32"
)

// A segment whose header is lost has lost its salt, and with that every checksum in it. But a checksum can be run
// backwards: from that of any head, over the rest of the head and its place, to the state that the salt had left. A salt that
// leaves this state is as good as the lost one. That it was the head of a frame and no other bytes is shown by the
// checksum of what comes after it.

// findSalt returns a salt with which something in a segment passes, or false if there is none.
func findSalt(r *reader) (salt uint64, found bool, err error) {
	for at := int64(0); at+headLen <= r.size; at++ {
		buf, err := r.bytes(at, headLen)
		if err != nil {
			return 0, false, err
		}
		h, ok := decodeHead(buf, at)
		if !ok || h.length <= checksumLen || int64(h.length) > r.size-at-headLen {
			continue
		}
		salt := saltOf(buf, at)
		body, err := r.bytes(at+headLen, int64(h.length))
		if err != nil {
			return 0, false, err
		}
		if passes(&h, body, salt, at) {
			return salt, true, nil
		}
	}
	return 0, false, nil
}

// passes reports whether the bytes after a head have the checksum that they should have, in a segment with a salt.
func passes(h *head, body []byte, salt uint64, at int64) bool {
	if h.kind == kindIndex {
		return binary.LittleEndian.Uint32(body) == checksum(salt, uint64(at), body[checksumLen:])
	}
	_, reason := parseItem(body, salt, h)
	return reason == ""
}

// saltOf returns a salt with which the head at a place has the checksum that it has.
func saltOf(head []byte, at int64) uint64 {
	var place [8]byte
	binary.LittleEndian.PutUint64(place[:], uint64(at))
	state := ^binary.LittleEndian.Uint32(head)
	state = crcBack(state, head[checksumLen:headLen])
	state = crcBack(state, place[:])
	// Of the salt's bytes the first four are taken to be zero; the others have to lead from where these do to the state.
	var zeros [4]byte
	first := ^crc32.Checksum(zeros[:], castagnoli)
	return uint64(first^crcBack(state, zeros[:])) << 32
}

// crcBack returns the inner state of a checksum from before it went over data.
func crcBack(state uint32, data []byte) uint32 {
	for i := len(data) - 1; i >= 0; i-- {
		step := crcSteps[state>>24]
		state = (state^castagnoli[step])<<8 | uint32(step^data[i])
	}
	return state
}

// crcSteps tells for the top byte of a state by which entry of the table it came about.
var crcSteps = func() (steps [256]byte) {
	for i, entry := range castagnoli {
		steps[entry>>24] = byte(i)
	}
	return steps
}()
