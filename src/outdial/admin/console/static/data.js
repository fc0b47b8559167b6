// What a page asks for, asked again while somebody looks at it.

import { useEffect, useRef, useState } from "./vendor/htm-preact.js";
import { get } from "./api.js";

/**
 * The answer of a path: `{data, problem, reload}`. `everyMs` 0 = once. What was there stays while it is asked again;
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
    const look = async () => {
      clearTimeout(timer);
      try {
        const data = await get(path, query, gone.signal);
        setState({ key, data, problem: null });
      } catch (problem) {
        if (gone.signal.aborted) return;
        setState((was) => ({ key, data: was.key === key ? was.data : null, problem }));
      }
      if (everyMs && !gone.signal.aborted) timer = setTimeout(next, everyMs);
    };
    const next = () => (document.hidden ? (timer = setTimeout(next, everyMs)) : look());
    again.current = look;
    look();
    return () => {
      gone.abort();
      clearTimeout(timer);
    };
  }, [key, everyMs]);

  const fresh = state.key === key ? state : { data: null, problem: null };
  return { data: fresh.data, problem: fresh.problem, reload: () => again.current() };
}
