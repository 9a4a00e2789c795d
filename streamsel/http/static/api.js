// Requests to the service.
import { learnClock } from "./time.js";

const PATIENCE_MS = 15_000;
const RETURN_MS = 30_000;

/** The service refused a request, or did not respond; status is 0 if it could not be reached. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Returns the parsed response; throws Refused. Without a login it opens the login page. */
export async function ask(path, { method = "GET", body } = {}) {
  const options = { method, signal: AbortSignal.timeout(PATIENCE_MS) };
  if (method !== "GET") options.headers = { "Content-Type": "application/json" };
  if (body !== undefined) options.body = JSON.stringify(body);
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    throw new Refused(0, "The service cannot be reached.", { cause: error });
  }
  learnClock(response);
  if (response.ok) return response.status === 204 ? null : response.json();
  if (response.status === 401) enterAgain();
  throw new Refused(response.status, await reason(response));
}

/** Reloads the page, which shows the login; once only, to avoid a loop. */
export function enterAgain() {
  const last = Number(sessionStorage.getItem("entered") ?? 0);
  if (Date.now() - last < RETURN_MS) return;
  sessionStorage.setItem("entered", Date.now());
  location.reload();
}

/** Returns one sentence on why the service refused. */
export async function reason(response) {
  const told = await response.text();
  let said = told.slice(0, 300);
  try {
    said = JSON.parse(told).error ?? said;
  } catch {
    if (/^\s*</.test(told)) said = "";
  }
  if (response.status === 401) return "You are logged out. Load the page again to log in.";
  if (response.status === 503) return `The service cannot do that now: ${said || "it is busy"}.`;
  return said || `The service answered ${response.status}.`;
}
