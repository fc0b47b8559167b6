// Attempts as they come and end: from which number, how it was found, how it went, what it waits for.

import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { CALLS_MS } from "../cadence.js";
import { useData } from "../data.js";
import { useLive } from "../live.js";
import { Badge, Empty, Loaded, Lock, Table, Turn, link } from "../parts.js";
import { distance, when } from "../format.js";
import * as words from "../words.js";

const PAGE = 50;
const STATES = ["waiting", "placing", "placed", "unconfirmed", "ended"];
const OUTCOMES = "answered_human answered_unknown answered_machine no_answer busy rejected spam_blocked unreachable invalid_number caller_id_rejected carrier_failed provider_error ambiguous expired canceled rejected_request".split(" ");
const BLOCKERS = "in_line not_due outside_calling_hours contact_in_call sticky_number_busy tier_busy pacing connections_at_capacity campaign_at_capacity tenant_at_capacity campaign_paused tenant_paused no_eligible_number numbers_at_daily_cap carrier_backoff".split(" ");

/** A from-number that leads to the number's own page, with the lock where it is the contact's own. */
export const FromNumber = ({ of }) => of.number === null
  ? html`<span class="muted">none yet</span>`
  : html`<span class="from"><a href=${link("numbers", of.number)}>${of.from_number || of.number}</a>${of.locked && html`<${Lock} text=${of.lock_text} />`}</span>`;

export const Went = ({ of }) => of.outcome
  ? html`<${Badge} tone=${words.outcomeTone(of.outcome)}>${words.outcome(of.outcome)}<//>${of.reason && html` <small class="muted">${words.plain(of.reason)}</small>`}`
  : html`<${Badge} tone=${of.state === "placed" ? "info" : of.state === "unconfirmed" ? "warn" : "mute"}>${words.state(of.state)}<//>`;

const COLUMNS = [
  { title: "Received", cell: (one) => html`<time datetime=${one.received_at}>${when(one.received_at)}</time>` },
  { title: "Contact", cell: (one) => html`<span class="number">${one.contact || one.contact_masked}</span>${one.attempt_no > 1 && html` <small class="muted">attempt ${one.attempt_no}</small>`}` },
  { title: "From number", cell: (one) => html`<${FromNumber} of=${one} />` },
  { title: "Tier", hint: "How the number was found", cell: (one) => (one.tier ? html`<${Badge} tone=${one.tier === "sticky" ? "accent" : "mute"}>${words.tier(one.tier)}<//>` : html`<span class="muted">–</span>`) },
  { title: "Outcome", cell: (one) => html`<${Went} of=${one} />` },
  { title: "Waits for", cell: (one) => one.blocker
    ? html`${words.blocker(one.blocker)}${one.next_eligible_at && html`<br /><small class="muted" title=${when(one.next_eligible_at)}>next ${distance(one.next_eligible_at)}</small>`}`
    : html`<span class="muted">–</span>` },
  { title: "Why", cell: (one) => html`<a href=${`${link("explain", one.attempt_id)}?tenant=${encodeURIComponent(one.tenant)}`} aria-label=${`Explain attempt ${one.attempt_id}`}>Explain</a>` },
];

const Choice = ({ label, value, set, all, options, word }) => html`
  <label class="field"><span>${label}</span>
    <select value=${value} onChange=${(event) => set(event.target.value)}>
      <option value="">${all}</option>
      ${options.map((one) => html`<option value=${one}>${word(one)}</option>`)}
    </select>
  </label>`;

/** A text that counts once it is finished, so that half a number is not searched for. What is being typed stays. */
function Finished({ label, hint, value, set }) {
  const [draft, setDraft] = useState(value);
  const last = useRef(value);
  useEffect(() => {
    if (last.current === value) return; // what was typed before the first effect ran stays, too
    last.current = value;
    setDraft(value);
  }, [value]);
  return html`<label class="field"><span>${label}</span><input type="search" value=${draft} placeholder=${hint}
    onInput=${(event) => setDraft(event.target.value)} onChange=${(event) => set(event.target.value.trim())} /></label>`;
}

const NOTHING = { state: "", outcome: "", blocker: "", number: "", contact: "" };

export function Results({ name, query }) {
  const { overview } = useLive();
  const campaigns = (overview?.campaigns || []).map((one) => one.campaign);
  const campaign = name || campaigns[0];
  if (!campaign) return html`<h1>Results</h1>${overview ? html`<${Empty}>There is no campaign yet.<//>` : html`<p class="loading">Looking …</p>`}`;
  return html`<${Attempts} key=${campaign} campaign=${campaign} campaigns=${[...new Set([campaign, ...campaigns])].sort()} number=${query.get("number") || ""} />`;
}

function Attempts({ campaign, campaigns, number }) {
  const [filter, setFilter] = useState({ ...NOTHING, number });
  const [pages, setPages] = useState([]);
  const after = pages[pages.length - 1] || "";
  const of = useData("/attempts", { campaign, ...filter, limit: PAGE, after }, after ? 0 : CALLS_MS);
  const set = (key) => (value) => {
    setPages([]);
    setFilter((was) => ({ ...was, [key]: value }));
  };
  const filtered = Object.values(filter).some(Boolean);
  return html`
    <div class="row between"><h1>Results</h1><span class="muted">${after ? "an older page, which stands still" : "newest first, live"}</span></div>
    <div class="filters card">
      <label class="field"><span>Campaign</span>
        <select value=${campaign} onChange=${(event) => { location.hash = link("results", event.target.value); }}>
          ${campaigns.map((one) => html`<option value=${one}>${one}</option>`)}
        </select>
      </label>
      <${Choice} label="State" all="any" value=${filter.state} set=${set("state")} options=${STATES} word=${words.state} />
      <${Choice} label="Outcome" all="any" value=${filter.outcome} set=${set("outcome")} options=${OUTCOMES} word=${words.plain} />
      <${Choice} label="Waits for" all="anything" value=${filter.blocker} set=${set("blocker")} options=${BLOCKERS} word=${words.blocker} />
      <${Finished} label="From number" hint="name or +…" value=${filter.number} set=${set("number")} />
      <${Finished} label="Contact" hint="+12025550143" value=${filter.contact} set=${set("contact")} />
      ${filtered && html`<button type="button" onClick=${() => { setPages([]); setFilter(NOTHING); }}>Show all</button>`}
    </div>
    <${Loaded} of=${of}>${(data) => html`
      <div class="card flush">
        <${Table} label="Attempts" columns=${COLUMNS} rows=${data.attempts.map((one) => ({ ...one, key: one.attempt_id }))}
          empty=${filtered ? "No attempt is like that." : "No attempt yet: publish one, or outdial enqueue FILE."} />
      </div>
      <div class="row between pager">
        <${Turn} back="Newer" next="Older" pages=${pages} setPages=${setPages} after=${data.next_after} />
      </div>`}
    <//>`;
}
