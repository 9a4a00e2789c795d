// Tells what went wrong, politely: where a dialog is open, in it, since the rest cannot be reached.
import { byId, el, write } from "./dom.js";
import { Refused } from "./api.js";

/** Shows a message until it is closed or another takes its place; an empty one takes it away. */
export function notice(message) {
  const dialog = document.querySelector("dialog[open]");
  const place = dialog ? byId("frame-notice") : byId("notice");
  place.replaceChildren();
  if (!message) return;
  const close = el("button", { type: "button", class: "button small" }, "Dismiss");
  close.addEventListener("click", () => place.replaceChildren());
  place.append(el("span", {}, message), close);
}

/** Runs an action, and shows why the service refused it. */
export async function trying(action) {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    notice(error.message);
    return undefined;
  }
}

/** Says something to who listens rather than looks. */
export function announce(message) {
  write(byId("news"), message);
}
