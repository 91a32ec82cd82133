// Signalling by HTTP. The offer goes out at once and candidates follow as they are
// found. The answer has all of the server's, so that the checks begin when it arrives.

export const $ = id => document.getElementById(id);

export function status(state, text) {
  $("status").dataset.state = state;
  $("status").textContent = text;
}

export async function post(url, body, type = "text/plain") {
  const response = await fetch(url, {method: "POST", body, headers: {"Content-Type": type}});
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response;
}

// A Session is what the server has for a connection. Its url is null until the first offer
// has been answered.
export class Session {
  #pc;
  #early = []; // candidates found before there is a URL
  url = null;

  constructor(pc) {
    this.#pc = pc;
    pc.addEventListener("icecandidate", ({candidate}) => this.url ? this.#send(candidate) : this.#early.push(candidate));
    addEventListener("pagehide", () => pc.close());
  }

  // offer sends the connection's offer, the first one to an address of the server's.
  async offer(first) {
    await this.#pc.setLocalDescription();
    const response = await post(this.url ?? first, this.#pc.localDescription.sdp, "application/sdp");
    await this.#pc.setRemoteDescription({type: "answer", sdp: await response.text()});
    this.url ??= response.headers.get("Location");
    for (const candidate of this.#early.splice(0)) this.#send(candidate);
  }

  // null, and for Firefox an empty candidate, end the list.
  #send(candidate) {
    post(this.url + "/candidate", candidate?.candidate ?? "").catch(error => console.warn(error));
  }
}
