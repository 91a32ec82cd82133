// The browser's side: one RTCPeerConnection. Its own offer sends camera and microphone and
// opens a data channel; on that, the server offers what the others send.

import {$, Session, post, status} from "/shared/session.js";

const options = new URLSearchParams(location.search);
const room = options.get("room") || "main"; // ?room=tea
const size = /^(\d+)x(\d+)@(\d+)$/.exec(options.get("video") ?? "1280x720@30"); // ?video=320x180@15

let pc = null, channel = null, session = null;
let people = [], me = 0;
const local = {audio: null, video: null}; // tracks
let shared = null; // the track of a shared screen
let audioOn = true, videoOn = true, saving = false;
const tiles = new Map(); // stream id → figure
const streams = new Map(); // stream id → MediaStream
let ended = false;

// ---- Camera and microphone. Without them one can still watch.

async function openDevices() {
  const [, width, height, frameRate] = size ? size.map(Number) : [0, 1280, 720, 30];
  const video = {width: {ideal: width}, height: {ideal: height}, frameRate: {ideal: frameRate, max: frameRate}};
  // One may be there without the other.
  for (const constraints of [{audio: true, video}, {audio: true}, {video}]) {
    try {
      const stream = await navigator.mediaDevices.getUserMedia(constraints);
      local.audio = stream.getAudioTracks()[0] ?? null;
      local.video = stream.getVideoTracks()[0] ?? null;
      break;
    } catch (error) {
      console.warn(error);
    }
  }
  if (!navigator.mediaDevices) say("", "The browser gives cameras to pages from this machine or by HTTPS only.");
  else if (!local.audio && !local.video) say("", "No camera and no microphone: the others will not see or hear you.");
  showSelf();
}

function showSelf() {
  const track = shared ?? local.video, video = $("self").querySelector("video");
  video.srcObject = track ? new MediaStream([track]) : null;
  mark($("self"), {name: people.find(p => p.id === me)?.name ?? "You", audio: audioOn && !!local.audio, video: !!shared || videoOn && !!local.video, screen: !!shared});
}

const devices = openDevices();

// ---- Joining.

$("name").value = options.get("name") ?? localStorage.getItem("name") ?? "";

$("join").onsubmit = async event => {
  event.preventDefault();
  localStorage.setItem("name", $("name").value);
  $("join").hidden = true;
  status("connecting", "connecting");
  try {
    await devices;
    await join($("name").value.trim());
  } catch (error) {
    end(`no session: ${error.message}`);
  }
};

// The picture is sent in several sizes, the smallest first, and the server gives each viewer the
// one that fits. Of a small picture there are fewer: browsers make none below some 180 lines.
function encodings() {
  const height = local.video?.getSettings().height ?? 720;
  return [
    {rid: "small", scaleResolutionDownBy: 4, maxBitrate: 150_000},
    {rid: "medium", scaleResolutionDownBy: 2, maxBitrate: 500_000},
    {rid: "large", maxBitrate: 1_700_000},
  ].slice(height >= 540 ? 0 : height >= 360 ? 1 : 2);
}

async function join(name) {
  pc = new RTCPeerConnection();
  channel = pc.createDataChannel("chat");
  for (const kind of ["audio", "video"]) {
    const stream = new MediaStream(local[kind] ? [local[kind]] : []);
    const sendEncodings = kind === "video" ? encodings() : undefined;
    pc.addTransceiver(local[kind] ?? kind, {direction: "sendonly", streams: [stream], sendEncodings});
  }
  pc.ontrack = event => {
    for (const stream of event.streams) streams.set(stream.id, stream);
    refreshTiles();
  };
  pc.onconnectionstatechange = () => {
    if (ended) return;
    if (pc.connectionState === "connected") status("open", "connected");
    if (["disconnected", "failed"].includes(pc.connectionState)) {
      status("connecting", "interrupted");
      setTimeout(restart, 1000);
    }
  };
  channel.onopen = () => {
    tell({type: "join", name, ...state()});
    $("send").querySelector("button").disabled = false;
    $("controls").hidden = false;
  };
  channel.onmessage = ({data}) => hear(JSON.parse(data));
  channel.onclose = () => end("closed by the server");

  session = new Session(pc);
  await session.offer("/session?room=" + encodeURIComponent(room));
}

