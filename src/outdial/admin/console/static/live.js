// How things stand, told by the server as it changes. EventSource cannot send a token, so the stream is read by hand.

import { useEffect, useState } from "./vendor/htm-preact.js";
import { open, token } from "./api.js";

const RETRY_MS = [500, 1000, 2000, 5000, 10000];
/** The server says something at least every 15 s; a stream that is silent for longer is dead. */
const SILENT_MS = 40000;

const told = { overview: null, trouble: null, connected: false };
const watchers = new Set();
let stop = null;

function tell(change) {
  Object.assign(told, change);
  watchers.forEach((watch) => watch({ ...told }));
}

async function read(signal, alive) {
  const response = await open("GET", "/stream", { signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    alive();
    text += value;
    const messages = text.split("\n\n");
    text = messages.pop();
    messages.forEach(hear);
  }
}

function hear(message) {
  const lines = message.split("\n");
  const name = lines.find((line) => line.startsWith("event: "))?.slice(7);
  const data = lines.find((line) => line.startsWith("data: "))?.slice(6);
  if (name === "overview") tell({ overview: JSON.parse(data), trouble: null, connected: true });
  if (name === "trouble") tell({ trouble: JSON.parse(data).code, connected: true });
}

async function follow(gone) {
  for (let failures = 0; !gone.aborted && token(); failures += 1) {
    const one = new AbortController();
    gone.addEventListener("abort", () => one.abort(), { once: true });
    let silent = setTimeout(() => one.abort(), SILENT_MS);
    const alive = () => {
      failures = 0;
      clearTimeout(silent);
      silent = setTimeout(() => one.abort(), SILENT_MS);
    };
    try {
      await read(one.signal, alive);
    } catch (error) {
      if (error.status === 429 || error.status === 503) failures += 2;
      if (error.status === 429) tell({ trouble: error.code });
    }
    clearTimeout(silent);
    if (gone.aborted) return;
    tell({ connected: false });
    await new Promise((resume) => setTimeout(resume, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]));
  }
}

function begin() {
  const going = new AbortController();
  follow(going.signal);
  return () => going.abort();
}

/** Nobody looks at a hidden tab: the stream ends, and begins anew when somebody does. */
function mind() {
  stop?.();
  stop = !document.hidden && token() ? begin() : null;
}

/** Begin to watch for as long as somebody is signed in. Returns how to end it. */
export function watchLive() {
  mind();
  document.addEventListener("visibilitychange", mind);
  return () => {
    document.removeEventListener("visibilitychange", mind);
    stop?.();
    stop = null;
    tell({ overview: null, trouble: null, connected: false });
  };
}

/** The latest: `overview`, `trouble` (a code), `connected`. */
export function useLive() {
  const [latest, setLatest] = useState({ ...told });
  useEffect(() => {
    watchers.add(setLatest);
    setLatest({ ...told });
    return () => watchers.delete(setLatest);
  }, []);
  return latest;
}
