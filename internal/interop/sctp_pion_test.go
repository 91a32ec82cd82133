package interop

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/datachannel"
	"github.com/pion/logging"
	pionsctp "github.com/pion/sctp"
	"github.com/sansrtc/rtc/internal/interop/lossy"
	"github.com/sansrtc/rtc/sctp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sctpDriver runs one of our associations over a net.Conn, in one goroutine.
type sctpDriver struct {
	t     *testing.T
	conn  *lossy.Conn
	calls chan func(*sctp.Association)
	done  chan struct{}

	// events is called for each event, in the driver's goroutine.
	events func(*sctp.Association, sctp.Event)
}

func newSCTPDriver(t *testing.T, conn *lossy.Conn, cfg sctp.Config, events func(*sctp.Association, sctp.Event)) *sctpDriver {
	if cfg.Rand == nil {
		cfg.Rand = rand.NewChaCha8([32]byte{1})
	}
	a, err := sctp.New(cfg)
	require.NoError(t, err)
	d := &sctpDriver{t: t, conn: conn, calls: make(chan func(*sctp.Association)), done: make(chan struct{}), events: events}
	packets := make(chan []byte)
	go func() {
		defer close(packets)
		buf := make([]byte, 2048)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			select {
			case packets <- bytes.Clone(buf[:n]):
			case <-d.done:
				return
			}
		}
	}()
	go func() {
		defer close(d.done)
		defer conn.Close()
		var out []byte
		for {
			closed := false
			for {
				ev, ok := a.NextEvent()
				if !ok {
					break
				}
				d.events(a, ev)
				closed = closed || ev.Kind == sctp.EventClosed
			}
			for {
				var ok bool
				if out, ok = a.AppendPacket(time.Now(), out[:0]); !ok {
					break
				}
				conn.Write(out)
			}
			if closed {
				return
			}
			var timer <-chan time.Time
			if at := a.Deadline(); !at.IsZero() {
				timer = time.After(time.Until(at))
			}
			select {
			case p, ok := <-packets:
				if !ok {
					return
				}
				a.HandlePacket(time.Now(), p)
			case call := <-d.calls:
				call(a)
			case <-timer:
			}
			a.HandleTimeout(time.Now())
		}
	}()
	return d
}

// do runs a call in the driver's goroutine and waits for it.
func (d *sctpDriver) do(call func(*sctp.Association)) {
	ran := make(chan struct{})
	select {
	case d.calls <- func(a *sctp.Association) { call(a); close(ran) }:
		<-ran
	case <-d.done:
		d.t.Error("the association has ended")
	}
}

var quietLogs = &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}

func quietChannel(c datachannel.Config) *datachannel.Config {
	c.LoggerFactory = quietLogs
	return &c
}

func pionConfig(conn *lossy.Conn) pionsctp.Config {
	return pionsctp.Config{
		NetConn:              conn,
		LoggerFactory:        quietLogs,
		MaxReceiveBufferSize: 4 << 20,
		MaxMessageSize:       256 << 10,
	}
}

// connectPion connects one of our associations with one of Pion's.
func connectPion(t *testing.T, link lossy.Config, initiate bool, cfg sctp.Config, events func(*sctp.Association, sctp.Event)) (*sctpDriver, *pionsctp.Association) {
	return connectPionFrom(t, link, initiate, !initiate, cfg, events)
}

func connectPionFrom(t *testing.T, link lossy.Config, initiate, theyInitiate bool, cfg sctp.Config, events func(*sctp.Association, sctp.Event)) (*sctpDriver, *pionsctp.Association) {
	ours, theirs := lossy.Pipe(link)
	cfg.Client = initiate
	connected := make(chan struct{})
	d := newSCTPDriver(t, ours, cfg, func(a *sctp.Association, ev sctp.Event) {
		if ev.Kind == sctp.EventConnected {
			close(connected)
		}
		events(a, ev)
	})
	var peer *pionsctp.Association
	var err error
	peerUp := make(chan struct{})
	go func() {
		defer close(peerUp)
		if theyInitiate {
			peer, err = pionsctp.Client(pionConfig(theirs))
		} else {
			peer, err = pionsctp.Server(pionConfig(theirs))
		}
	}()
	if initiate {
		d.do(func(a *sctp.Association) { a.Connect(time.Now()) })
	}
	<-peerUp
	require.NoError(t, err)
	<-connected
	t.Cleanup(func() {
		theirs.Close()
		peer.Close()
		ours.Close()
		<-d.done
	})
	return d, peer
}

