// Shows errors; inside an open dialog, because the rest of the page is inert then.
import { byId, el, write } from "./dom.js";
import { Refused } from "./api.js";

/** Shows a message until it is closed or replaced; an empty one removes it. */
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

/** Announces a text to screen readers. */
export function announce(message) {
  write(byId("news"), message);
}
