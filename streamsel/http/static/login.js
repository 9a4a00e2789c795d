// Asks for the token, then opens the requested page.
import { reason } from "./api.js";
import { byId, write } from "./dom.js";

const WRONG = "That is not the token of this service.";
const OFTEN = "Too many wrong tokens. Wait a minute, then try again.";
const AWAY = "The service cannot be reached. Is it running?";

/** Returns the address to open: this page's own, or ``next`` if it is on this service. */
function target() {
  const next = new URLSearchParams(location.search).get("next");
  if (next === null) return location.pathname === "/login" ? "/" : null;
  const wanted = URL.canParse(next, location.origin) ? new URL(next, location.origin) : null;
  const isOurs = next.startsWith("/") && wanted?.origin === location.origin;
  return isOurs ? wanted.pathname + wanted.search + wanted.hash : "/";
}

/** Returns the error; nothing if the token was right. */
async function enter(token) {
  try {
    const response = await fetch("/login", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token }),
    });
    if (response.ok) return "";
    const told = { 401: WRONG, 429: OFTEN };
    return told[response.status] ?? (await reason(response));
  } catch {
    return AWAY;
  }
}

byId("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  byId("enter").disabled = true;
  const problem = await enter(byId("token").value);
  byId("enter").disabled = false;
  write(byId("problem"), problem);
  if (problem) {
    byId("token").setAttribute("aria-invalid", "true");
    byId("token").select();
    return;
  }
  const wanted = target();
  sessionStorage.removeItem("entered");
  if (wanted === null) location.reload();
  else location.replace(wanted);
});
