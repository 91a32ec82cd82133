package main

import (
	"crypto/ecdh"
	"crypto/rand"
	"net/netip"
	"time"

	"github.com/pion/dtls/v3/pkg/crypto/ciphersuite"
	"github.com/pion/dtls/v3/pkg/crypto/elliptic"
	"github.com/pion/dtls/v3/pkg/protocol"
	"github.com/pion/dtls/v3/pkg/protocol/recordlayer"

	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/internal/simnet"
)

// rtt is the round-trip time of the links on which time is measured.
const rtt = 50 * time.Millisecond

// dtlsPair makes a client and a server that know each other's certificate.
func (b *board) dtlsPair(now time.Time, version dtls.Version, groups ...dtls.Group) (client, server *dtls.Conn) {
	make := func(client bool) *dtls.Conn {
		c, err := dtls.NewConn(now, dtls.Config{
			Client:       client,
			Certificate:  b.certificate(),
			Fingerprints: []dtls.Fingerprint{b.certificate().Fingerprint("sha-256")},
			MinVersion:   version,
			MaxVersion:   version,
			Groups:       groups,
			SRTPProfiles: []dtls.SRTPProfile{dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80},
			Rand:         rand.Reader,
		})
		b.must(err)
		return c
	}
	return make(true), make(false)
}

// certificate is shared by all of our handshakes, as it is by Pion's.
func (b *board) certificate() *dtls.Certificate {
	if b.cert == nil {
		cert, err := dtls.NewCertificate(rand.Reader, time.Now())
		b.must(err)
		b.cert = cert
	}
	return b.cert
}

// dtlsEnd is one connection as a machine of the virtual network.
type dtlsEnd struct {
	*dtls.Conn
	addr, peer netip.AddrPort
	buf        []byte
	done       bool
}

func (e *dtlsEnd) events() {
	for {
		ev, ok := e.NextEvent()
		if !ok {
			return
		}
		switch ev.Kind {
		case dtls.EventHandshakeDone:
			e.done = true
		case dtls.EventClosed:
			panic(ev.Err)
		}
	}
}

// Receive, Advance and Poll make it a simnet.Node, with Deadline of the connection.
func (e *dtlsEnd) Receive(now time.Time, p simnet.Packet) {
	e.HandlePacket(now, p.Data)
	e.events()
}

func (e *dtlsEnd) Advance(now time.Time) {
	e.HandleTimeout(now)
	e.events()
}

func (e *dtlsEnd) Poll(now time.Time) (simnet.Packet, bool) {
	b, ok := e.AppendPacket(now, e.buf[:0])
	e.buf = b[:0]
	return simnet.Packet{From: e.addr, To: e.peer, Data: b}, ok
}

// dtlsHandshakes returns the virtual time that our handshakes take over lossy links,
// one for each seed, until both sides are done. They know nothing of the round-trip
// time beforehand.
func (b *board) dtlsHandshakes(seeds int, loss float64, version dtls.Version, groups ...dtls.Group) (times []float64) {
	for seed := range seeds {
		net := simnet.New(uint64(seed))
		client, server := b.dtlsPair(net.Now(), version, groups...)
		one := &dtlsEnd{Conn: client, addr: netip.MustParseAddrPort("10.0.0.1:1"), peer: netip.MustParseAddrPort("10.0.0.2:1")}
		two := &dtlsEnd{Conn: server, addr: one.peer, peer: one.addr}
		a, z := net.Host("client", one, one.addr.Addr()), net.Host("server", two, two.addr.Addr())
		net.Link(a, z, simnet.LinkConfig{Delay: rtt / 2, Loss: simnet.RandomLoss(loss)})
		if !net.RunUntil(time.Minute, func() bool { return one.done && two.done }) {
			b.t.Fatalf("handshake %d did not end", seed)
		}
		times = append(times, milliseconds(net.Elapsed()))
	}
	return times
}

// handshakeRows measure how long a handshake takes at 50 ms round trip and 10 % loss.
func handshakeRows(b *board) {
	seeds := 200
	pion := b.pionHandshakes(seeds, 0.1)
	for _, v := range []struct {
		name    string
		version dtls.Version
		groups  []dtls.Group
	}{
		{"dtls13", dtls.VersionDTLS13, nil},
		{"dtls13.x25519", dtls.VersionDTLS13, []dtls.Group{dtls.X25519}},
		{"dtls12", dtls.VersionDTLS12, nil},
	} {
		times := b.dtlsHandshakes(seeds, 0.1, v.version, v.groups...)
		b.atMost("handshake."+v.name+".p90", percentile(times, 0.9), "ms", 600, percentile(pion, 0.9))
		b.shown("handshake."+v.name+".p50", median(times), "ms", median(pion))
		b.shown("handshake."+v.name+".max", percentile(times, 1), "ms", percentile(pion, 1))
	}
}

