// The browser's side: one RTCPeerConnection with three data channels, all of which the
// server echoes.

import {$, Session, status} from "/shared/session.js";
import {Plot} from "./plot.js";

const began = performance.now();

const pc = new RTCPeerConnection();
const messages = pc.createDataChannel("messages");
const pings = pc.createDataChannel("pings", {ordered: false, maxRetransmits: 0});
const bulk = pc.createDataChannel("throughput");
for (const channel of [messages, pings, bulk]) channel.binaryType = "arraybuffer";
let setUp = null; // milliseconds from the start of this script to an open channel

const session = new Session(pc);
pc.onnegotiationneeded = () => session.offer("/session").catch(error => end(`no session: ${error.message}`));
pc.oniceconnectionstatechange = () => {
  if (pc.iceConnectionState === "failed") pc.restartIce();
};

// ---- Status.

let ended = false;

function end(why) {
  if (ended) return;
  ended = true;
  status("closed", why);
  for (const button of document.querySelectorAll("button")) button.disabled = true;
}

pc.onconnectionstatechange = () => {
  switch (pc.connectionState) {
  case "connected": return open();
  case "disconnected": return ended || status("connecting", "interrupted");
  case "failed": return ended || status("connecting", "no connection, trying again");
  case "closed": return end("closed");
  }
};

function open() {
  if (setUp === null || ended) return;
  status("open", `connected in ${setUp.toFixed(0)} ms`);
}

for (const channel of [messages, pings, bulk]) channel.onclose = () => end("closed by the server");

// ---- Messages.

const waiting = []; // entries without an echo: the channel keeps the order

messages.onopen = () => {
  setUp = performance.now() - began;
  open();
  $("send").querySelector("button").disabled = false;
  say(`Hello from ${browserName()}`);
};

messages.onmessage = ({data}) => {
  const now = performance.now(), entry = waiting.shift();
  if (!entry) return;
  const right = entry.text === data;
  entry.mark.textContent = right ? `echoed in ${milliseconds(now - entry.sent)}` : "came back changed";
  entry.item.toggleAttribute("data-echoed", right);
};

function say(text) {
  const item = document.createElement("li"), words = document.createElement("span"), mark = document.createElement("span");
  words.textContent = text;
  mark.textContent = "sent";
  item.append(words, mark);
  $("log").append(item);
  while ($("log").children.length > 200) $("log").firstChild.remove();
  $("log").scrollTop = $("log").scrollHeight;
  waiting.push({text, item, mark, sent: performance.now()});
  messages.send(text);
}

$("send").onsubmit = event => {
  event.preventDefault();
  const text = $("text").value;
  if (!text || messages.readyState !== "open") return;
  say(text);
  $("text").value = "";
};

function browserName() {
  const [, name, version] = navigator.userAgent.match(/(Firefox|Edg|Chrome)\/(\d+)/) ??
    navigator.userAgent.match(/Version\/()(\d+).*Safari/) ?? [null, "a browser", ""];
  return `${name || "Safari"} ${version}`.trim();
}

function milliseconds(v) {
  return `${v.toFixed(v < 10 ? 2 : v < 100 ? 1 : 0)} ms`;
}

// ---- Round trips.

const history = 30_000; // milliseconds shown
const given = 2_000; // after which a ping counts as lost
const rtts = []; // [when sent, round trip, or null for a lost one]
const flying = new Map(); // number → when sent
let pingNumber = 0;
const rttPlot = new Plot($("rtt-plot"), {span: history, unit: "ms"});

pings.onmessage = ({data}) => {
  const now = performance.now(), number = new DataView(data).getUint32(0), sent = flying.get(number);
  if (sent === undefined) return;
  flying.delete(number);
  rtts.push([sent, now - sent]);
};

setInterval(() => {
  const now = performance.now();
  for (const [number, sent] of flying) {
    if (now - sent < given) continue;
    flying.delete(number);
    rtts.push([sent, null]);
  }
  rtts.sort(([a], [b]) => a - b);
  while (rtts.length && rtts[0][0] < now - history) rtts.shift();
  if (pings.readyState !== "open") return;
  const body = new DataView(new ArrayBuffer(16));
  body.setUint32(0, ++pingNumber);
  flying.set(pingNumber, now);
  pings.send(body);
}, 100);

