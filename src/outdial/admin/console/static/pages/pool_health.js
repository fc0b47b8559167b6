// Number Pool Health: every number of a campaign's pool, and what to do about it.

import { html } from "../vendor/htm-preact.js";
import { get, post, seg } from "../api.js";
import { askFirst } from "../dialog.js";
import { Badge, Card, Interval, Meter, Spark, Status, Table, link } from "../parts.js";
import { count, decimal, many, percent } from "../format.js";
import { useWho } from "../who.js";

const WORTH_A_HINT = { pool_degrading: "bad", number_out: "warn", number_far_behind: "warn" };

export function PoolHealth({ of, changed, paging }) {
  const { may_change } = useWho();
  const aside = html`${of.last_day.rate !== null && html`<span>${percent(of.last_day.rate)} answered in 24 h</span>`}
    ${may_change && html`<button type="button" onClick=${() => add(of, changed)}>Add number</button>`}`;
  return html`
    <${Card} title="Number Pool Health" aside=${aside}>
      ${of.hints.map((one) => html`<p class="callout ${WORTH_A_HINT[one.code] || ""}">${one.text}</p>`)}
      <${Table} label="Number Pool Health" columns=${columns(of, may_change, changed)} rows=${of.numbers.map((one) => ({ ...one, key: one.number }))}
        rowClass=${(one) => (one.out ? "out" : "")} empty=${paging.find ? "No number of the pool is like that." : "The pool has no number."} />
      <${Pager} of=${of} ...${paging} />
      <p class="muted">Numbers that get answered more are dialled more. The bar is the range in which the true rate lies with 95 % certainty; the line in it marks the pool.</p>
    <//>`;
}

/** Only for pools that are larger than a page. */
function Pager({ of, find, pages, looked, setPages }) {
  if (!find && pages.length === 0 && !of.next_after) return null;
  return html`
    <div class="row between pager">
      <span class="row">
        <button type="button" disabled=${pages.length === 0} onClick=${() => setPages(pages.slice(0, -1))}>Numbers before</button>
        <button type="button" disabled=${!of.next_after} onClick=${() => setPages([...pages, of.next_after])}>Numbers after</button>
        <span class="muted">${count(of.numbers.length)} of ${many(of.pool_size, "number")}</span>
      </span>
      <input type="search" aria-label="Find in the pool" placeholder="name, digits, connection, status" value=${find} onChange=${(event) => looked(event.target.value.trim())} />
    </div>`;
}

