// Sound and pictures for driver.mjs, with the sources and sinks that @roamhq/wrtc has. More commands:
//
//	{"do":"send-media","kinds":[…],"codec":…,"luma":n}  tracks; codec is a name such as VP9
//	{"do":"luma","luma":n}                              of the left half of the picture
//	{"do":"stop-media","kind":…}                        stop the transceiver
//	{"do":"media"}                                      what the sinks have got → media
//	{"do":"stats"}                                      getStats → stats
//
// The right half of the picture is noise, so that a frame takes more than one packet.
const width = 320;
const height = 180;
const picturePeriod = 66;
const soundPeriod = 10;
const rate = 48000;

export const media = ({ nonstandard, MediaStream, RTCRtpSender }) => (pc, report) => {
  const got = {}; // by kind
  const timers = {};
  let luma = 60;

  // A section that is added later has a sink of its own, which counts on.
  pc.ontrack = ({ track }) => {
    const seen = (got[track.kind] ??= { frames: 0, width: 0, height: 0, luma: 0, level: 0 });
    if (track.kind === 'audio') {
      new nonstandard.RTCAudioSink(track).ondata = ({ samples }) => {
        seen.frames++;
        seen.level = Math.round(Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length));
      };
      return;
    }
    new nonstandard.RTCVideoSink(track).onframe = ({ frame }) => {
      let sum = 0;
      const edge = frame.width / 2 - 16; // where the halves run into one another
      for (let y = 0; y < frame.height; y += 4) for (let x = 0; x < edge; x++) sum += frame.data[y * frame.width + x];
      Object.assign(seen, { frames: seen.frames + 1, width: frame.width, height: frame.height });
      seen.luma = Math.round(sum / (Math.ceil(frame.height / 4) * edge));
    };
  };

  function picture(source) {
    const data = new Uint8ClampedArray(width * height * 3 / 2).fill(128);
    return () => {
      for (let y = 0; y < height; y++) {
        data.fill(luma, y * width, y * width + width / 2);
        for (let x = width / 2; x < width; x += 4) data.fill(64 + Math.random() * 128, y * width + x, y * width + x + 4);
      }
      source.onFrame({ width, height, data });
    };
  }

  function sound(source) {
    const samples = new Int16Array(rate * soundPeriod / 1000);
    let n = 0;
    return () => {
      for (let i = 0; i < samples.length; i++) samples[i] = 8000 * Math.sin(2 * Math.PI * 440 * n++ / rate);
      source.onData({ samples, sampleRate: rate, bitsPerSample: 16, channelCount: 1, numberOfFrames: samples.length });
    };
  }

  function prefer(sender, codec) {
    const { codecs } = RTCRtpSender.getCapabilities('video');
    const chosen = codecs.filter((c) => c.mimeType === `video/${codec}`);
    const rest = codecs.filter((c) => c.mimeType === 'video/rtx');
    pc.getTransceivers().find((t) => t.sender === sender).setCodecPreferences([...chosen, ...rest]);
  }

  return {
    'send-media': ({ kinds = ['audio', 'video'], codec, luma: wanted }) => {
      luma = wanted ?? luma;
      for (const kind of kinds) {
        const video = kind === 'video';
        const source = video ? new nonstandard.RTCVideoSource() : new nonstandard.RTCAudioSource();
        const sender = pc.addTrack(source.createTrack(), new MediaStream());
        if (video && codec) prefer(sender, codec);
        timers[kind] = setInterval((video ? picture : sound)(source), video ? picturePeriod : soundPeriod);
      }
    },
    luma: ({ luma: wanted }) => { luma = wanted; },
    'stop-media': ({ kind }) => {
      clearInterval(timers[kind]);
      for (const t of pc.getTransceivers()) if (t.receiver.track.kind === kind) t.stop();
    },
    media: () => report('media', { got }),
    stats: async () => {
      const all = [...(await pc.getStats()).values()];
      const rtp = all.filter((s) => /^(remote-)?(in|out)bound-rtp$/.test(s.type)).map((s) => ({
        type: s.type, kind: s.kind, codec: all.find((c) => c.id === s.codecId)?.mimeType ?? '',
        packets: s.packetsReceived ?? s.packetsSent ?? 0, lost: s.packetsLost ?? 0, resent: s.retransmittedPacketsSent ?? 0,
        nacks: s.nackCount ?? 0, plis: s.pliCount ?? 0, rtt: s.roundTripTime ?? 0, reports: s.reportsSent ?? 0,
        frames: s.framesDecoded ?? s.framesEncoded ?? 0, keys: s.keyFramesDecoded ?? s.keyFramesEncoded ?? 0,
      }));
      report('stats', { rtp });
    },
  };
};
