package main

import (
	"net/netip"

	pionstun "github.com/pion/stun/v4"

	"github.com/sansrtc/rtc/stun"
)

const (
	stunPassword = "VOkJxbRl1RmTxUk/WvJxBt"
	stunUsername = "evtj:h6vY"
)

// stunClient is where the check comes from.
var stunClient = netip.MustParseAddrPort("192.0.2.1:32853")

// stunRows compare the work that each connectivity check costs the side that answers
// it: decode, verify FINGERPRINT and MESSAGE-INTEGRITY, find the attributes ICE
// needs, and write the success response.
func stunRows(b *board) {
	check := stunCheck()
	key, err := stun.NewKey(stunPassword)
	b.must(err)
	var out []byte
	ours := func() { out = answerCheck(out[:0], check, key) }
	ours()
	floor := newStunFloor()
	if !floor.accepts(out) {
		b.t.Fatal("the floor rejects our response")
	}
	floorOnce := func() { floor.answer(check) }
	pion := b.pionStun(check)
	times := b.interleaveQuick(workloads(ours, floorOnce, pion)...)
	b.atMost("stun.check", ratio(times[0], times[1]), "× floor", 1.5, ratio(times[2], times[1]))
	b.atMost("stun.allocs", allocations(ours), "per check", 0, allocations(pion))
	b.shown("stun.floor", median(times[1]), "ns")
}

// stunCheck returns a check as Chromium sends it.
func stunCheck() []byte {
	key, err := stun.NewKey(stunPassword)
	if err != nil {
		panic(err)
	}
	m := stun.NewBuilder(nil, stun.Request, stun.Binding, stun.TransactionID{0xb7, 0xe7, 0xa7, 1, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae})
	m.Attr(stun.AttrUsername, []byte(stunUsername))
	m.Attr(stun.AttrGoogNetworkInfo, []byte{0, 1, 0, 10})
	m.Uint64(stun.AttrICEControlling, 0x932ff9b151263b36)
	m.Attr(stun.AttrUseCandidate, nil)
	m.Uint32(stun.AttrPriority, 0x6e0001ff)
	m.Integrity(key)
	m.Fingerprint()
	return m.Bytes()
}

// answerCheck is what our ICE agent does with a check, as far as STUN goes.
func answerCheck(dst, check []byte, key *stun.Key) []byte {
	if !stun.Is(check) {
		panic("scoreboard: not STUN")
	}
	m, err := stun.Parse(check)
	if err != nil || m.Class() != stun.Request {
		panic("scoreboard: check refused")
	}
	var username, priority, nominated bool
	for attrs := m.Attrs(); ; {
		a, ok := attrs.Next()
		if !ok {
			break
		}
		switch a.Type {
		case stun.AttrUsername:
			username = string(a.Value) == stunUsername
		case stun.AttrPriority:
			_, priority = a.Uint32()
		case stun.AttrUseCandidate:
			nominated = true
		}
	}
	if !username || !priority || !nominated || !key.Verify(m) {
		panic("scoreboard: check refused")
	}
	r := stun.NewBuilder(dst, stun.Success, stun.Binding, m.TransactionID())
	r.XORMappedAddress(stunClient)
	r.Integrity(key)
	r.Fingerprint()
	return r.Bytes()
}

// pionStun does the same with pion/stun, in the way pion/ice does it: a new message,
// and the key set up again, for each check.
func (b *board) pionStun(check []byte) func() {
	return func() {
		m := &pionstun.Message{Raw: append([]byte(nil), check...)}
		b.must(m.Decode())
		username, err := m.Get(pionstun.AttrUsername)
		b.must(err)
		if string(username) != stunUsername {
			panic("scoreboard: check refused")
		}
		b.must(pionstun.MessageIntegrity([]byte(stunPassword)).Check(m))
		b.must(pionstun.Fingerprint.Check(m))
		_, err = pionstun.Build(m, pionstun.BindingSuccess,
			&pionstun.XORMappedAddress{IP: stunClient.Addr().AsSlice(), Port: int(stunClient.Port())},
			pionstun.MessageIntegrity([]byte(stunPassword)), pionstun.Fingerprint)
		b.must(err)
	}
}