const state = () => ({audio: audioOn && !!local.audio, video: !!shared || videoOn && !!local.video, screen: !!shared, saving});

function tell(message) {
  if (channel?.readyState === "open") channel.send(JSON.stringify(message));
}

// Offers are answered one after another. The server makes the next one when it has the answer.
let negotiation = Promise.resolve();
let answered = {round: 0, sdp: ""};

async function accept({round, sdp}, reply) {
  if (round <= answered.round) return; // it has been replaced by one that came another way
  await pc.setRemoteDescription({type: "offer", sdp});
  await pc.setLocalDescription();
  answered = {round, sdp: pc.localDescription.sdp};
  await reply(answered);
}

function negotiate(step) {
  negotiation = negotiation.then(step).catch(error => end(`no agreement with the server: ${error.message}`));
}

// When nothing comes through any more, as after a change of networks, the server is asked for an offer to look for a new
// way. Neither that nor the answer can take the old one.
function restart() {
  if (ended || pc.connectionState === "connected") return;
  negotiate(async () => {
    const send = (what, body) => post(session.url + what, JSON.stringify(body), "application/json");
    const offer = await (await send("/restart", answered)).json();
    await accept(offer, answer => send("/answer", answer));
    setTimeout(restart, 5000);
  });
}

function hear(message) {
  switch (message.type) {
  case "offer":
    negotiate(() => accept(message, answer => tell({type: "answer", ...answer})));
    break;
  case "people":
    greet(people, message.people ?? [], message.you);
    people = message.people ?? [];
    me = message.you;
    refreshTiles();
    break;
  case "text":
    say(message.name, message.text, message.from === me);
    break;
  }
}

// ---- Tiles.

function tile(id) {
  let figure = tiles.get(id);
  if (!figure) {
    figure = $("self").cloneNode(true);
    figure.removeAttribute("id");
    figure.dataset.stream = id;
    const video = figure.querySelector("video");
    video.srcObject = null;
    video.muted = false;
    tiles.set(id, figure);
    $("tiles").append(figure);
  }
  return figure;
}

function show(figure, stream) {
  const video = figure.querySelector("video");
  if (!stream || video.srcObject === stream) return;
  video.srcObject = stream;
  video.play().catch(error => console.warn(error));
}

function refreshTiles() {
  for (const [id, figure] of tiles) {
    if (people.some(p => p.stream === id)) continue;
    figure.remove();
    tiles.delete(id);
    streams.delete(id);
  }
  for (const person of people) {
    if (person.id === me) continue;
    mark(tile(person.stream), person);
    show(tile(person.stream), streams.get(person.stream));
  }
  $("tiles").dataset.count = Math.min(9, tiles.size + 1);
  showSelf();
}

function mark(figure, {name, audio, video, screen}) {
  figure.querySelector(".name").textContent = figure.id === "self" && name !== "You" ? `${name} (you)` : name;
  figure.querySelector(".marks").textContent = [audio ? "" : "muted", screen ? "screen" : video ? "" : "camera off"].filter(Boolean).join(" · ");
  figure.toggleAttribute("data-dark", !video);
  figure.toggleAttribute("data-screen", !!screen);
  figure.dataset.initial = [...name][0]?.toUpperCase() ?? "";
}

// ---- Controls.

function pressed(id, on, text) {
  $(id).setAttribute("aria-pressed", on);
  $(id).textContent = text;
}

function changed() {
  if (local.audio) local.audio.enabled = audioOn;
  if (local.video) local.video.enabled = videoOn;
  pressed("mute", !audioOn, audioOn ? "Mute" : "Unmute");
  pressed("camera", !videoOn, videoOn ? "Camera off" : "Camera on");
  pressed("saving", saving, saving ? "All sizes" : "Save data");
  pressed("screen", !!shared, shared ? "Stop sharing" : "Share screen");
  tell({type: "state", ...state()});
  showSelf();
}

$("mute").onclick = () => { audioOn = !audioOn; changed(); };
$("camera").onclick = () => { videoOn = !videoOn; changed(); };

$("saving").onclick = () => { saving = !saving; changed(); };

