// What the tests call in a browser. A test has one peer connection at a time, in pc.

let pc = null;
let found = []; // candidates not yet taken; null is the end of them
let arrived = () => {}; // called when something a call may wait for has changed
const channels = new Map(); // by label: {channel, queue, closed, low, echo}
let stream = null;

// until waits for a condition, and says what it waited for when it gives up.
async function until(why, condition, limit = 30_000) {
  const end = performance.now() + limit;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end) throw new Error("gave up waiting for " + why);
    await new Promise(done => {
      arrived = done;
      setTimeout(done, 20);
    });
  }
}

// begin makes a new peer connection.
async function begin(config = {}, rsa = false) {
  finish();
  if (rsa) {
    config.certificates = [await RTCPeerConnection.generateCertificate({
      name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256",
    })];
  }
  pc = new RTCPeerConnection(config);
  pc.onicecandidate = ({candidate}) => { found.push(candidate); arrived(); };
  pc.ondatachannel = ({channel}) => keep(channel);
}

function finish() {
  pc?.close();
  pc = null;
  found = [];
  channels.clear();
}

function keep(channel) {
  const entry = {channel, queue: [], closed: false, low: 0, echo: false};
  channels.set(channel.label, entry);
  channel.binaryType = "arraybuffer";
  channel.onmessage = ({data}) => {
    if (entry.echo) channel.send(data);
    else entry.queue.push(data);
    arrived();
  };
  channel.onclose = () => { entry.closed = true; arrived(); };
  channel.onbufferedamountlow = () => { entry.low++; arrived(); };
}

// ---- Descriptions.

async function offer({gathered = false, restart = false} = {}) {
  if (restart) pc.restartIce();
  await pc.setLocalDescription(await pc.createOffer());
  if (gathered) await until("candidates", () => pc.iceGatheringState === "complete");
  return pc.localDescription.sdp;
}

async function accept(answer) {
  await pc.setRemoteDescription({type: "answer", sdp: answer});
}

async function answer(sdp, {gathered = false} = {}) {
  await pc.setRemoteDescription({type: "offer", sdp});
  await pc.setLocalDescription(await pc.createAnswer());
  if (gathered) await until("candidates", () => pc.iceGatheringState === "complete");
  return pc.localDescription.sdp;
}

// candidates returns those found since the last call.
function candidates() {
  return found.splice(0).map(c => c?.candidate ?? "");
}

// ---- Channels.

function open(label, options) {
  keep(pc.createDataChannel(label, options));
}

const entryOf = label => until(`channel ${label}`, () => channels.get(label));

// opened waits until a channel is open and returns its attributes.
async function opened(label) {
  const {channel} = await entryOf(label);
  await until(`channel ${label} to open`, () => channel.readyState === "open");
  const {protocol, ordered, maxRetransmits, maxPacketLifeTime, negotiated, id} = channel;
  return {label: channel.label, protocol, ordered, maxRetransmits, maxPacketLifeTime, negotiated, id};
}

// Messages travel between test and page as {text} or {binary}, the latter as hexadecimal digits.
const unhex = s => Uint8Array.from(s.match(/../g) ?? [], b => parseInt(b, 16));
const hex = b => Array.from(new Uint8Array(b), v => v.toString(16).padStart(2, "0")).join("");
const decode = m => m.text ?? unhex(m.binary);
const encode = d => typeof d === "string" ? {text: d} : {binary: hex(d)};

async function send(label, list) {
  const {channel} = await entryOf(label);
  for (const m of list) channel.send(decode(m));
}

async function receive(label, n) {
  const entry = await entryOf(label);
  await until(`${n} messages on ${label}, of which there are ${entry.queue.length}`, () => entry.queue.length >= n);
  return entry.queue.splice(0, n).map(encode);
}

async function echo(label, on) {
  (await entryOf(label)).echo = on;
}

// A big message is made by a rule that the test knows too.
const rule = i => i % 251;

