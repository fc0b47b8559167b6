// What tenants and connections have in use and may have at once: seen, changed, paused.

import { html } from "../vendor/htm-preact.js";
import { ask, get, post, seg } from "../api.js";
import { CALLS_MS } from "../cadence.js";
import { useData } from "../data.js";
import { askFirst, notice } from "../dialog.js";
import { Badge, Card, Loaded, Meter, Table, link } from "../parts.js";
import { count, decimal, when } from "../format.js";
import * as words from "../words.js";
import { useWho } from "../who.js";

const KINDS = {
  connections: {
    one: "connection",
    paused: "No new call begins through it; numbers of other connections go on. Calls under way are not touched.",
    fields: (written) => [
      { name: "max_calls", label: "Calls at once", type: "number", value: written.max_calls ?? "", min: 0, step: 1, required: true, hint: "as the carrier's account allows; 0 = no new calls" },
      { name: "calls_per_second", label: "Start rate, calls per second", type: "number", value: written.calls_per_second ?? "", min: 0, step: "any", hint: "as the carrier's account allows; empty = unpaced" },
    ],
  },
  tenants: {
    one: "tenant",
    paused: "No new call begins in any of its campaigns. Calls under way are not touched, and what waits keeps its place.",
    fields: (written) => [
      { name: "max_calls", label: "Tenant cap: calls at once", type: "number", value: written.max_calls ?? "", min: 0, step: 1, hint: "over all its campaigns; empty = no cap, 0 = no new calls" },
    ],
  },
};

const figure = (text) => (String(text).trim() === "" ? null : Number(text));

async function change(kind, name, changed) {
  const path = `/${kind}/${seg(name)}`;
  try {
    const thing = await get(path);
    const fields = KINDS[kind].fields(thing.written);
    askFirst({
      title: `Change the limits of ${name}`, verb: "Save", fields, done: changed, said: "Saved. It holds from the next call on.",
      text: "Lowered below what is in use, it harms no call under way: new ones wait until enough have ended.",
      run: ({ why, ...values }) => {
        const body = Object.fromEntries(fields.filter((one) => figure(values[one.name]) !== figure(one.value)).map((one) => [one.name, figure(values[one.name])]));
        return ask("PATCH", path, { query: { why }, body, ifMatch: thing.etag });
      },
    });
  } catch (problem) {
    notice(problem.message);
  }
}

function Actions({ kind, name, paused, changed }) {
  const { one, paused: text } = KINDS[kind];
  const order = (action) => ({ why }) => post(`/${kind}/${seg(name)}/${action}`, { why });
  const pause = () => askFirst({ title: `Pause ${one} ${name}?`, verb: "Pause", text, said: `${name} is paused.`, done: changed, run: order("pause") });
  const resume = () => askFirst({ title: `Resume ${one} ${name}?`, verb: "Resume", text: "Calls begin again at once, as fast as its limits allow.", said: `${name} goes on.`, done: changed, run: order("resume") });
  return html`<div class="row tight">
    <button type="button" aria-label=${`Change the limits of ${name}`} onClick=${() => change(kind, name, changed)}>Change</button>
    <button type="button" aria-label=${`${paused ? "Resume" : "Pause"} ${name}`} onClick=${paused ? resume : pause}>${paused ? "Resume" : "Pause"}</button>
  </div>`;
}

const limit = (room) => (room.limit === null ? "no limit" : count(room.limit));
const left = (room) => (room.left === null ? "no limit" : count(room.left));

/** The columns that tenants and connections share. `room`: of a row; `cap`: what its limit is called. */
const use = (room, cap) => [
  { title: "In use", end: true, cell: (one) => count(room(one).in_use) },
  { title: cap, end: true, cell: (one) => limit(room(one)) },
  { title: "Available", end: true, hint: "How many calls could still begin", cell: (one) => left(room(one)) },
  { title: "Room", cell: (one) => html`<${Meter} value=${room(one).in_use} limit=${room(one).limit} label=${`In use of ${one.key}`} />` },
];

const CONNECTIONS = [
  { title: "Connection", cell: (one) => html`<strong>${one.connection}</strong><small class="under">${one.provider}</small>` },
  ...use((one) => one.room.room, "Limit"),
  { title: "State", cell: ({ room }) => html`<${Badge} tone=${room.state === "open" ? "good" : "warn"}>${words.connectionState(room.state)}<//>${room.until && html` <small class="muted">until ${when(room.until)}</small>`}` },
  { title: "Start rate", end: true, cell: ({ room }) => (room.calls_per_second === null ? "unpaced" : `${decimal(room.calls_per_second, 1)} /s`) },
  { title: "Numbers", end: true, hint: "Active ones: they share its limit", cell: ({ room }) => count(room.numbers) },
];

const TENANTS = [
  { title: "Tenant", cell: (one) => html`<strong>${one.tenant}</strong>` },
  ...use((one) => one.room, "Tenant cap"),
  { title: "State", cell: ({ room }) => html`<${Badge} tone=${room.paused || room.left === 0 ? "warn" : "good"}>${room.paused ? "paused" : room.left === 0 ? "full" : "open"}<//>` },
  { title: "Campaigns", end: true, cell: (one) => count(one.campaigns) },
  { title: "Numbers", end: true, hint: "Active ones", cell: (one) => count(one.numbers) },
  { title: "Suppressions", cell: (one) => html`<a href=${link("suppressions", one.tenant)} aria-label=${`Suppressions of ${one.tenant}`}>Show</a>` },
];

export function Limits() {
  const { may_change } = useWho();
  const of = useData("/limits", {}, CALLS_MS);
  const columns = (kind, shown, paused) => may_change
    ? [...shown, { title: "", cell: (one) => html`<${Actions} kind=${kind} name=${one.key} paused=${paused(one)} changed=${of.reload} />` }]
    : shown;
  return html`
    <h1>Limits</h1>
    <p class="muted">Calls at once. A call needs room on its connection, under the tenant cap and in its campaign; more numbers do not mean more room.</p>
    <${Loaded} of=${of}>${(data) => html`
      <${Card} title="Connections" aside=${`as of ${when(data.at)}`}>
        <${Table} label="Connections" columns=${columns("connections", CONNECTIONS, (one) => one.room.room.paused)} rows=${data.connections.map((one) => ({ ...one, key: one.connection }))} empty="No connection yet: outdial apply FILE adds some." />
      <//>
      <${Card} title="Tenants">
        <${Table} label="Tenants" columns=${columns("tenants", TENANTS, (one) => one.room.paused)} rows=${data.tenants.map((one) => ({ ...one, key: one.tenant }))} empty="No tenant yet: outdial apply FILE adds some." />
      <//>`}
    <//>`;
}