$("screen").onclick = async () => {
  if (shared) return stopSharing();
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({video: {frameRate: {max: 15}}});
    shared = stream.getVideoTracks()[0];
  } catch (error) {
    return console.warn(error); // the user thought better of it
  }
  shared.onended = stopSharing;
  await videoSender().replaceTrack(shared);
  changed();
};

async function stopSharing() {
  shared?.stop();
  shared = null;
  await videoSender().replaceTrack(local.video);
  changed();
}

const videoSender = () => pc.getTransceivers()[1].sender;

$("leave").onclick = () => end("you have left");

// ---- Status and messages.

function end(why) {
  if (ended) return;
  ended = true;
  status("closed", why);
  pc?.close();
  for (const track of [local.audio, local.video, shared]) track?.stop();
  people = [];
  refreshTiles();
  $("controls").hidden = true;
  $("send").querySelector("button").disabled = true;
}

function greet(before, now, you) {
  if (!before.length) return;
  for (const p of now) if (!before.some(q => q.id === p.id) && p.id !== you) say("", `${p.name} has come`);
  for (const p of before) if (!now.some(q => q.id === p.id)) say("", `${p.name} has left`);
}

function say(name, text, own) {
  const item = document.createElement("li"), who = document.createElement("strong"), what = document.createElement("span");
  who.textContent = name;
  what.textContent = text;
  if (name) item.append(who);
  item.append(what);
  item.toggleAttribute("data-own", !!own);
  item.toggleAttribute("data-note", !name);
  $("log").append(item);
  while ($("log").children.length > 500) $("log").firstChild.remove();
  $("log").scrollTop = $("log").scrollHeight;
}

$("send").onsubmit = event => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  tell({type: "text", text});
  $("text").value = "";
};

// ---- Live numbers, from getStats: what is sent, and what of everybody arrives.

const before = new Map(); // id of a stream → [time, bytes]

function rate(id, time, bytes) {
  const [t, b] = before.get(id) ?? [time, bytes];
  before.set(id, [time, bytes]);
  return time > t ? 8 * (bytes - b) / (time - t) : 0; // kbit/s
}

function row(cells) {
  const tr = document.createElement("tr");
  for (const [i, text] of cells.entries()) {
    const cell = document.createElement(i ? "td" : "th");
    if (!i) cell.scope = "row";
    cell.textContent = text;
    tr.append(cell);
  }
  return tr;
}

async function refresh() {
  if (!pc || ended) return;
  const stats = [...(await pc.getStats()).values()], rows = [];
  const picture = s => s?.frameWidth ? `${s.frameWidth}×${s.frameHeight}, ${Math.round(s.framesPerSecond ?? 0)} fps` : "–";
  const kbit = v => `${v.toFixed(0)} kbit/s`;
  const out = stats.filter(s => s.type === "outbound-rtp");
  const sent = out.reduce((sum, s) => sum + rate(s.id, s.timestamp, s.bytesSent ?? 0), 0);
  const remote = stats.filter(s => s.type === "remote-inbound-rtp");
  rows.push(row(["You", picture(out.find(s => s.kind === "video")), `${kbit(sent)} ↑`,
    `${remote.reduce((sum, s) => sum + Math.max(0, s.packetsLost ?? 0), 0)}`, "–"]));
  const byMid = new Map(stats.filter(s => s.type === "inbound-rtp").map(s => [s.mid, s]));
  for (const person of people) {
    if (person.id === me) continue;
    const tracks = tiles.get(person.stream)?.querySelector("video").srcObject?.getTracks() ?? [];
    const inbound = pc.getTransceivers().filter(t => tracks.includes(t.receiver.track)).map(t => byMid.get(t.mid)).filter(Boolean);
    const video = inbound.find(s => s.kind === "video");
    const received = inbound.reduce((sum, s) => sum + rate(s.id, s.timestamp, s.bytesReceived ?? 0), 0);
    rows.push(row([person.name, picture(video), `${kbit(received)} ↓`,
      `${inbound.reduce((sum, s) => sum + Math.max(0, s.packetsLost ?? 0), 0)}`,
      `${(1000 * Math.max(0, ...inbound.map(s => s.jitter ?? 0))).toFixed(0)} ms`]));
  }
  $("stats").replaceChildren(...rows);
}
setInterval(() => refresh().catch(error => console.warn(error)), 1000);
