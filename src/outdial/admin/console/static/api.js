// Asks the admin API with the token that somebody pasted. The token lives in this tab only, and is forgotten with it.

const KEPT_AS = "outdial.token";
const listeners = new Set();

export class Problem extends Error {
  /** A problem document (RFC 9457) as an error. `fields`: what is wrong with which field, and the cure. */
  constructor(status, body) {
    super(body.detail || body.title || `the request failed with status ${status}`);
    this.status = status;
    this.code = body.code || "error";
    this.fields = body.errors || [];
  }
}

export const token = () => sessionStorage.getItem(KEPT_AS) || "";

export function signIn(value) {
  sessionStorage.setItem(KEPT_AS, value);
}

/** Forget the token. `why`: shown on the page that asks for another one. */
export function signOut(why = "") {
  sessionStorage.removeItem(KEPT_AS);
  listeners.forEach((tell) => tell(why));
}

/** Call `tell` with the reason whenever the token is forgotten. Returns how to stop that. */
export function onSignedOut(tell) {
  listeners.add(tell);
  return () => listeners.delete(tell);
}

function address(path, query) {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query || {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== "" && one !== null && one !== undefined) asked.append(name, one);
    }
  }
  const text = asked.toString();
  return `/api/v1${path}${text ? `?${text}` : ""}`;
}

/** One request; what it answers as JSON. Throws `Problem`, also when nobody answers. */
export async function ask(method, path, { query, body, ifMatch, signal } = {}) {
  const response = await open(method, path, { query, body, ifMatch, signal });
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

/** The same, for who reads the body piece by piece. */
export async function open(method, path, { query, body, ifMatch, signal } = {}) {
  const headers = { Authorization: `Bearer ${token()}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (ifMatch) headers["If-Match"] = `"${ifMatch}"`;
  const sent = body === undefined ? undefined : JSON.stringify(body);
  let response;
  try {
    response = await fetch(address(path, query), { method, headers, body: sent, signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { code: "unreachable", detail: "outdial does not answer: is the replica running?" });
  }
  if (response.ok) return response;
  const problem = new Problem(response.status, await response.json().catch(() => ({})));
  if (response.status === 401 && token()) signOut("This token is not known, or not any more. Paste one that is.");
  throw problem;
}

export const get = (path, query, signal) => ask("GET", path, { query, signal });
export const post = (path, body) => ask("POST", path, { body });

/** A part of a path, safe whatever somebody called a thing. */
export const seg = (name) => encodeURIComponent(name);