var sctpLinks = []struct {
	name string
	link lossy.Config
}{
	{"clean", lossy.Config{Delay: 10 * time.Millisecond}},
	{"loss 2%", lossy.Config{Delay: 10 * time.Millisecond, Loss: 0.02, Seed: 1}},
	{"loss 10%", lossy.Config{Delay: 25 * time.Millisecond, Loss: 0.1, Seed: 2}},
	{"bottleneck", lossy.Config{Delay: 10 * time.Millisecond, Rate: 1_250_000, Queue: 50_000, Loss: 0.005, Seed: 3}},
}

func eachSCTPLink(t *testing.T, run func(t *testing.T, link lossy.Config, initiate bool)) {
	for _, l := range sctpLinks {
		for _, initiate := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/initiate=%v", l.name, initiate), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { run(t, l.link, initiate) })
			})
		}
	}
}

// testMessage is message number i of a transfer.
func testMessage(i int) []byte {
	b := make([]byte, 4+(i*i*131)%30_000)
	if i == 7 {
		b = make([]byte, 200_000)
	}
	rand.NewChaCha8(sha256.Sum256([]byte{byte(i)})).Read(b)
	binary.BigEndian.PutUint32(b, uint32(i))
	return b
}

const testMessages = 60

// Both sides send messages at once, on a channel opened with DCEP by either;
// then each closes one of the channels.
func TestSCTPPionChannels(t *testing.T) {
	eachSCTPLink(t, func(t *testing.T, link lossy.Config, initiate bool) {
		var got int
		var opened []sctp.ChannelConfig
		var closed []error
		var remoteID sctp.ChannelID
		remoteOpen, gotAll := make(chan struct{}), make(chan struct{})
		d, peer := connectPion(t, link, initiate, sctp.Config{RemoteMaxMessageSize: 256 << 10}, func(a *sctp.Association, ev sctp.Event) {
			switch ev.Kind {
			case sctp.EventChannelOpened:
				opened = append(opened, ev.Config)
				if ev.Remote {
					remoteID = ev.ID
					close(remoteOpen)
				}
			case sctp.EventMessage:
				if want := testMessage(got); !ev.Binary || !bytes.Equal(ev.Data, want) {
					t.Errorf("message %d: got %d bytes, want %d", got, len(ev.Data), len(want))
				}
				if got++; got == testMessages {
					close(gotAll)
				}
			case sctp.EventChannelClosed:
				closed = append(closed, ev.Err)
			}
		})

		// Ours: Pion accepts it and reads it, and the other way about.
		var id sctp.ChannelID
		d.do(func(a *sctp.Association) {
			var err error
			id, err = a.Open(time.Now(), sctp.ChannelConfig{Label: "ours", Protocol: "p1"})
			assert.NoError(t, err)
			for i := range testMessages {
				assert.NoError(t, a.Send(time.Now(), id, true, testMessage(i)))
			}
			assert.NoError(t, a.Send(time.Now(), id, false, nil))
			assert.NoError(t, a.Send(time.Now(), id, false, []byte("bye")))
		})
		accepted, err := datachannel.Accept(peer, quietChannel(datachannel.Config{}))
		require.NoError(t, err)
		require.Equal(t, "ours", accepted.Label)
		require.Equal(t, "p1", accepted.Protocol)
		stream := uint16(3)
		if !initiate {
			stream = 4
		}
		dialed, err := datachannel.Dial(peer, stream, quietChannel(datachannel.Config{Label: "theirs"}))
		require.NoError(t, err)
		go func() {
			<-remoteOpen
			for i := range testMessages {
				if _, err := dialed.WriteDataChannel(testMessage(i), false); err != nil {
					t.Error(err)
				}
			}
		}()
		buf := make([]byte, 256<<10)
		for i := range testMessages {
			n, isString, err := accepted.ReadDataChannel(buf)
			require.NoError(t, err)
			require.False(t, isString)
			require.True(t, bytes.Equal(testMessage(i), buf[:n]), "message %d", i)
		}
		n, isString, err := accepted.ReadDataChannel(buf)
		require.NoError(t, err)
		require.True(t, isString && n == 0, "the empty string")
		n, isString, err = accepted.ReadDataChannel(buf)
		require.NoError(t, err)
		require.True(t, isString)
		require.Equal(t, "bye", string(buf[:n]))
		<-gotAll

		// We close ours, Pion closes its own; both answer.
		d.do(func(a *sctp.Association) { assert.NoError(t, a.CloseChannel(time.Now(), id)) })
		_, _, err = accepted.ReadDataChannel(buf)
		require.ErrorIs(t, err, io.EOF)
		require.NoError(t, accepted.Close())
		require.NoError(t, dialed.Close())
		for range 200 {
			var n int
			d.do(func(a *sctp.Association) { n = len(closed) })
			if n == 2 {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		d.do(func(a *sctp.Association) {
			assert.Equal(t, []error{nil, nil}, closed)
			assert.Equal(t, 0, a.Stats().Channels)
			assert.Equal(t, 0, a.Stats().SendBufferUsed)
			assert.NotZero(t, remoteID)

			// The stream can be used again.
			again, err := a.Open(time.Now(), sctp.ChannelConfig{Label: "again", Unordered: true, MaxRetransmits: new(uint16(0))})
			assert.NoError(t, err)
			assert.NoError(t, a.Send(time.Now(), again, false, []byte("x")))
		})
		second, err := datachannel.Accept(peer, quietChannel(datachannel.Config{}))
		require.NoError(t, err)
		require.Equal(t, "again", second.Label)
		require.Equal(t, accepted.StreamIdentifier(), second.StreamIdentifier())
		require.Equal(t, datachannel.ChannelTypePartialReliableRexmitUnordered, second.ChannelType)
	})
}

// Messages that are abandoned leave a channel of Pion's in working order, and
// what arrives arrives once and in order.
func TestSCTPPionPartialReliability(t *testing.T) {
	eachSCTPLink(t, func(t *testing.T, link lossy.Config, initiate bool) {
		const messages = 300
		d, peer := connectPion(t, link, initiate, sctp.Config{}, func(*sctp.Association, sctp.Event) {})
		var id sctp.ChannelID
		d.do(func(a *sctp.Association) {
			var err error
			id, err = a.Open(time.Now(), sctp.ChannelConfig{MaxRetransmits: new(uint16(0))})
			assert.NoError(t, err)
		})
		accepted, err := datachannel.Accept(peer, quietChannel(datachannel.Config{}))
		require.NoError(t, err)
		go func() {
			for i := range messages {
				b := make([]byte, 4+i*11%4000)
				binary.BigEndian.PutUint32(b, uint32(i))
				d.do(func(a *sctp.Association) { assert.NoError(t, a.Send(time.Now(), id, true, b)) })
				time.Sleep(7 * time.Millisecond)
			}
		}()
		buf := make([]byte, 64<<10)
		last, count := -1, 0
		require.NoError(t, accepted.SetReadDeadline(time.Now().Add(30*time.Second)))
		for last < messages-1 {
			n, _, err := accepted.ReadDataChannel(buf)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break // the last ones were lost
			}
			require.NoError(t, err)
			i := int(binary.BigEndian.Uint32(buf))
			require.Equal(t, 4+i*11%4000, n)
			require.Greater(t, i, last)
			last = i
			count++
		}
		require.NoError(t, accepted.SetReadDeadline(time.Time{})) // ends its goroutine
		require.Greater(t, count, messages/2)
		if link.Loss == 0 {
			require.Equal(t, messages, count)
		}
		time.Sleep(5 * time.Second)
		d.do(func(a *sctp.Association) {
			assert.Zero(t, a.Stats().SendBufferUsed)
		})
	})
}

// The same from Pion to us.
func TestSCTPPionPartialReliabilityReceived(t *testing.T) {
	eachSCTPLink(t, func(t *testing.T, link lossy.Config, initiate bool) {
		const messages = 300
		last, count := -1, 0
		_, peer := connectPion(t, link, initiate, sctp.Config{}, func(_ *sctp.Association, ev sctp.Event) {
			switch ev.Kind {
			case sctp.EventMessage:
				i := int(binary.BigEndian.Uint32(ev.Data))
				if i <= last || len(ev.Data) != 4+i*11%4000 {
					t.Errorf("message %d of %d bytes after %d", i, len(ev.Data), last)
				}
				last = i
				count++
			case sctp.EventClosed:
				if ev.Err != nil {
					t.Error(ev.Err)
				}
			}
		})
		stream := uint16(3)
		if !initiate {
			stream = 4
		}
		dialed, err := datachannel.Dial(peer, stream, quietChannel(datachannel.Config{ChannelType: datachannel.ChannelTypePartialReliableRexmit}))
		require.NoError(t, err)
		for i := range messages {
			b := make([]byte, 4+i*11%4000)
			binary.BigEndian.PutUint32(b, uint32(i))
			_, err := dialed.WriteDataChannel(b, false)
			require.NoError(t, err)
			time.Sleep(7 * time.Millisecond)
		}
		time.Sleep(20 * time.Second)
		require.Greater(t, count, messages/2)
		if link.Loss == 0 {
			require.Equal(t, messages, count)
		}
	})
}

// Both send an INIT at once, as browsers do.
func TestSCTPPionCollision(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			link := lossy.Config{Delay: 10 * time.Millisecond, Loss: 0.3 * float64(seed) / 30, Seed: seed}
			d, peer := connectPionFrom(t, link, true, true, sctp.Config{}, func(*sctp.Association, sctp.Event) {})
			d.do(func(a *sctp.Association) {
				id, err := a.Open(time.Now(), sctp.ChannelConfig{Label: "x"})
				assert.NoError(t, err)
				assert.NoError(t, a.Send(time.Now(), id, false, []byte("hello")))
			})
			accepted, err := datachannel.Accept(peer, quietChannel(datachannel.Config{}))
			require.NoError(t, err)
			buf := make([]byte, 100)
			n, _, err := accepted.ReadDataChannel(buf)
			require.NoError(t, err)
			require.Equal(t, "hello", string(buf[:n]))
		})
	}
}

// Whoever ends the association, the other side hears of it.
func TestSCTPPionClose(t *testing.T) {
	for _, how := range []string{"our Close", "our Shutdown", "their Abort", "their Shutdown"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var end error = errors.New("not closed")
				d, peer := connectPion(t, lossy.Config{Delay: 10 * time.Millisecond}, true, sctp.Config{}, func(_ *sctp.Association, ev sctp.Event) {
					if ev.Kind == sctp.EventClosed {
						end = ev.Err
					}
				})
				switch how {
				case "our Close":
					d.do(func(a *sctp.Association) { a.Close(time.Now()) })
				case "our Shutdown":
					d.do(func(a *sctp.Association) { a.Shutdown(time.Now()) })
				case "their Abort":
					go peer.Abort("enough")
				case "their Shutdown":
					go peer.Shutdown(t.Context())
				}
				<-d.done
				require.NoError(t, end)
				_, err := peer.AcceptStream()
				require.Error(t, err)
			})
		})
	}
}
