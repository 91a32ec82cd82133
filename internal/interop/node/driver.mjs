// The driver turns a WebRTC implementation with the W3C API into a program
// that speaks JSON lines: commands on standard input, reports on standard
// output. One implementation is one file beside this one.
//
// Commands, in the order they are given (the next waits for the last):
//
//	{"do":"open","label":…,"options":{…}}   createDataChannel
//	{"do":"offer","restart":true|false}      createOffer, setLocalDescription → offer
//	{"do":"accept-offer","sdp":…}            setRemoteDescription, createAnswer → answer
//	{"do":"accept-answer","sdp":…}           setRemoteDescription → accepted
//	{"do":"candidate","candidate":…,"mid":…} addIceCandidate
//	{"do":"send","label":…,"text":…}         one string message
//	{"do":"send","label":…,"size":n}         one binary message, byte i is i mod 251
//	{"do":"burst","label":…,"count":n}       n string messages "0", "1", …
//	{"do":"close-channel","label":…}
//	{"do":"close"}                           close the connection → gone
//	{"do":"quit"}                            leave the process
//
// Reports: offer, answer, accepted, candidate, state, ice, channel, open, message,
// closed, done, gone, error. A binary message is reported by its size and its
// SHA-256, a string message by its text. An implementation may have more commands,
// as media.mjs shows.
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';

// limit is -1 for none, which some implementations write as 65535.
const limit = (n) => (n === undefined || n === null || n === 65535 ? -1 : n);

export function drive({ PeerConnection, configuration = {}, highWater = 1 << 20, exit = () => process.exit(0), more = () => ({}) }) {
  const report = (is, rest = {}) => process.stdout.write(JSON.stringify({ is, ...rest }) + '\n');
  const channels = new Map();
  const pc = new PeerConnection({ iceServers: [], ...configuration });

  pc.onconnectionstatechange = () => report('state', { state: pc.connectionState });
  pc.oniceconnectionstatechange = () => report('ice', { state: pc.iceConnectionState });
  pc.onicecandidate = (event) => {
    const c = event?.candidate;
    if (c?.candidate) report('candidate', { candidate: c.candidate, mid: c.sdpMid ?? '' });
  };
  pc.ondatachannel = ({ channel }) => {
    adopt(channel);
    report('channel', {
      label: channel.label, protocol: channel.protocol, ordered: channel.ordered,
      retransmits: limit(channel.maxRetransmits), lifetime: limit(channel.maxPacketLifeTime), id: channel.id ?? -1,
    });
  };

  function adopt(channel) {
    const label = channel.label;
    channels.set(label, channel);
    channel.binaryType = 'arraybuffer';
    let opened = false;
    const open = () => {
      if (!opened) report('open', { label, id: channel.id ?? -1 });
      opened = true;
    };
    channel.onopen = open;
    if (channel.readyState === 'open') open();
    channel.onclose = () => report('closed', { label });
    channel.onerror = (event) => report('error', { label, text: String(event?.error?.message ?? event?.error ?? 'channel error') });
    channel.onmessage = ({ data }) => {
      if (typeof data === 'string') return report('message', { label, text: data, size: Buffer.byteLength(data) });
      const bytes = Buffer.from(data);
      report('message', { label, binary: true, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
    };
  }

  // room waits, by polling, until the implementation's own queue is short:
  // not every implementation has the low-water event.
  async function room(channel) {
    while (channel.bufferedAmount > highWater) await new Promise((done) => setTimeout(done, 2));
  }

  const commands = {
    open: ({ label, options }) => adopt(pc.createDataChannel(label, options ?? {})),
    offer: async ({ restart }) => {
      if (restart && pc.restartIce) pc.restartIce();
      await pc.setLocalDescription(await pc.createOffer({ iceRestart: !!restart }));
      report('offer', { sdp: pc.localDescription.sdp });
    },
    'accept-offer': async ({ sdp }) => {
      await pc.setRemoteDescription({ type: 'offer', sdp });
      await pc.setLocalDescription(await pc.createAnswer());
      report('answer', { sdp: pc.localDescription.sdp });
    },
    'accept-answer': async ({ sdp }) => {
      await pc.setRemoteDescription({ type: 'answer', sdp });
      report('accepted');
    },
    candidate: ({ candidate, mid }) => pc.addIceCandidate({ candidate, sdpMid: mid, sdpMLineIndex: 0 }),
    send: async ({ label, text, size }) => {
      const channel = channels.get(label);
      await room(channel);
      if (size === undefined) return channel.send(text);
      const bytes = new Uint8Array(size);
      for (let i = 0; i < size; i++) bytes[i] = i % 251;
      channel.send(bytes);
    },
    burst: async ({ label, count }) => {
      const channel = channels.get(label);
      for (let i = 0; i < count; i++) {
        if (i % 50 === 0) await room(channel);
        channel.send(String(i));
      }
      report('done', { label });
    },
    'close-channel': ({ label }) => channels.get(label).close(),
    close: async () => {
      await pc.close();
      report('gone');
    },
    quit: () => exit(),
    ...more(pc, report),
  };

  let last = Promise.resolve();
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    last = last.then(async () => {
      const command = JSON.parse(line);
      try {
        await commands[command.do](command);
      } catch (error) {
        report('error', { text: `${command.do}: ${error?.stack ?? error}` });
      }
    });
  });
  lines.on('close', () => last.then(exit));
  process.on('uncaughtException', (error) => report('error', { text: `uncaught: ${error?.stack ?? error}` }));
  process.on('unhandledRejection', (error) => report('error', { text: `unhandled: ${error?.stack ?? error}` }));
  report('ready');
}
