#!/usr/bin/python3
"""The driver turns GStreamer's webrtcbin into a program that speaks JSON lines:
commands on standard input, reports on standard output. Its arguments are properties of
the element, such as bundle-policy=max-bundle.

Commands, in the order they are given (the next waits for the last):

    {"do":"media","kind":…,"codec":…,"type":n}  send a test picture or tone as payload type n, and
                                               receive likewise; see Peer.media for more
    {"do":"open","label":…,"options":{…}}       create-data-channel
    {"do":"offer"}                              create-offer, set-local-description → offer
    {"do":"accept-offer","sdp":…}               set-remote-description, create-answer → answer
    {"do":"accept-answer","sdp":…}              set-remote-description → accepted
    {"do":"candidate","candidate":…,"mid":…}    add-ice-candidate
    {"do":"send","label":…,"text":…}            one string message
    {"do":"send","label":…,"size":n}            one binary message, byte i is i mod 251
    {"do":"burst","label":…,"count":n}          n string messages "0", "1", … → done
    {"do":"key-frame","command":true|false}     ask for a key frame of what is received, by FIR or PLI
    {"do":"stats"}                              → stats
    {"do":"close-channel","label":…}

Reports: offer, answer, accepted, candidate, state, channel, open, message, closed, aborted,
done, stats, error. A binary message is reported by its size and its SHA-256, a string
message by its text. Stats are what came out of the decoders, the statistics of the jitter
buffers by SSRC, what transport-wide feedback tells, and what get-stats tells of streams.
"""
import hashlib
import json
import sys
import threading

import gi

for namespace in ("Gst", "GstRtp", "GstSdp", "GstVideo", "GstWebRTC"):
    gi.require_version(namespace, "1.0")
from gi.repository import GLib, GObject, Gst, GstRtp, GstSdp, GstVideo, GstWebRTC  # noqa: E402

INPUTS = {
    "audio": "audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=2",
    "video": "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=180,framerate=15/1",
}

# A key frame comes first, and then when it is asked for.
ENCODERS = {
    "OPUS": "opusenc ! rtpopuspay",
    "VP8": "vp8enc deadline=1 cpu-used=8 target-bitrate=300000 keyframe-max-dist=3000 ! rtpvp8pay",
    "VP9": "vp9enc deadline=1 cpu-used=8 lag-in-frames=0 target-bitrate=300000 keyframe-max-dist=3000 ! rtpvp9pay",
    "H264": "x264enc tune=zerolatency speed-preset=ultrafast bitrate=300 key-int-max=3000 threads=1 "
            "! video/x-h264,profile=constrained-baseline,stream-format=avc ! rtph264pay",
    "H265": "x265enc tune=zerolatency speed-preset=ultrafast bitrate=300 key-int-max=3000 "
            "! h265parse ! video/x-h265,stream-format=hvc1 ! rtph265pay",
}

# One of each package.
NEEDED = ("webrtcbin", "nicesrc", "opusenc", "vp8enc", "x264enc")

CHANNEL_OPTIONS = {"maxRetransmits": "max-retransmits", "maxPacketLifeTime": "max-packet-lifetime"}

lock = threading.Lock()


def report(kind, **rest):
    with lock:
        print(json.dumps({"is": kind, **rest}), flush=True)


def plain(value):
    """What JSON can say of a value in a structure."""
    if isinstance(value, Gst.Structure):
        names = [value.nth_field_name(i) for i in range(value.n_fields())]
        return {name: plain(value[name]) for name in names}
    if isinstance(value, GObject.GEnum):
        return value.value_nick
    return value if isinstance(value, (bool, int, float, str)) else str(value)


class Stream:
    """A stream that the other side sends, decoded."""

    def __init__(self, pipeline, pad):
        self.pipeline = pipeline
        self.frames = self.keys = 0
        self.output = None
        decoder = Gst.ElementFactory.make("decodebin")
        decoder.connect("deep-element-added", self.on_element)
        decoder.connect("pad-added", self.on_decoded)
        pipeline.add(decoder)
        decoder.sync_state_with_parent()
        pad.link(decoder.get_static_pad("sink"))

    def on_element(self, _, __, element):
        # Whatever notices a loss asks for a key frame, as a browser does.
        for name in ("request-keyframe", "automatic-request-sync-points"):
            if element.find_property(name):
                element.set_property(name, True)
        if "Depayloader" in element.get_metadata("klass"):
            element.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, self.on_encoded)

    def on_encoded(self, _, info):
        if not info.get_buffer().has_flags(Gst.BufferFlags.DELTA_UNIT):
            self.keys += 1
        return Gst.PadProbeReturn.OK

    def on_decoded(self, _, pad):
        sink = Gst.ElementFactory.make("fakesink")
        sink.set_property("sync", False)
        self.pipeline.add(sink)
        self.output = sink.get_static_pad("sink")
        self.output.add_probe(Gst.PadProbeType.BUFFER, self.on_frame)
        sink.sync_state_with_parent()
        pad.link(self.output)

    def on_frame(self, _, __):
        self.frames += 1
        return Gst.PadProbeReturn.OK

    def request_key_frame(self, command):
        self.output.push_event(GstVideo.video_event_new_upstream_force_key_unit(Gst.CLOCK_TIME_NONE, command, 0))

    def describe(self):
        caps = self.output and self.output.get_current_caps()
        if not caps:
            return {}
        caps = caps.get_structure(0)
        names = [name for name in ("width", "height", "rate", "channels") if caps.has_field(name)]
        return {"kind": caps.get_name().split("/")[0], "frames": self.frames, "keys": self.keys,
                **{name: caps[name] for name in names}}