async function sendBig(label, size) {
  const {channel} = await entryOf(label);
  channel.send(Uint8Array.from({length: size}, (_, i) => rule(i)));
}

// receiveBig returns the size of the next message, or where it breaks the rule.
async function receiveBig(label) {
  const entry = await entryOf(label);
  await until(`a big message on ${label}`, () => entry.queue.length);
  const b = new Uint8Array(entry.queue.shift()), wrong = b.findIndex((v, i) => v !== rule(i));
  if (wrong >= 0) throw new Error(`byte ${wrong} of ${b.length} is wrong`);
  return b.length;
}

// buffered sends total bytes and returns what bufferedAmount did.
async function buffered(label, total, size) {
  const entry = await entryOf(label), {channel} = entry;
  channel.bufferedAmountLowThreshold = size;
  for (let i = 0; i < total; i += size) channel.send(new Uint8Array(size));
  const high = channel.bufferedAmount;
  await until("bufferedamountlow", () => entry.low);
  await until("an empty buffer", () => channel.bufferedAmount === 0);
  return {high, low: entry.low};
}

async function count(label, n) {
  const entry = await entryOf(label);
  await until(`${n} messages on ${label}`, () => entry.queue.length >= n);
  const list = entry.queue.splice(0, n);
  return list.reduce((sum, d) => sum + (d.byteLength ?? d.length), 0);
}

// numbers sends "0 …", "1 …", … of various lengths.
const numbered = i => `${i} ${"x".repeat(i * 7 % 997)}`;

async function sendNumbers(label, n) {
  const {channel} = await entryOf(label);
  for (let i = 0; i < n; i++) channel.send(numbered(i));
}

async function receiveNumbers(label, n) {
  const entry = await entryOf(label);
  for (let i = 0; i < n; i++) {
    await until(`message ${i} on ${label}`, () => entry.queue.length);
    const m = entry.queue.shift();
    if (m !== numbered(i)) throw new Error(`message ${i} is ${String(m).slice(0, 20)}…`);
  }
  return n;
}

async function closeChannel(label) {
  (await entryOf(label)).channel.close();
}

// closed waits until a channel is closed, and forgets it.
async function closed(label) {
  const entry = await entryOf(label);
  await until(`channel ${label} to close`, () => entry.closed);
  channels.delete(label);
  return entry.channel.readyState;
}

// ---- State.

async function connected() {
  await until("connected", () => pc.connectionState === "connected" || pc.connectionState === "failed");
  return pc.connectionState;
}

// transport returns what getStats tells of the transport and of the candidates in use.
async function transport() {
  const stats = await until("transport stats", async () => {
    const all = [...(await pc.getStats()).values()];
    const t = all.find(s => s.type === "transport");
    return t?.tlsVersion && t.selectedCandidatePairId && all;
  });
  const t = stats.find(s => s.type === "transport"), by = id => stats.find(s => s.id === id);
  const pair = by(t.selectedCandidatePairId);
  return {
    tlsVersion: t.tlsVersion, dtlsCipher: t.dtlsCipher, srtpCipher: t.srtpCipher ?? "", dtlsRole: t.dtlsRole ?? "",
    tlsGroup: t.tlsGroup ?? "", local: by(pair.localCandidateId)?.candidateType, remote: by(pair.remoteCandidateId)?.candidateType,
  };
}

// ---- Media.

let camera = null; // small pictures, which a busy machine can encode

// sendMedia adds the fake camera and microphone.
async function sendMedia({kinds = ["audio", "video"], codec = "", encodings = null} = {}) {
  camera ??= await navigator.mediaDevices.getUserMedia({audio: true, video: {width: 320, height: 180, frameRate: 15}});
  if (encodings) {
    // Of a small picture Chromium sends no more than one encoding.
    await camera.getVideoTracks()[0].applyConstraints({width: 960, height: 540, frameRate: 15});
  }
  pc.ontrack = show;
  for (const track of camera.getTracks()) {
    if (!kinds.includes(track.kind)) continue;
    if (track.kind === "video" && encodings) {
      pc.addTransceiver(track, {direction: "sendonly", streams: [camera], sendEncodings: encodings});
    } else {
      pc.addTrack(track, camera);
    }
    if (track.kind === "video" && codec) preferVideo(pc.getTransceivers().find(t => t.sender.track === track), codec);
  }
}