function columns(of, may_change, changed) {
  const shown = [
    { title: "Number", cell: (one) => html`<a href=${link("numbers", one.number)}>${one.from_number}</a>${one.is_primary && html` <${Badge} tone="accent">primary<//>`}<small class="under">${one.number} · ${one.connection}</small>` },
    { title: "Status", cell: (one) => html`<${Status} code=${one.status} />${one.because && html`<small class="because">${one.because}</small>`}` },
    { title: "Attempts", end: true, hint: "Finished calls that count for its rate", cell: (one) => count(one.lifetime.attempts) },
    { title: "Answer rate", end: true, cell: (one) => html`<span class="rate">${percent(one.lifetime.rate)}<${Interval} rate=${one.lifetime} mark=${of.last_day.rate} /></span>` },
    { title: "Trend", hint: "Answer rate over the last day, three hours a bar", cell: (one) => html`<${Trend} of=${one} />` },
    { title: "Weight", end: true, hint: "1.00 = fair share of the draw", cell: (one) => decimal(one.weight) },
    { title: "Share", end: true, hint: "Of a draw among the whole pool", cell: (one) => percent(one.share) },
    { title: "Calls in 24 h", end: true, hint: "Of the number's budget; over all campaigns", cell: (one) => html`<${Volume} of=${one} />` },
    { title: "Sticky contacts", end: true, cell: (one) => count(one.sticky_contacts) },
  ];
  return may_change ? [...shown, { title: "", cell: (one) => html`<${Actions} of=${one} changed=${changed} />` }] : shown;
}

function Volume({ of }) {
  const most = of.max_calls_24h || of.budget_24h;
  return html`<span class="rate">${count(of.calls_24h)}${most > 0 && html`<small class="muted"> / ${count(most)}</small><${Meter} value=${of.calls_24h} limit=${most} label=${`Calls in 24 h of ${of.number}`} />`}</span>`;
}

function Trend({ of }) {
  const rates = of.trend.map((one) => one.rate);
  if (rates.every((rate) => rate === null)) return html`<span class="muted">–</span>`;
  const said = rates.map((rate) => (rate === null ? "none" : percent(rate))).join(", ");
  return html`<${Spark} values=${rates} top=${1} label=${`Answer rate over the last day: ${said}`} />`;
}

const members = (of) => `/campaigns/${seg(of.campaign)}/members`;

/** What a change of the pool means, in sentences. */
function follows(change) {
  const lost = Object.values(change.sticky_voided).reduce((sum, held) => sum + held, 0);
  return [
    change.changes.length === 0 ? "It is so already: nothing changes." : null,
    lost > 0 ? `${many(lost, "contact")} lose their number; the next one that reaches them will stick.` : null,
  ].filter(Boolean);
}

function change(of, spec, body) {
  askFirst({
    ...spec,
    consequences: async () => [...(spec.always || []), ...follows(await post(members(of), { ...body({}), why: "looking", dry_run: true }))],
    run: ({ why, ...values }) => post(members(of), { ...body(values), why }),
  });
}

function Actions({ of, changed }) {
  const paused = of.status === "paused";
  const pause = () => change(of, {
    title: `${paused ? "Resume" : "Pause"} ${of.from_number} in ${of.campaign}?`, verb: paused ? "Resume" : "Pause", done: changed, said: "Done.",
    always: [paused ? "It is drawn again here, unless it is paused as a whole." : "It is not drawn in this campaign; its contacts are called from others meanwhile."],
  }, () => ({ put: { [of.number]: { paused: !paused } } }));
  const narrow = () => change(of, {
    title: `Narrow ${of.from_number} in ${of.campaign}`, verb: "Narrow", done: changed, said: "Its weight is changed.",
    text: "Its share of the draw is multiplied with this. Contacts that stick to it are not concerned.",
    fields: [{ name: "weight", label: "Base weight", type: "number", value: String(of.base_weight), min: 0, max: 1000, step: "any", hint: "1 = as its answer rate says; 0.2 = a fifth; 0 = only as primary or sticky" }],
  }, ({ weight }) => ({ put: { [of.number]: { base_weight: Number(weight ?? of.base_weight) } } }));
  const remove = () => change(of, {
    title: `Take ${of.from_number} out of ${of.campaign}?`, verb: "Take out", danger: true, done: changed, said: "It is out of the pool.",
    always: of.is_primary ? ["It is the primary: choose another one first."] : ["It stays in its other campaigns."],
  }, () => ({ remove: [of.number] }));
  return html`<details class="menu">
    <summary aria-label=${`Change ${of.from_number}`}>Change</summary>
    <div>
      <button type="button" onClick=${pause}>${paused ? "Resume here" : "Pause here"}</button>
      <button type="button" onClick=${narrow}>Narrow …</button>
      <button type="button" class="danger" onClick=${remove}>Take out</button>
    </div>
  </details>`;
}

/** A replacement: one of the tenant's numbers that is not in the pool yet. */
async function add(of, changed) {
  const [{ written }, { things }] = await Promise.all([get(`/campaigns/${seg(of.campaign)}`), get("/numbers")]);
  const inside = new Set(written.pool.map((one) => one.number ?? one));
  const free = things.filter((one) => one.written.tenant === of.tenant && !inside.has(one.name) && (one.written.state || "active") === "active");
  const title = `Add a number to the pool of ${of.campaign}`;
  if (free.length === 0) {
    askFirst({ title, verb: "Add number", consequences: async () => [`All active numbers of ${of.tenant} are in it already: the catalogue needs a new one first.`], run: async () => {
      throw new Error("There is no number to add.");
    } });
    return;
  }
  askFirst({
    title, verb: "Add number", done: changed, said: "It is in the pool, and warms up first.",
    text: "Contacts that have a number keep it; new ones may draw this one.",
    fields: [
      { name: "number", label: "Number", value: free[0].name, options: free.map((one) => ({ value: one.name, label: `${one.written.e164} (${one.name}, ${one.written.connection})` })) },
      { name: "weight", label: "Base weight", type: "number", value: "1", min: 0, max: 1000, step: "any" },
    ],
    run: ({ number, weight, why }) => post(members(of), { put: { [number]: { base_weight: Number(weight) } }, why }),
  });
}