// handshakeCPURows compare the processor time of a whole handshake, both sides
// together, with that of its asymmetric cryptography.
func handshakeCPURows(b *board) {
	x25519Floor := newHandshakeFloor(ecdh.X25519(), false)
	p256Floor := newHandshakeFloor(ecdh.P256(), false)
	hybridFloor := newHandshakeFloor(ecdh.X25519(), true)
	pion2 := b.pion2Handshake()
	for _, v := range []struct {
		name    string
		version dtls.Version
		group   dtls.Group
		floor   *handshakeFloor
		pion    func()
	}{
		{"dtls13.hybrid", dtls.VersionDTLS13, dtls.X25519MLKEM768, hybridFloor, nil},
		{"dtls13.x25519", dtls.VersionDTLS13, dtls.X25519, x25519Floor, nil},
		{"dtls13.p256", dtls.VersionDTLS13, dtls.P256, p256Floor, nil},
		{"dtls12.x25519", dtls.VersionDTLS12, dtls.X25519, x25519Floor, b.pionHandshake(elliptic.X25519)},
		{"dtls12.p256", dtls.VersionDTLS12, dtls.P256, p256Floor, b.pionHandshake(elliptic.P256)},
	} {
		ours := func() { b.dtlsHandshake(v.version, v.group) }
		if v.pion == nil {
			times := interleave(rounds, 4, ours, v.floor.run)
			b.atMost("cpu."+v.name, ratio(times[0], times[1]), "× floor", 1.5)
			continue
		}
		times := interleave(rounds, 4, ours, v.floor.run, v.pion, pion2)
		b.atMost("cpu."+v.name, ratio(times[0], times[1]), "× floor", 1.5, ratio(times[2], times[1]))
		if v.group == dtls.X25519 {
			b.shown("cpu."+v.name+".pion2", ratio(times[3], times[1]), "× floor")
			b.shown("cpu."+v.name+".floor", median(times[1])/1000, "µs")
		}
	}
}

// dtlsHandshake makes a pair and shakes hands in memory.
func (b *board) dtlsHandshake(version dtls.Version, groups ...dtls.Group) (client, server *dtls.Conn) {
	now := simnet.Epoch
	client, server = b.dtlsPair(now, version, groups...)
	var buf []byte
	done := 0
	carry := func(from, to *dtls.Conn) bool {
		b, ok := from.AppendPacket(now, buf[:0])
		buf = b[:0]
		if ok {
			to.HandlePacket(now, b)
		}
		return ok
	}
	for {
		moved := carry(client, server)
		moved = carry(server, client) || moved
		for _, c := range []*dtls.Conn{client, server} {
			for ev, ok := c.NextEvent(); ok; ev, ok = c.NextEvent() {
				if ev.Kind == dtls.EventClosed {
					b.must(ev.Err)
				}
				if ev.Kind == dtls.EventHandshakeDone {
					done++
				}
			}
		}
		if !moved {
			break
		}
	}
	if done != 2 {
		b.t.Fatal("the handshake did not end")
	}
	return client, server
}

// recordRows compare sealing and opening a record with doing so to its bytes alone.
func recordRows(b *board) {
	for _, v := range []struct {
		name    string
		version dtls.Version
	}{{"dtls13", dtls.VersionDTLS13}, {"dtls12", dtls.VersionDTLS12}} {
		client, server := b.dtlsHandshake(v.version, dtls.X25519)
		if s := client.State().CipherSuite; s != dtls.TLS_AES_128_GCM_SHA256 && s != dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 {
			b.t.Fatalf("negotiated %v", s)
		}
		now := simnet.Epoch
		plaintext := make([]byte, 1200)
		var buf []byte
		ours := func() {
			record, err := client.AppendData(now, buf[:0], plaintext)
			b.must(err)
			buf = record
			server.HandlePacket(now, record)
			if ev, ok := server.NextEvent(); !ok || ev.Kind != dtls.EventData || len(ev.Data) != len(plaintext) {
				b.t.Fatal("the record did not arrive")
			}
		}
		floor, pion := recordFloor(len(plaintext)), b.pionRecord(plaintext)
		times := b.interleaveQuick(workloads(ours, floor, pion)...)
		b.atMost("record."+v.name, ratio(times[0], times[1]), "× floor", 1.3, ratio(times[2], times[1]))
		b.atMost("record."+v.name+".allocs", allocations(ours), "per record", 0, allocations(pion))
		b.shown("record."+v.name+".floor", median(times[1]), "ns")
	}
}

// pionRecord seals and opens a record with pion/dtls v3's cipher suite, which is less
// than its connection does.
func (b *board) pionRecord(plaintext []byte) func() {
	gcm, err := ciphersuite.NewGCM(make([]byte, 16), make([]byte, 4), make([]byte, 16), make([]byte, 4))
	b.must(err)
	record := &recordlayer.RecordLayer{
		Header:  recordlayer.Header{Version: protocol.Version1_2, Epoch: 1, ContentType: protocol.ContentTypeApplicationData},
		Content: &protocol.ApplicationData{Data: plaintext},
	}
	return func() {
		record.Header.SequenceNumber++
		raw, err := record.Marshal()
		b.must(err)
		sealed, err := gcm.Encrypt(record, raw)
		b.must(err)
		var header recordlayer.Header
		b.must(header.Unmarshal(sealed))
		_, err = gcm.Decrypt(header, sealed)
		b.must(err)
	}
}
