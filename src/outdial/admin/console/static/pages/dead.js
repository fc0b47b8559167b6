// Messages that could not be understood: why, what they hold, once more, or given up.

import { html, useState } from "../vendor/htm-preact.js";
import { post } from "../api.js";
import { STORY_MS } from "../cadence.js";
import { useData } from "../data.js";
import { askFirst } from "../dialog.js";
import { Card, Facts, Loaded, Table, Turn } from "../parts.js";
import { count, many, when } from "../format.js";
import * as words from "../words.js";
import { useWho } from "../who.js";

const PAGE = 50;

function pretty(payload) {
  try {
    return JSON.stringify(JSON.parse(payload), null, 2);
  } catch {
    return payload;
  }
}

function Letter({ id, gone }) {
  const { may_change } = useWho();
  const of = useData(`/dead-letters/${id}`);
  const ask = (title, verb, text, action, said, danger) => askFirst({
    title, verb, text, said, danger, done: gone,
    run: ({ why }) => post(`/dead-letters/${action}`, { letters: [id], why }),
  });
  return html`<${Card} title=${`Dead letter ${id}`} id="letter">
    <${Loaded} of=${of}>${({ line, payload, headers }) => html`
      <p class="callout bad"><strong>${words.plain(line.reason)}</strong>${line.field && html` in <code>${line.field}</code>`}</p>
      <${Facts} of=${[["Received", when(line.received_at)], ["Tenant", line.tenant || "–"], ["Queue", line.queue], ["Message", line.message_id || "–"], ["Type", line.message_type || "–"], ["Size", `${count(line.size)} bytes`], line.replayed_at && ["Replayed", when(line.replayed_at)]]} />
      <h3>Payload</h3>
      <pre tabindex="0">${pretty(payload)}</pre>
      ${Object.keys(headers).length > 0 && html`<h3>Headers</h3><pre tabindex="0">${JSON.stringify(headers, null, 2)}</pre>`}
      ${may_change && html`<div class="row actions">
        <button type="button" class="primary" onClick=${() => ask(`Replay dead letter ${id}?`, "Replay", "It is published again as it stands. If what was wrong is still wrong, it comes back here.", "replay", "Published again.")}>Replay</button>
        <button type="button" class="danger" onClick=${() => ask(`Discard dead letter ${id}?`, "Discard", "It is given up for good; what it asked for is never done.", "discard", "Discarded.", true)}>Discard</button>
      </div>`}`}
    <//>
  <//>`;
}

export function DeadLetters() {
  const { may_change } = useWho();
  const [pages, setPages] = useState([]);
  const [shown, setShown] = useState(null);
  const [replayed, setReplayed] = useState(false);
  const after = pages[pages.length - 1] || "";
  const of = useData("/dead-letters", { limit: PAGE, after, replayed }, STORY_MS);
  const gone = () => {
    setShown(null);
    of.reload();
  };
  const columns = [
    { title: "Received", cell: (one) => when(one.received_at) },
    { title: "Reason", cell: (one) => html`<strong>${words.plain(one.reason)}</strong>` },
    { title: "Field", cell: (one) => html`<code>${one.field || "–"}</code>` },
    { title: "Tenant", cell: (one) => one.tenant || "–" },
    { title: "Size", end: true, cell: (one) => `${count(one.size)} B` },
    { title: "", cell: (one) => html`<button type="button" aria-pressed=${shown === one.letter} aria-label=${`Show dead letter ${one.letter}`} onClick=${() => setShown(one.letter)}>Show</button>` },
  ];
  const replayAll = (letters) => askFirst({
    title: `Replay ${many(letters.length, "dead letter")}?`, verb: "Replay all",
    text: "All of this page are published again as they stand. Those in which the same is still wrong come back.",
    said: "Published again.", done: gone,
    run: ({ why }) => post("/dead-letters/replay", { letters, why }),
  });
  return html`
    <div class="row between"><h1>Dead letters</h1>
      <label class="check"><input type="checkbox" checked=${replayed} onChange=${(event) => setReplayed(event.target.checked)} /> <span>replayed ones, too</span></label></div>
    <p class="muted">Messages that could not be understood. Nothing of them was dialled, and nothing is lost.</p>
    <${Loaded} of=${of}>${({ letters, next_after }) => html`
      <div class="card flush"><${Table} label="Dead letters" columns=${columns} rows=${letters.map((one) => ({ ...one, key: one.letter }))} rowClass=${(one) => (one.letter === shown ? "chosen" : "")} empty="None: every message was understood." /></div>
      <div class="row between pager">
        <span class="row"><${Turn} back="Earlier" next="Later" pages=${pages} setPages=${setPages} after=${next_after} /></span>
        ${may_change && letters.length > 1 && html`<button type="button" onClick=${() => replayAll(letters.filter((one) => !one.replayed_at).map((one) => one.letter))}>Replay all of this page</button>`}
      </div>`}
    <//>
    ${shown !== null && html`<${Letter} key=${shown} id=${shown} gone=${gone} />`}`;
}
