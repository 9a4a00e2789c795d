// The page that sends this device's camera.
import { ask, Refused } from "./api.js";
import { byId, el, write } from "./dom.js";
import { count } from "./words.js";
import { Sender, Untaken } from "./whip.js";

const LOOK_MS = 1000;
const BACK_MS = [1000, 2000, 5000, 10_000];
const WORDS = { idle: "not sending", connecting: "connecting…", live: "live", failed: "not sent" };
const NO_CAMERA = {
  NotAllowedError: "The browser may not use the camera: allow it for this page, then start again.",
  NotFoundError: "There is no camera.",
  NotReadableError: "The camera is used by another program.",
  OverconstrainedError: "The camera cannot do that: choose another picture.",
};

const asked = new URLSearchParams(location.search);
let sender = null;
let stream = null;
let lock = null;
let timer = 0;
let looking = 0;
let tries = 0;
let wanted = false;
let before = null;

function show(state) {
  document.body.dataset.state = state;
  byId("state").dataset.state = state;
  write(byId("state"), WORDS[state]);
  write(byId("go"), wanted ? "Stop sending" : "Start sending");
}

function tell(problem) {
  write(byId("problem"), problem);
}

async function listFeeds() {
  const listed = await ask("/api/feeds");
  const waiting = listed.filter((feed) => feed.takes_sender);
  const names = waiting.map(({ feed }) => feed);
  byId("feed").replaceChildren(
    ...waiting.map(({ feed, display_name }) => el("option", { value: feed }, display_name)),
  );
  if (names.includes(asked.get("feed"))) byId("feed").value = asked.get("feed");
  byId("go").disabled = !names.length;
  if (!names.length) tell("No feed waits for a sender: configure one with source: whip.");
}

async function listCameras() {
  const chosen = byId("device").value;
  const devices = await navigator.mediaDevices.enumerateDevices();
  const cameras = devices.filter(({ kind, deviceId }) => kind === "videoinput" && deviceId);
  const any = el("option", { value: "" }, "any");
  const options = cameras.map(({ deviceId, label }, place) =>
    el("option", { value: deviceId }, label || `camera ${place + 1}`),
  );
  byId("device").replaceChildren(any, ...options);
  byId("device").value = cameras.some(({ deviceId }) => deviceId === chosen) ? chosen : "";
}

async function openCamera() {
  const deviceId = byId("device").value;
  const which = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: byId("facing").value };
  const height = { ideal: Number(byId("height").value) };
  stream = await navigator.mediaDevices.getUserMedia({ video: { ...which, height }, audio: false });
  byId("preview").srcObject = stream;
  stream.getVideoTracks()[0].addEventListener("ended", () => stop("The camera was switched off."));
  await listCameras();
}

async function connect() {
  show("connecting");
  const mine = (sender = new Sender());
  mine.addEventListener("state", ({ detail }) => {
    if (mine !== sender) return;
    if (detail === "connected") {
      tries = 0;
      tell("");
      show("live");
    } else if (detail === "failed" || detail === "disconnected") {
      again("The connection was lost; trying again.");
    }
  });
  try {
    await mine.open(byId("feed").value, stream.getVideoTracks()[0], byId("codec").value);
  } catch (error) {
    if (!(error instanceof Untaken)) throw error;
    if (mine !== sender) return;
    if (error.isFinal) stop(error.message);
    else again(error.message);
  }
}

function again(problem) {
  sender?.close();
  sender = null;
  tell(problem);
  show("connecting");
  clearTimeout(timer);
  timer = setTimeout(connect, BACK_MS[Math.min(tries++, BACK_MS.length - 1)]);
}

async function start() {
  wanted = true;
  tell("");
  show("connecting");
  try {
    await openCamera();
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    stop(NO_CAMERA[error.name] ?? `The camera cannot be used (${error.name}).`);
    return;
  }
  if (!wanted) {
    stop();
    return;
  }
  looking = setInterval(look, LOOK_MS);
  lock = await navigator.wakeLock?.request("screen").catch(() => null);
  await connect();
}

function stop(problem = "") {
  wanted = false;
  clearTimeout(timer);
  clearInterval(looking);
  sender?.close();
  stream?.getTracks().forEach((track) => track.stop());
  lock?.release();
  sender = stream = lock = before = null;
  byId("preview").srcObject = null;
  tell(problem);
  show(problem ? "failed" : "idle");
}

async function look() {
  const sent = await sender?.sent();
  if (!sent) return;
  document.body.dataset.framesSent = sent.framesSent ?? sent.framesEncoded ?? 0;
  const seconds = before ? (sent.timestamp - before.timestamp) / 1000 : 0;
  const rate = seconds > 0 ? (8 * (sent.bytesSent - before.bytesSent)) / seconds / 1e6 : NaN;
  before = sent;
  write(byId("sent-size"), sent.frameWidth ? `${sent.frameWidth} × ${sent.frameHeight}` : "–");
  write(byId("sent-fps"), count(sent.framesPerSecond));
  write(byId("sent-rate"), Number.isFinite(rate) ? `${Math.max(0, rate).toFixed(1)} Mbit/s` : "–");
  write(byId("sent-loss"), Number.isFinite(sent.lost) ? `${(100 * sent.lost).toFixed(0)} %` : "–");
  write(byId("sent-codec"), sent.codec?.replace("video/", "") ?? "–");
  write(byId("sent-frames"), count(sent.framesSent));
}

byId("settings").addEventListener("submit", (event) => {
  event.preventDefault();
  if (wanted) stop();
  else start();
});
addEventListener("pagehide", () => stop());

async function begin() {
  show("idle");
  if (asked.has("codec")) byId("codec").value = asked.get("codec");
  if (!navigator.mediaDevices) {
    byId("go").disabled = true;
    tell("Browsers lend a camera to pages over HTTPS only, or on the machine itself: give the service a certificate (service.tls), or open this page as http://localhost.");
    return;
  }
  try {
    await listFeeds();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    tell(error.message);
    return;
  }
  await listCameras();
  if (asked.has("start") && !byId("go").disabled) await start();
}

begin();
