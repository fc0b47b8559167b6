// What a page asks for, asked again while somebody looks at it.

import { useEffect, useRef, useState } from "./vendor/htm-preact.js";
import { get } from "./api.js";

/** Until an answer says how often it is worth asking for. */
const RETRY_MS = 5000;

/** What is found for the contact that somebody looks up: as `useData`, with `contact` (null before) and `look(contact)`. */
export function useContact(path) {
  const [contact, setContact] = useState(null);
  const of = useData(contact === null ? null : path, { contact });
  return { ...of, contact, look: (wanted) => (wanted === contact ? of.reload() : setContact(wanted)) };
}

/**
 * The answer of a path: `{data, problem, reload}`. `everyMs`: asked again so often, 0 = once; or a function of the answer
 * that says so. What was there stays while it is asked again;
 * of two answers under way the later question wins. `path` null = nothing to ask yet.
 */
export function useData(path, query = {}, everyMs = 0) {
  const key = path === null ? null : JSON.stringify([path, query]);
  const [state, setState] = useState({ key: null, data: null, problem: null });
  const again = useRef(() => {});

  useEffect(() => {
    if (key === null) return undefined;
    const gone = new AbortController();
    let timer = null;
    let every = typeof everyMs === "function" ? RETRY_MS : everyMs;
    const look = async () => {
      clearTimeout(timer);
      try {
        const data = await get(path, query, gone.signal);
        if (typeof everyMs === "function") every = everyMs(data);
        setState({ key, data, problem: null });
      } catch (problem) {
        if (gone.signal.aborted) return;
        setState((was) => ({ key, data: was.key === key ? was.data : null, problem }));
      }
      if (every && !gone.signal.aborted) timer = setTimeout(next, every);
    };
    const next = () => (document.hidden ? (timer = setTimeout(next, every)) : look());
    again.current = look;
    look();
    return () => {
      gone.abort();
      clearTimeout(timer);
    };
  }, [key, typeof everyMs === "function" ? 0 : everyMs]);

  const fresh = state.key === key ? state : { data: null, problem: null };
  return { data: fresh.data, problem: fresh.problem, reload: () => again.current() };
}