// show plays a track: what nobody looks at need not be decoded.
function show({track}) {
  const v = document.createElement(track.kind);
  v.autoplay = v.muted = true;
  v.srcObject = new MediaStream([track]);
  document.body.append(v);
}

// stopKind ends the section of a kind.
function stopKind(kind) {
  pc.getTransceivers().find(t => !t.stopped && t.receiver.track.kind === kind).stop();
}

// mediaStats returns what getStats tells of streams, of one type and kind.
async function mediaStats(type, kind) {
  const stats = await pc.getStats(), all = [...stats.values()];
  return all.filter(s => s.type === type && s.kind === kind).map(s => ({
    rid: s.rid ?? "", codec: stats.get(s.codecId)?.mimeType ?? "",
    packets: s.packetsReceived ?? s.packetsSent ?? 0, lost: s.packetsLost ?? 0,
    decoded: s.framesDecoded ?? 0, encoded: s.framesEncoded ?? 0, keys: s.keyFramesDecoded ?? 0,
    width: s.frameWidth ?? 0, height: s.frameHeight ?? 0,
    nacks: s.nackCount ?? 0, plis: s.pliCount ?? 0, resent: s.retransmittedPacketsReceived ?? s.retransmittedPacketsSent ?? 0,
    freezes: s.freezeCount ?? 0, concealed: s.concealedSamples ?? 0, rtt: s.roundTripTime ?? 0,
  }));
}

// receiving waits until n more pictures of a video have been decoded, or n more packets of a sound
// have come, and returns the stream.
async function receiving(kind, n) {
  const sum = list => list.reduce((all, s) => all + (kind === "video" ? s.decoded : s.packets), 0);
  const before = sum(await mediaStats("inbound-rtp", kind));
  let now;
  try {
    await until("x", async () => sum(now = await mediaStats("inbound-rtp", kind)) >= before + n);
  } catch {
    throw new Error(`only ${sum(now) - before} of ${n}, ${kind}: ${JSON.stringify(now)}; sent ${JSON.stringify(await mediaStats("outbound-rtp", kind))}`);
  }
  return now.at(-1);
}

// ---- The situations in which the recorded offers were made.

async function media() {
  // The tracks of a page are the same in all its connections.
  stream ??= await navigator.mediaDevices.getUserMedia({audio: true, video: true});
  return stream;
}

async function addMedia() {
  const s = await media();
  for (const track of s.getTracks()) pc.addTrack(track, s);
}

async function addVideo(init) {
  const s = await media();
  return pc.addTransceiver(s.getVideoTracks()[0], {streams: [s], ...init});
}

function preferVideo(transceiver, name) {
  const {codecs} = RTCRtpSender.getCapabilities("video");
  const kept = codecs.filter(c => [name, "rtx", "red", "ulpfec"].includes(c.mimeType.slice("video/".length)));
  transceiver.setCodecPreferences(kept);
}

function chooseExtensions(choose) {
  for (const t of pc.getTransceivers()) {
    if (!t.setHeaderExtensionsToNegotiate) continue;
    const list = t.getHeaderExtensionsToNegotiate();
    for (const e of list) e.direction = choose(e);
    t.setHeaderExtensionsToNegotiate(list);
  }
}

const simulcast = [{rid: "q", scaleResolutionDownBy: 4}, {rid: "h", scaleResolutionDownBy: 2}, {rid: "f"}];

