// A campaign: its number pool, what limits it, how its numbers fare.

import { html, useState } from "../vendor/htm-preact.js";
import { post, seg } from "../api.js";
import { CALLS_MS, HEALTH_MS } from "../cadence.js";
import { useData } from "../data.js";
import { askFirst } from "../dialog.js";
import { Badge, Card, Facts, Loaded, Meter, Speedometer, Table, link } from "../parts.js";
import { count, decimal, duration, many, when } from "../format.js";
import * as words from "../words.js";
import { useWho } from "../who.js";
import { Blockers } from "./overview.js";
import { PoolHealth } from "./pool_health.js";
import { Settings } from "./settings.js";

/** Numbers of the pool at once: more than fit a screen, and few enough to be drawn at once. */
const POOL_PAGE = 100;

export function Campaign({ name }) {
  const path = `/campaigns/${seg(name)}`;
  const thing = useData(path);
  const capacity = useData(`${path}/capacity`, {}, CALLS_MS);
  const [find, setFind] = useState("");
  const [pages, setPages] = useState([]);
  const health = useData(`${path}/health`, { limit: POOL_PAGE, after: pages[pages.length - 1] || "", find }, HEALTH_MS);
  const looked = (wanted) => {
    setPages([]);
    setFind(wanted);
  };
  const changed = () => [thing, capacity, health].forEach((one) => one.reload());
  return html`<${Loaded} of=${thing}>${(data) => html`
    <${Head} of=${data} changed=${changed} />
    <${Loaded} of=${capacity}>${(now) => html`
      ${now.waiting.length > 0 && html`<${Card} title="Why it is not dialling more"><${Blockers} waiting=${now.waiting} /><//>`}
      <${Capacity} of=${now} />`}
    <//>
    <${Loaded} of=${health}>${(now) => html`<${PoolHealth} of=${now} changed=${changed} paging=${{ find, looked, pages, setPages }} />`}<//>
    <${Settings} of=${data} changed=${changed} />`}
  <//>`;
}

function Head({ of, changed }) {
  const { may_change } = useWho();
  const path = `/campaigns/${seg(of.name)}`;
  const paused = of.effective.paused;
  const pause = () => askFirst({
    title: `Pause ${of.name}?`, verb: "Pause", done: changed, said: `${of.name} is paused.`,
    text: "No new call begins. Calls under way go on, and what waits keeps its place.",
    run: ({ why }) => post(`${path}/pause`, { why }),
  });
  const resume = () => askFirst({
    title: `Resume ${of.name}?`, verb: "Resume", done: changed, said: `${of.name} dials again.`,
    text: "It dials again at once, as fast as its capacity allows.",
    run: ({ why }) => post(`${path}/resume`, { why }),
  });
  let agreed = 0;
  const clear = () => askFirst({
    title: `Clear all sticky assignments of ${of.name}?`, verb: "Clear all", danger: true, done: changed, said: "All contacts start afresh.",
    consequences: async () => {
      agreed = (await post(`${path}/sticky/clear-all`, { why: "looking", dry_run: true })).count;
      return [`${many(agreed, "contact")} lose their number. The next number that reaches them will stick. This cannot be taken back.`];
    },
    run: ({ why }) => post(`${path}/sticky/clear-all`, { why, count: agreed }),
  });
  return html`
    <div class="row between">
      <div><h1>${of.name}</h1><p class="muted">${of.written.tenant}${paused ? "" : " · "}${!paused && html`<a href=${link("results", of.name)}>Results</a> · <a href=${`#/explain?campaign=${encodeURIComponent(of.name)}`}>Dry run</a>`}</p></div>
      <div class="row actions">
        ${paused && html`<${Badge} tone="warn">paused<//>`}
        ${may_change && html`
          ${paused ? html`<button type="button" class="primary" onClick=${resume}>Resume</button>` : html`<button type="button" onClick=${pause}>Pause</button>`}
          <button type="button" class="danger" onClick=${clear}>Clear sticky</button>`}
      </div>
    </div>`;
}

const limit = (room) => (room.paused ? "paused" : room.limit === null ? "no limit" : count(room.limit));
const left = (room) => (room.left === null ? "no limit" : count(room.left));

const CONNECTIONS = [
  { title: "Connection", cell: (one) => one.connection },
  { title: "In use", end: true, cell: (one) => count(one.room.in_use) },
  { title: "Limit", end: true, cell: (one) => limit(one.room) },
  { title: "Available", end: true, hint: "How many calls could still begin", cell: (one) => left(one.room) },
  { title: "Room", cell: (one) => html`<${Meter} value=${one.room.in_use} limit=${one.room.limit} label=${`In use of ${one.connection}`} />` },
  { title: "State", cell: (one) => html`<${Badge} tone=${one.state === "open" ? "good" : "warn"}>${words.connectionState(one.state)}<//>${one.until && html` <small class="muted">until ${when(one.until)}</small>`}` },
  { title: "Start rate", end: true, cell: (one) => (one.calls_per_second === null ? "unpaced" : `${decimal(one.calls_per_second, 1)} /s`) },
  { title: "Numbers", end: true, cell: (one) => count(one.numbers) },
];

function Capacity({ of }) {
  const { capacity } = of;
  const none = (value) => (value === null ? "no limit" : count(value));
  return html`
    <${Card} title="Pool capacity breakdown" aside=${`as of ${when(of.at)}`}>
      <div class="gauge wide">
        <${Speedometer} inUse=${capacity.campaign.in_use} ceiling=${capacity.ceiling} label="Calls under way of the pool ceiling" />
        <${Facts} of=${[
          ["Pool ceiling", none(capacity.ceiling), "The most calls at once that the pool can run right now"],
          ["Set by", capacity.binds.map(words.binding).join(", ") || "nothing"],
          ["Free now", none(capacity.free_now), "With what others use at this moment"],
          ["Raw pool capacity", none(capacity.raw), "The sum over the connections of its numbers"],
          ["Tenant cap", `${limit(capacity.tenant)}${capacity.tenant.limit === null ? "" : `, ${left(capacity.tenant)} left`}`],
          ["The campaign's own limit", limit(capacity.campaign)],
          ["Calls can begin", of.starts_per_second === null ? "as fast as they come" : `${decimal(of.starts_per_second, 1)} per second`],
          ["Time to drain", of.backlog === 0 ? "nothing waits" : `${of.drain_s === null ? "cannot be said" : duration(of.drain_s)} for ${count(of.backlog)}`],
        ]} />
      </div>
      <h3>Per-connection availability</h3>
      <${Table} label="Per-connection availability" columns=${CONNECTIONS} rows=${capacity.connections.map((one) => ({ ...one, key: one.connection }))} empty="No number of the pool may call, so no connection can carry anything." />
      <p class="muted">More numbers are not more calls at once: numbers of one connection share its limit.</p>
    <//>`;
}
