// The browser's side: one RTCPeerConnection for each recording, which sends camera and microphone. The server
// records what comes, from the first frame until it is told to stop, or the page is gone.

import {$, Session, post, status} from "/shared/session.js";

const options = new URLSearchParams(location.search);
const size = /^(\d+)x(\d+)@(\d+)$/.exec(options.get("video") ?? "1280x720@30"); // ?video=320x180@15

let stream = null; // of camera and microphone
let pc = null, session = null; // of the recording that goes on
let began = 0;

const note = text => $("note").textContent = text;

// ---- Camera and microphone. One may be there without the other.

async function openDevices() {
  const [, width, height, frameRate] = size ? size.map(Number) : [0, 1280, 720, 30];
  const video = {width: {ideal: width}, height: {ideal: height}, frameRate: {ideal: frameRate, max: frameRate}};
  for (const constraints of [{audio: true, video}, {video}, {audio: true}]) {
    try {
      return await navigator.mediaDevices.getUserMedia(constraints);
    } catch (error) {
      console.warn(error);
    }
  }
  throw new Error(navigator.mediaDevices ? "no camera and no microphone" : "browsers give cameras to pages from this machine or by HTTPS only");
}

// ---- Codecs.

const labels = {VP8: "VP8 (WebM)", VP9: "VP9 (WebM)", AV1: "AV1 (WebM)", H264: "H.264 (Matroska)"};
const codecName = codec => codec.mimeType.split("/")[1];

function listCodecs() {
  const able = RTCRtpSender.getCapabilities("video")?.codecs.map(codecName) ?? [];
  for (const [name, label] of Object.entries(labels)) {
    if (able.includes(name)) $("codec").append(new Option(label, name));
  }
}

// choose leaves nothing to send but the chosen codec, and retransmissions.
function choose() {
  const transceiver = pc.getTransceivers().find(t => t.sender.track?.kind === "video");
  const {codecs} = RTCRtpSender.getCapabilities("video");
  transceiver?.setCodecPreferences(codecs.filter(codec => [$("codec").value, "rtx"].includes(codecName(codec))));
}

// Another codec while a recording goes on: it goes on in another file.
$("codec").onchange = async () => {
  if (!pc) return;
  choose();
  try {
    await session.offer();
  } catch (error) {
    end(`no agreement with the server: ${error.message}`);
  }
};

// ---- Recording.

$("record").onclick = () => pc ? stop() : record();

async function record() {
  status("connecting", "connecting");
  note("");
  const connection = pc = new RTCPeerConnection();
  for (const track of stream.getTracks()) pc.addTransceiver(track, {direction: "sendonly", streams: [stream]});
  choose();
  session = new Session(pc);
  began = 0;
  button(true);
  pc.onconnectionstatechange = () => {
    if (pc !== connection) return;
    if (pc.connectionState === "connected") begin();
    if (pc.connectionState === "disconnected") status("connecting", "interrupted");
    if (pc.connectionState === "failed") end("the connection is lost");
  };
  try {
    await session.offer("/session");
  } catch (error) {
    if (pc === connection) end(`no session: ${error.message}`);
  }
}

function begin() {
  began ||= performance.now();
  status("open", "recording");
}

async function stop() {
  const {url} = session;
  $("record").disabled = true;
  try {
    if (url) show(await (await post(`${url}/stop`, "")).json());
    end("");
  } catch (error) {
    end(error.message);
  }
}

// end is the end of a recording; why is empty for one that went well.
function end(why) {
  pc?.close();
  pc = session = null;
  button(false);
  if (why) status("closed", why);
  else status("open", "finished");
}

function button(recording) {
  $("record").textContent = recording ? "Stop" : "Record";
  $("record").toggleAttribute("data-recording", recording);
  $("record").disabled = false;
  $("elapsed").hidden = !recording;
  showElapsed();
}

const clock = seconds => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

function showElapsed() {
  $("elapsed").textContent = clock(began ? (performance.now() - began) / 1000 : 0);
}

// ---- What the server has.

async function refresh() {
  const asked = session;
  showElapsed();
  if (!asked?.url) return;
  try {
    const response = await fetch(asked.url);
    if (session !== asked) return;
    if (!response.ok) return end("closed by the server");
    show(await response.json());
  } catch {
    if (session === asked) end("the server is gone");
  }
}
setInterval(refresh, 500);

const bytes = n => n < 1e6 ? `${(n / 1e3).toFixed(0)} kB` : `${(n / 1e6).toFixed(1)} MB`;

function show({files, error}) {
  if (error) note(`The server could not record: ${error}`);
  for (const file of files) {
    $("none").hidden = true;
    const item = document.getElementById(file.name) ?? newItem(file);
    item.querySelector(".about").textContent =
      `${file.tracks}, ${clock(file.seconds)}, ${bytes(file.size)}${file.finished ? "" : ", growing"}`;
    if (file.finished && !item.querySelector("a")) finish(item, file);
  }
}

function newItem({name}) {
  const item = document.createElement("li"), title = document.createElement("span"), about = document.createElement("span");
  item.id = name;
  title.className = "name";
  title.textContent = name;
  about.className = "about";
  item.append(title, about);
  $("files").prepend(item);
  return item;
}

function finish(item, {name, url}) {
  const play = document.createElement("button"), link = document.createElement("a");
  play.type = "button";
  play.textContent = "Play";
  play.setAttribute("aria-label", `Play ${name}`);
  play.onclick = () => load(url, true);
  link.href = url;
  link.download = name;
  link.textContent = "Download";
  link.setAttribute("aria-label", `Download ${name}`);
  item.querySelector(".name").after(play, link);
  load(url, false);
}

function load(url, play) {
  const player = $("player");
  player.hidden = false;
  player.src = url;
  player.onerror = () => note("This browser does not play the file; download it.");
  if (play) player.play().catch(error => console.warn(error));
}

// ---- The beginning.

listCodecs();
try {
  stream = await openDevices();
  $("preview").srcObject = stream;
  status("open", "ready");
  $("record").disabled = false;
} catch (error) {
  status("closed", error.message);
}