setInterval(() => {
  const values = rtts.map(([, v]) => v), arrived = values.filter(v => v !== null).sort((a, b) => a - b);
  if (!arrived.length) return;
  const at = q => arrived[Math.min(arrived.length - 1, Math.floor(q * arrived.length))];
  const lost = 100 * (values.length - arrived.length) / values.length;
  $("rtt-now").textContent = milliseconds(values.findLast(v => v !== null));
  $("rtt-median").textContent = milliseconds(at(0.5));
  $("rtt-p95").textContent = milliseconds(at(0.95));
  $("rtt-lost").textContent = `${lost.toFixed(lost && lost < 10 ? 1 : 0)} %`;
  $("rtt-plot").setAttribute("aria-label",
    `Round-trip times of the last 30 seconds: median ${milliseconds(at(0.5))}, 95 % below ${milliseconds(at(0.95))}`);
}, 500);

function drawRTT() {
  const now = performance.now();
  rttPlot.draw(rtts, now, [[now - history, "30 s ago"], [now - history / 2, "15 s"], [now, "now"]]);
}

// ---- Throughput.

const testLength = 5_000; // milliseconds
const chunk = 64 << 10; // bytes
const window_ = 4 << 20; // bytes sent and not yet echoed
const ratePlot = new Plot($("rate-plot"), {span: testLength, unit: "MB/s"});
let test = null;
const rate = v => `${v.toFixed(v < 10 ? 2 : v < 100 ? 1 : 0)} MB/s`;

bulk.onopen = () => $("rate-start").disabled = false;

$("rate-start").onclick = () => {
  $("rate-start").disabled = true;
  $("rate-note").textContent = "Running.";
  test = {began: performance.now(), sent: 0, echoed: 0, numberOut: 0, numberIn: 0, points: [], marks: [], over: false};
  pump();
};

function pump() {
  while (test.sent - test.echoed + chunk <= window_) {
    const body = new Uint8Array(chunk);
    new DataView(body.buffer).setUint32(0, test.numberOut++);
    bulk.send(body);
    test.sent += chunk;
  }
}

bulk.onmessage = ({data}) => {
  if (!test) return;
  if (data.byteLength !== chunk || new DataView(data).getUint32(0) !== test.numberIn++) {
    $("rate-note").textContent = "A message came back changed, or out of order.";
    test = null;
    return;
  }
  test.echoed += chunk;
  if (performance.now() - test.began < testLength) pump();
  else finishTest();
};

// sample notes a point of the curve: the mean of the last 400 ms.
function sample() {
  if (!test || test.over) return;
  const now = performance.now();
  test.marks.push([now, test.echoed]);
  while (test.marks.length > 1 && test.marks[0][0] < now - 400) test.marks.shift();
  const [since, echoed] = test.marks[0];
  if (now - since < 50) return;
  const v = (test.echoed - echoed) / (now - since) / 1000;
  test.points.push([now - test.began, v]);
  $("rate-now").textContent = rate(v);
  $("rate-total").textContent = `${(test.echoed / 1e6).toFixed(0)} MB`;
  $("rate-mean").textContent = rate(test.echoed / (now - test.began) / 1000);
}
setInterval(sample, 100);

function finishTest() {
  if (test.over) return;
  sample();
  test.over = true;
  const seconds = (performance.now() - test.began) / 1000, mean = test.echoed / seconds / 1e6;
  $("rate-note").textContent = `${(test.echoed / 1e6).toFixed(0)} MB sent and echoed in ${seconds.toFixed(1)} s: ${rate(mean)} in each direction.`;
  $("rate-mean").textContent = rate(mean);
  $("rate-plot").setAttribute("aria-label", `Throughput during the test: mean ${rate(mean)} in each direction`);
  // What is still on its way belongs to no later test.
  const settled = setInterval(() => {
    if (test.echoed < test.sent && !ended) return;
    clearInterval(settled);
    test.done = true;
    $("rate-start").disabled = ended;
  }, 50);
}

function drawRate() {
  const seconds = testLength / 1000;
  ratePlot.draw(test?.points ?? [], testLength, [[0, "0 s"], [testLength / 2, `${seconds / 2} s`], [testLength, `${seconds} s`]]);
}

// Ten pictures a second are as many as there are samples. A hidden page draws none.
setInterval(() => requestAnimationFrame(() => {
  drawRTT();
  drawRate();
}), 100);

// ---- What was negotiated, from getStats and from the server.