// Each case makes what its first offer holds. Those with a config need a connection
// of their own kind. In a case with a second step, again, the recorded offer is that of the second.
const cases = {
  "a-dc": {make: () => open("case")},
  "b-av": {make: addMedia},
  "b2-av-answer-recvonly": {make: addMedia},
  "c-recvonly": {make: () => {
    pc.addTransceiver("audio", {direction: "recvonly"});
    pc.addTransceiver("video", {direction: "recvonly"});
  }},
  "d-simulcast": {make: () => addVideo({direction: "sendonly", sendEncodings: simulcast})},
  "d2-simulcast-answered": {make: () => addVideo({direction: "sendonly", sendEncodings: simulcast})},
  "e-many": {make: async () => {
    const one = await media(), two = new MediaStream();
    for (const track of one.getTracks()) pc.addTransceiver(track, {streams: [one]});
    for (const track of one.clone().getTracks()) pc.addTransceiver(track, {streams: [two, one]});
    pc.addTransceiver("audio", {direction: "recvonly"});
    pc.addTransceiver("video", {direction: "recvonly"});
    pc.addTransceiver("audio", {direction: "inactive"});
    pc.addTransceiver("video", {direction: "sendonly"});
    pc.addTransceiver(one.getVideoTracks()[0].clone(), {streams: [two], sendEncodings: [{rid: "lo", scaleResolutionDownBy: 2}, {rid: "hi"}]});
    for (let i = 0; i < 4; i++) {
      pc.addTransceiver("audio", {direction: "recvonly"});
      pc.addTransceiver("video", {direction: "recvonly"});
    }
    open("case");
  }},
  "f-stop": {make: withChannel, again: () => pc.getTransceivers()[1]?.stop()},
  "f2-stop-recycle": {make: withChannel, again: () => {
    pc.getTransceivers()[1]?.stop();
    pc.addTransceiver("audio", {direction: "recvonly"});
    pc.addTransceiver("video");
  }},
  "f3-stop-first-bundled": {make: withChannel, again: () => pc.getTransceivers()[0]?.stop()},
  "g-icerestart": {make: withChannel, again: () => pc.restartIce()},
  "h-reoffer-by-answerer": {answerer: true, again: async () => { await addMedia(); pc.addTransceiver("video"); }},
  "i-max-bundle": {config: {bundlePolicy: "max-bundle"}, make: withChannel},
  "i2-max-compat": {config: {bundlePolicy: "max-compat"}, make: withChannel},
  "j-all-hdrext": {make: async () => { await addMedia(); chooseExtensions(() => "sendrecv"); }},
  "k-ext-policies": {make: async () => { await addMedia(); chooseExtensions(e => e.direction); }},
  "l-always-dc": {config: {alwaysNegotiateDataChannels: true}, make: addMedia},
  "m-vp9-svc": {make: async () => {
    preferVideo(await addVideo({direction: "sendonly", sendEncodings: [{scalabilityMode: "L3T3_KEY"}]}), "VP9");
  }},
  "n-av1": {make: async () => preferVideo(await addVideo({direction: "sendonly"}), "AV1")},
  "o-mixed-codec-simulcast": {make: () => {
    const {codecs} = RTCRtpSender.getCapabilities("video"), codec = n => codecs.find(c => c.mimeType === "video/" + n);
    return addVideo({direction: "sendonly", sendEncodings: [
      {rid: "a", scaleResolutionDownBy: 2, codec: codec("VP8")}, {rid: "b", codec: codec("AV1")},
    ]});
  }},
  "p-notrack": {make: () => { pc.addTransceiver("audio"); pc.addTransceiver("video"); }},
  "q-rsa-cert": {rsa: true, make: () => open("case")},
  "r-nonmux": {config: {rtcpMuxPolicy: "negotiate"}, make: () => pc.addTransceiver("audio")},
  "s-mdns-dc": {make: () => open("case")},
};

async function withChannel() {
  await addMedia();
  open("case");
}

// beginCase makes a connection for a case, and returns what the test has to know of it.
async function beginCase(name) {
  const {config = {}, rsa = false, make, again, answerer = false} = cases[name];
  await begin({...config}, rsa);
  await make?.();
  return {again: !!again, answerer};
}

async function caseAgain(name) {
  await cases[name].again();
}
