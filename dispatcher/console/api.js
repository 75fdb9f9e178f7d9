// The REST API of this process, asked with the key that the user has entered.
// The key lives in this tab's session storage and in the header of requests, never in an address.

const STORED = "pg_dialer.key";
const SCOPES = ["read", "plan", "admin"];
const PATIENCE_MS = 65_000;

/** What the API said no to; or that it did not answer. */
export class Refused extends Error {
  constructor(status, { message, code, details, hint, sqlstate }) {
    super(message);
    this.name = "Refused";
    Object.assign(this, { status, code, details, hint, sqlstate });
  }
}

/** Who is signed in: tenant, scope, clockRate; null: nobody. */
export let who = null;
let key = sessionStorage.getItem(STORED);
let whenOut = () => {};

export const may = (scope) => who !== null && SCOPES.indexOf(who.scope) >= SCOPES.indexOf(scope);
export const hasKey = () => key !== null;
export const onSignedOut = (tell) => { whenOut = tell; };

export async function signIn(entered) {
  // A header can hold no other letters, and no key has any.
  if (!/^[!-~]+$/.test(entered)) throw new Refused(401, { message: "this is no API key", hint: "Keys begin with pgd_ and have no spaces." });
  key = entered;
  try {
    who = await get("api/v1/key");
  } catch (error) {
    if (error.status === 401 || !sessionStorage.getItem(STORED)) signOut();
    throw error;
  }
  sessionStorage.setItem(STORED, key);
}

export const signInAgain = () => signIn(key);

export function signOut() {
  [key, who] = [null, null];
  sessionStorage.removeItem(STORED);
}

export function address(path, query) {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== "") asked.set(name, value);
  }
  const text = asked.toString();
  return text === "" ? path : `${path}?${text}`;
}

/** A path whose parts may be anything. */
export function path(strings, ...parts) {
  return String.raw({ raw: strings }, ...parts.map((part) => encodeURIComponent(part)));
}

export function get(where, query, signal) {
  return ask("GET", address(where, query), { signal });
}

export function patch(where, body) {
  return ask("PATCH", where, { body: JSON.stringify(body), type: "application/json" });
}

export function remove(where) {
  return ask("DELETE", where, {});
}

/** A list as a file; it is imported while we wait, however long that takes. */
export function upload(where, query, file, signal) {
  return ask("POST", address(where, query), { body: file, type: "text/csv", signal, patience: 3_600_000 });
}

/**
 * A request that may change something. Where no answer came, the same request sent again has the
 * same idempotency key, so that it is not done twice.
 */
const unanswered = new Map();
export async function post(where, body = {}) {
  const text = JSON.stringify(body);
  const same = where + " " + text;
  const once = unanswered.get(same) ?? token();
  unanswered.set(same, once);
  try {
    const data = await ask("POST", where, { body: text, type: "application/json", once });
    unanswered.delete(same);
    return data;
  } catch (error) {
    if (error.status > 0 && error.status < 500) unanswered.delete(same);
    throw error;
  }
}

/** Not randomUUID, which is there on secure pages only. */
export function token() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function ask(method, where, { body, type, once, signal, patience = PATIENCE_MS }) {
  const headers = { "X-API-Key": key ?? "" };
  if (type) headers["Content-Type"] = type;
  if (once) headers["Idempotency-Key"] = once;
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), patience);
  if (signal?.aborted) stop.abort();
  signal?.addEventListener("abort", () => stop.abort());
  try {
    const response = await fetch(new URL(where, document.baseURI), {
      method, headers, body, signal: stop.signal, cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer",
    });
    return await understood(response);
  } catch (error) {
    if (error instanceof Refused) throw error;
    if (signal?.aborted) throw new DOMException("left", "AbortError");
    throw new Refused(0, { message: "dialerd does not answer", hint: "Is it running, and is the network there?" + (method === "GET" ? "" : " It may have been done: look before you try again.") });
  } finally {
    clearTimeout(timer);
  }
}

async function understood(response) {
  let answer = null;
  try {
    answer = await response.json();
  } catch {
    // Something stands between: a proxy's own page.
  }
  if (answer?.success === true) return answer.data;
  const error = answer?.error ?? { message: `an answer that is not dialerd's (${response.status})` };
  const wait = response.headers.get("retry-after");
  if (wait && !error.hint) error.hint = `Ask again in ${wait} seconds.`;
  if (response.status === 401 && who !== null) {
    signOut();
    whenOut(error.message);
  }
  throw new Refused(response.status, error);
}
