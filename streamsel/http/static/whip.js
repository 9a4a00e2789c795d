// Sends a video track by WHIP (RFC 9725).
import { reason } from "./api.js";

const GATHERING_MS = 2000;
const PATIENCE_MS = 15_000;
const SDP = "application/sdp";

/** The service rejected the video; ``isFinal``: retrying cannot help. */
export class Untaken extends Error {
  constructor(message, isFinal) {
    super(message);
    this.isFinal = isFinal;
  }
}

/**
 * One session. Events: "state" (detail: the connection's state).
 *
 * Candidates are sent with the offer: the service accepts no later ones, and uses no other server.
 */
export class Sender extends EventTarget {
  #connection = null;
  #session = null;

  /** Connects; throws Untaken. ``codec`` is "auto" or the name of a codec, like "vp8". */
  async open(feed, track, codec) {
    const connection = (this.#connection = new RTCPeerConnection({ iceServers: [] }));
    connection.addEventListener("connectionstatechange", () =>
      this.dispatchEvent(new CustomEvent("state", { detail: connection.connectionState })),
    );
    const transceiver = connection.addTransceiver(track, { direction: "sendonly" });
    prefer(transceiver, codec);
    await connection.setLocalDescription();
    await gathered(connection);
    const response = await post(feed, connection.localDescription.sdp);
    if (response.status !== 201) {
      throw new Untaken(await reason(response), ![429, 502, 503].includes(response.status));
    }
    this.#session = response.headers.get("Location");
    await connection.setRemoteDescription({ type: "answer", sdp: await response.text() });
  }

  /** Returns sent and lost data so far, from the browser's statistics. */
  async sent() {
    const all = [...((await this.#connection?.getStats())?.values() ?? [])];
    const of = (type) => all.find((one) => one.type === type);
    const outbound = of("outbound-rtp");
    if (!outbound) return null;
    const codec = all.find(({ id }) => id === outbound.codecId);
    return { ...outbound, lost: of("remote-inbound-rtp")?.fractionLost, codec: codec?.mimeType };
  }

  /** Ends the session, also while the page is being left. */
  close() {
    if (this.#session) fetch(this.#session, { method: "DELETE", keepalive: true }).catch(() => {});
    this.#session = null;
    this.#connection?.close();
    this.#connection = null;
  }
}

async function post(feed, sdp) {
  try {
    return await fetch(`/whip/${encodeURIComponent(feed)}`, {
      method: "POST",
      headers: { "Content-Type": SDP },
      body: sdp,
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    throw new Untaken("The service cannot be reached.", false);
  }
}

function prefer(transceiver, codec) {
  if (codec === "auto") return;
  const known = RTCRtpSender.getCapabilities("video").codecs;
  const wanted = known.filter(({ mimeType }) => mimeType.toLowerCase() === `video/${codec}`);
  if (!wanted.length) throw new Untaken(`This browser cannot send ${codec}.`, true);
  transceiver.setCodecPreferences(wanted);
}

/** Waits until the connection has gathered its candidates. */
function gathered(connection) {
  return new Promise((resolve) => {
    const look = () => connection.iceGatheringState === "complete" && resolve();
    connection.addEventListener("icegatheringstatechange", look);
    setTimeout(resolve, GATHERING_MS);
    look();
  });
}