class Peer:
    def __init__(self, properties):
        self.channels = {}
        self.closing = set()
        self.streams = []
        self.buffers = {}  # jitter buffers by SSRC
        self.pipeline = Gst.Pipeline()
        self.bin = Gst.ElementFactory.make("webrtcbin")
        for text in properties:
            Gst.util_set_object_arg(self.bin, *text.split("="))
        self.pipeline.add(self.bin)
        # The agent is kept: with the last reference of ours goes webrtcbin's own.
        self.ice = self.bin.get_property("ice-agent")
        self.ice.emit("add-local-ip-address", "127.0.0.1")
        self.ice.set_property("ice-tcp", False)

        self.bin.connect("on-ice-candidate", lambda _, line, text: report("candidate", candidate=text, mid=str(line)))
        self.bin.connect("notify::connection-state", self.on_state)
        self.bin.connect("on-data-channel", self.on_channel)
        self.bin.connect("pad-added", self.on_stream)
        self.bin.get_by_name("rtpbin").connect("new-jitterbuffer", self.on_buffer)
        threading.Thread(target=self.watch, daemon=True).start()
        self.pipeline.set_state(Gst.State.PLAYING)

    def watch(self):
        while True:
            message = self.pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, Gst.MessageType.ERROR)
            error, debug = message.parse_error()
            text = f"{message.src.get_path_string()}: {error.message} ({debug})"
            # An association that the other side aborts is an error to its element.
            report("aborted" if "association went into error state" in text else "error", text=text)

    def ask(self, name, *args):
        """The reply to a signal that ends with a promise."""
        promise = Gst.Promise.new()
        self.bin.emit(name, *args, promise)
        if promise.wait() != Gst.PromiseResult.REPLIED:
            raise RuntimeError(f"{name} was not answered")
        reply = promise.get_reply()
        if reply is not None and reply.has_field("error"):
            raise RuntimeError(f"{name}: {reply['error']}")
        return reply

    def on_state(self, *_):
        report("state", state=self.bin.get_property("connection-state").value_nick)

    # Media.

    def media(self, kind, codec, type, direction="sendrecv", nack=False, fec=False, sets=True, extensions=()):
        """Adds a stream of ours or theirs. With sets, the parameter sets of H.264 and H.265 are in front of
        every key frame, as few leave them out who use webrtcbin; by default they are in the description only."""
        form = {"audio": "clock-rate=48000,encoding-params=(string)2", "video": "clock-rate=90000"}[kind]
        caps = Gst.Caps.from_string(f"application/x-rtp,media={kind},encoding-name={codec},payload={type},{form}")
        directions = GstWebRTC.WebRTCRTPTransceiverDirection
        if direction == "recvonly":
            transceiver = self.bin.emit("add-transceiver", directions.RECVONLY, caps)
        else:
            # What is old by the time of the connection is not sent: sender reports tell when a packet was
            # sent, not when it was made.
            queue = "queue leaky=downstream max-size-buffers=4"
            source = Gst.parse_bin_from_description(f"{INPUTS[kind]} ! {queue} ! {ENCODERS[codec]} name=pay pt={type}", True)
            pay = source.get_by_name("pay")
            if sets and pay.find_property("config-interval"):
                pay.set_property("config-interval", -1)
            for number, uri in enumerate(extensions, 1):
                extension = GstRtp.RTPHeaderExtension.create_from_uri(uri)
                extension.set_id(number)
                pay.emit("add-extension", extension)
            self.pipeline.add(source)
            pad = self.bin.request_pad(self.bin.get_pad_template("sink_%u"), None, caps)
            transceiver = pad.get_property("transceiver")
            transceiver.set_property("direction", getattr(directions, direction.upper()))
            # An offer leaves out what has no caps yet.
            described = threading.Event()
            pad.connect("notify::caps", lambda *_: described.set())
            source.get_static_pad("src").link(pad)
            source.sync_state_with_parent()
            if not pad.get_current_caps():
                described.wait()
        transceiver.set_property("do-nack", nack)
        if fec:
            transceiver.set_property("fec-type", GstWebRTC.WebRTCFECType.ULP_RED)

    def on_stream(self, _, pad):
        if pad.get_direction() == Gst.PadDirection.SRC:
            self.streams.append(Stream(self.pipeline, pad))

    def on_buffer(self, _, buffer, __, ssrc):
        self.buffers[ssrc] = buffer

    def key_frame(self, command):
        for stream in list(self.streams):
            if stream.describe().get("kind") == "video":
                stream.request_key_frame(command)

    def stats(self):
        told = plain(self.ask("get-stats", None)).values()
        session = self.bin.get_by_name("rtpbin").emit("get-session", 0)
        transport = session and session.get_property("twcc-stats")
        report("stats", feedback=plain(transport) if transport else {}, decoded=[stream.describe() for stream in list(self.streams)],
               buffers={ssrc: plain(buffer.get_property("stats")) for ssrc, buffer in list(self.buffers.items())},
               stats=[s for s in told if s["type"] in ("inbound-rtp", "outbound-rtp", "remote-inbound-rtp")])

    # Signalling.

    def describe(self, kind):
        reply = self.ask("create-" + kind, None)
        description = reply[kind]  # a part of the reply, which must live on
        self.ask("set-local-description", description)
        report(kind, sdp=description.sdp.as_text())

    def set_remote(self, kind, sdp):
        _, message = GstSdp.SDPMessage.new_from_text(sdp)
        kind = getattr(GstWebRTC.WebRTCSDPType, kind.upper())
        self.ask("set-remote-description", GstWebRTC.WebRTCSessionDescription.new(kind, message))

    def offer(self, **_):
        self.describe("offer")

    def accept_offer(self, sdp):
        self.set_remote("offer", sdp)
        self.describe("answer")

    def accept_answer(self, sdp):
        self.set_remote("answer", sdp)
        report("accepted")

    def candidate(self, candidate, mid="0"):
        self.bin.emit("add-ice-candidate", int(mid), candidate)

    # Data channels.

    def open(self, label, options=None):
        structure = Gst.Structure.new_empty("options")
        for name, value in (options or {}).items():
            structure.set_value(CHANNEL_OPTIONS.get(name, name), value)
        self.adopt(self.bin.emit("create-data-channel", label, structure))

    def on_channel(self, _, channel):
        self.adopt(channel)
        report("channel", label=channel.get_property("label"), protocol=channel.get_property("protocol") or "",
               ordered=channel.get_property("ordered"), id=channel.get_property("id"),
               retransmits=channel.get_property("max-retransmits"), lifetime=channel.get_property("max-packet-lifetime"))

    def adopt(self, channel):
        label = channel.get_property("label")
        self.channels[label] = channel
        channel.connect("on-open", lambda _: report("open", label=label))
        channel.connect("on-close", lambda _: report("closed", label=label))
        channel.connect("on-error", lambda _, error: self.on_error(label, error))
        channel.connect("on-message-string", lambda _, text: report(
            "message", label=label, text=text or "", size=len((text or "").encode())))
        channel.connect("on-message-data", lambda _, data: self.on_data(label, data))
        if channel.get_property("ready-state") == GstWebRTC.WebRTCDataChannelState.OPEN:
            report("open", label=label)

    def on_error(self, label, error):
        # A channel that is being closed may have lost the element that it is part of.
        report("closing" if label in self.closing else "error", label=label, text=str(error))

    @staticmethod
    def on_data(label, data):
        data = data.get_data() or b"" if data is not None else b""
        report("message", label=label, binary=True, size=len(data), sha256=hashlib.sha256(data).hexdigest())

    def send(self, label, text=None, size=None):
        if text is not None:
            self.channels[label].emit("send-string", text)
        else:
            data = GLib.Bytes.new(bytes(i % 251 for i in range(size))) if size else None
            self.channels[label].emit("send-data", data)

    def burst(self, label, count):
        for i in range(count):
            self.channels[label].emit("send-string", str(i))
        report("done", label=label)

    def close_channel(self, label):
        self.closing.add(label)
        self.channels[label].emit("close")


def main():
    Gst.init(None)
    for name in NEEDED:
        if not Gst.ElementFactory.find(name):
            sys.exit(f"GStreamer has no {name}")
    peer = Peer(sys.argv[1:])
    report("ready")
    for line in sys.stdin:
        command = json.loads(line)
        name = command.pop("do").replace("-", "_")
        try:
            getattr(peer, name)(**command)
        except Exception as error:  # one command that fails is no reason to leave
            report("error", text=f"{name}: {error!r}")


main()