const versions = {FEFC: "DTLS 1.3", FEFD: "DTLS 1.2"};
const bytes = v => v < 1e6 ? `${(v / 1e3).toFixed(1)} kB` : `${(v / 1e6).toFixed(1)} MB`;
const coarse = v => v < 1 ? "below 1 ms" : milliseconds(v); // browsers round it
const srtp = profile => profile ? `${profile}, not used` : "none"; // there is no media
const pair = (a, b) => a && b ? `${a}\n↔ ${b}` : undefined;

// place is the address of a candidate. Browsers hide their own from pages without
// permission to use a camera, behind a name or altogether.
function place(c) {
  if (!c) return undefined;
  const address = c.address ?? c.ip ?? "";
  const shown = !address || address.endsWith(".local") ? "(hidden)" : address.includes(":") ? `[${address}]` : address;
  return `${shown}:${c.port} ${c.candidateType}`;
}

async function browserView() {
  const stats = [...(await pc.getStats()).values()], by = id => stats.find(s => s.id === id);
  const transport = stats.find(s => s.type === "transport") ?? {};
  const chosen = by(transport.selectedCandidatePairId) ??
    stats.find(s => s.type === "candidate-pair" && (s.selected || s.nominated) && s.state === "succeeded") ?? {};
  return {
    ice: pc.iceConnectionState,
    pair: pair(place(by(chosen.localCandidateId)), place(by(chosen.remoteCandidateId))),
    rtt: chosen.currentRoundTripTime === undefined ? undefined : `${coarse(chosen.currentRoundTripTime * 1000)} (ICE)`,
    dtls: versions[transport.tlsVersion] ?? transport.tlsVersion ?? (pc.sctp?.transport.state === "connected" ? "connected" : undefined),
    role: transport.dtlsRole && transport.dtlsRole !== "unknown" ? transport.dtlsRole : undefined,
    group: transport.tlsGroup,
    cipher: transport.dtlsCipher,
    srtp: srtp(transport.srtpCipher),
    size: pc.sctp && (pc.sctp.maxMessageSize === Infinity ? "any" : `${pc.sctp.maxMessageSize / 1024} KiB`),
    traffic: chosen.bytesSent === undefined ? undefined : `${bytes(chosen.bytesSent)} ↑  ${bytes(chosen.bytesReceived)} ↓`,
  };
}

async function serverView() {
  if (!session.url) return {};
  const response = await fetch(session.url);
  if (!response.ok) return {};
  const s = await response.json();
  return {
    ice: s.ice,
    pair: pair(s.local, s.remote),
    rtt: s.rtt ? `${milliseconds(s.rtt)} (SCTP)` : undefined,
    dtls: s.dtls, role: s.role, group: s.group, cipher: s.cipher,
    srtp: s.dtls && srtp(s.srtp),
    size: "256 KiB",
    traffic: `${bytes(s.bytesSent)} ↑  ${bytes(s.bytesReceived)} ↓`,
    loss: `${s.retransmitted} chunks repeated\n${s.dropped} datagrams dropped`,
  };
}

const rows = [
  ["ice", "ICE"], ["pair", "Candidate pair"], ["rtt", "Round trip"],
  ["dtls", "Security", true], ["group", "Key exchange", true], ["cipher", "Cipher suite"], ["role", "DTLS role"], ["srtp", "SRTP"],
  ["size", "Largest message"], ["traffic", "Traffic"], ["loss", "Loss"],
];
for (const [key, title, strong] of rows) {
  const row = $("negotiated").insertRow(), head = document.createElement("th");
  head.scope = "row";
  head.textContent = title;
  row.append(head);
  for (const side of ["browser", "server"]) {
    const cell = row.insertCell();
    cell.id = `${side}-${key}`;
    cell.toggleAttribute("data-strong", !!strong);
  }
}

function show(side, view, missing) {
  for (const [key] of rows) {
    const cell = $(`${side}-${key}`);
    cell.textContent = (view[key] ?? missing).replaceAll("_", "_\u200b"); // long names may break there
    cell.toggleAttribute("data-none", view[key] === undefined);
  }
}

async function refresh() {
  try {
    const connected = pc.connectionState === "connected";
    show("browser", await browserView(), connected ? "not told" : "–");
    if (!ended) show("server", await serverView(), "–");
  } catch {
    // The server has gone; the status says so when the channels close.
  }
  setTimeout(refresh, pc.connectionState === "connected" || ended ? 1000 : 50);
}
refresh();
