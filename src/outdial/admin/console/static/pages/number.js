// A number across its campaigns, and the list of all numbers.

import { html, useState } from "../vendor/htm-preact.js";
import { post, seg } from "../api.js";
import { HEALTH_MS } from "../cadence.js";
import { useData } from "../data.js";
import { askFirst } from "../dialog.js";
import { Badge, Card, Empty, Facts, Interval, Loaded, Spark, Status, Table, link } from "../parts.js";
import { count, decimal, many, percent, when } from "../format.js";
import { useWho } from "../who.js";

const LIST = [
  { title: "Number", cell: (one) => html`<a href=${link("numbers", one.name)}>${one.written.e164}</a>` },
  { title: "Name", cell: (one) => one.name },
  { title: "Status", cell: (one) => html`<${Status} code=${one.written.paused ? "paused" : one.written.state || "active"} />` },
  { title: "Connection", cell: (one) => one.written.connection },
  { title: "Tenant", cell: (one) => one.written.tenant },
];
const MOST = 200;

export function Numbers() {
  const [wanted, setWanted] = useState("");
  const of = useData("/numbers");
  return html`
    <div class="row between"><h1>Numbers</h1>
      <input type="search" aria-label="Find a number" placeholder="Find a number" value=${wanted} onInput=${(event) => setWanted(event.target.value)} /></div>
    <${Loaded} of=${of}>${({ things }) => {
      const found = things.filter((one) => JSON.stringify([one.name, one.written]).toLowerCase().includes(wanted.trim().toLowerCase()));
      return html`
        <div class="card flush"><${Table} label="Numbers" columns=${LIST} rows=${found.slice(0, MOST).map((one) => ({ ...one, key: one.name }))} empty=${wanted ? "No number is like that." : "No number yet: outdial apply FILE adds some."} /></div>
        ${found.length > MOST && html`<p class="muted">${count(found.length - MOST)} more: find them by name, digits, tenant or connection.</p>`}`;
    }}<//>`;
}

const HEALTH = [
  { title: "Campaign", cell: (one) => html`<a href=${link("campaigns", one.campaign)}>${one.campaign}</a>${one.is_primary && html` <${Badge} tone="accent">primary<//>`}` },
  { title: "Pool Status", cell: (one) => html`<${Status} code=${one.status} />${one.because && html`<small class="because">${one.because}</small>`}` },
  { title: "Attempts", end: true, hint: "Finished calls that count for its rate", cell: (one) => count(one.lifetime.attempts) },
  { title: "Answer rate", end: true, cell: (one) => html`<span class="rate">${percent(one.lifetime.rate)}<${Interval} rate=${one.lifetime} /></span>` },
  { title: "Last 24 h", end: true, cell: (one) => percent(one.last_day.rate) },
  { title: "Weight", end: true, hint: "1.00 = fair share of the draw", cell: (one) => decimal(one.weight) },
  { title: "Sticky contacts", end: true, cell: (one) => count(one.sticky_contacts) },
  { title: "Last used", cell: (one) => when(one.last_used_at) },
];

const REPORTS = [
  { title: "Source", cell: (one) => one.source },
  { title: "Score", end: true, cell: (one) => decimal(one.score) },
  { title: "Why", cell: (one) => one.why },
  { title: "Reported", cell: (one) => when(one.reported_at) },
];

/** What taking it out of use means, in sentences. */
function consequences(change) {
  const contacts = Object.entries(change.contacts);
  const total = contacts.reduce((sum, [, held]) => sum + held, 0);
  const where = contacts.map(([campaign, held]) => `${count(held)} in ${campaign}`).join(", ");
  return [
    change.before === change.after && `It is ${change.after} already: nothing changes.`,
    total > 0 && (change.voided
      ? `${many(total, "contact")} lose their number for good (${where}). The next number that reaches them will stick.`
      : `${many(total, "contact")} are called from other numbers meanwhile (${where}); their assignments wait for it.`),
    total === 0 && "No contact sticks to it.",
    change.primary_of.length > 0 && `It is the primary of ${change.primary_of.join(", ")}: the last fallback is missing there.`,
    change.last_of.length > 0 && `${change.last_of.join(", ")} will have no active number left, and stops dialling.`,
    change.after === "released" && "Released means given back to the carrier: somebody else may get it. This cannot be taken back here.",
  ].filter(Boolean);
}

function askState(name, state, title, verb, danger, done) {
  const change = (why, dry_run) => post(`/numbers/${seg(name)}/state`, { state, why, dry_run });
  askFirst({
    title, verb, danger, done,
    consequences: async () => consequences(await change("looking", true)),
    run: ({ why }) => change(why, false),
    said: `${name} is ${state}.`,
  });
}

function Actions({ of, reload }) {
  const { may_change } = useWho();
  if (!may_change) return null;
  const path = `/numbers/${seg(of.number)}`;
  const { standing } = of;
  const out = ["inactive", "released"].includes(standing.status);
  const paused = standing.out === "paused";
  const ask = (title, verb, text, action, said, fields, body = () => ({})) => askFirst({
    title, verb, text, said, fields, done: reload,
    run: ({ why, ...values }) => post(`${path}/${action}`, { why, ...body(values) }),
  });
  return html`<div class="row actions">
    ${!out && (paused
      ? html`<button type="button" onClick=${() => ask(`Resume ${of.number}?`, "Resume", "It is drawn again in all its campaigns.", "resume", `${of.number} may call again.`)}>Resume</button>`
      : html`<button type="button" onClick=${() => ask(`Pause ${of.number}?`, "Pause", "No new call begins from it, in any campaign. Calls under way go on; contacts that stick to it are called from others meanwhile.", "pause", `${of.number} is paused.`)}>Pause</button>`)}
    <button type="button" onClick=${() => ask(`Flag ${of.number} as spam?`, "Flag", "From the platform's threshold (0.75) on it never enters a pick, until somebody takes the flag back.", "flag", "Noted.", [
      { name: "score", label: "Spam score", type: "number", value: "1", min: 0, max: 1, step: 0.01, hint: "0 = clean, 1 = flagged" },
      { name: "source", label: "Source", value: "operator", hint: "who says so; each source has one score" },
    ], ({ score, source }) => ({ score: Number(score), source }))}>Flag as spam</button>
    ${standing.spam_score > 0 && html`<button type="button" onClick=${() => ask(`Forget the spam scores of ${of.number}?`, "Forget them", "Everything that was reported of it, and its own score.", "unflag", "Forgotten.")}>Take flag back</button>`}
    ${(standing.carrier_rejected_at || standing.failing_since) && html`<button type="button" onClick=${() => ask(`Try ${of.number} again?`, "Clear", "What its carrier refused is forgotten: it enters the next pick.", "clear", "Cleared.")}>Clear the carrier's refusals</button>`}
    ${standing.status === "inactive" && html`<button type="button" onClick=${() => askState(of.number, "active", `Activate ${of.number}?`, "Activate", false, reload)}>Activate</button>`}
    ${!out && html`<button type="button" onClick=${() => askState(of.number, "inactive", `Deactivate ${of.number}?`, "Deactivate", true, reload)}>Deactivate</button>`}
    ${standing.status !== "released" && html`<button type="button" class="danger" onClick=${() => askState(of.number, "released", `Release number ${of.number}?`, "Release number", true, reload)}>Release number</button>`}
  </div>`;
}

/** Dials of each of the last 24 hours, the oldest first. */
function byHour({ at, hours }) {
  const now = Math.floor(new Date(at).getTime() / 3600000);
  const dials = new Array(24).fill(0);
  for (const one of hours) {
    const ago = now - Math.floor(new Date(one.hour_at).getTime() / 3600000);
    if (ago >= 0 && ago < 24) dials[23 - ago] = one.dials;
  }
  return dials;
}

export function NumberDetail({ name }) {
  const of = useData(`/numbers/${seg(name)}/health`, {}, HEALTH_MS);
  return html`<${Loaded} of=${of}>${(data) => html`<${Page} of=${data} reload=${of.reload} />`}<//>`;
}

function Page({ of, reload }) {
  const { standing } = of;
  const flagged = standing.out === "spam_flagged";
  return html`
    <div class="row between">
      <div><h1 class="number">${of.from_number}</h1><p class="muted">${of.number} · ${of.tenant} · through ${of.connection} (${of.provider})</p></div>
      <${Status} code=${standing.status} />
    </div>
    ${standing.because && html`<p class="callout ${flagged ? "bad" : "warn"}">It is in no draw: ${standing.because}.</p>`}
    <${Actions} of=${of} reload=${reload} />
    <${Card} title="Campaign Health">
      <${Table} label="Campaign Health" columns=${HEALTH} rows=${of.campaigns.map((one) => ({ ...one, key: one.campaign }))} empty="It is in no campaign's number pool." />
    <//>
    <div class="halves">
      <${Card} title="Spam score" aside=${html`<strong class=${flagged ? "bad" : ""}>${decimal(standing.spam_score)}</strong> of 1`}>
        <p class="muted">Own score ${decimal(standing.own_score)}: from contacts whose networks blocked its calls; it halves every 7 days. What others report stays until it is taken back.</p>
        <${Table} label="Reports" columns=${REPORTS} rows=${standing.reports.map((one) => ({ ...one, key: one.source }))} empty="Nobody has reported it." />
      <//>
      <${Card} title="Volume and reach">
        <${Spark} values=${byHour(of)} label=${`Calls per hour over the last day, ${count(of.calls_24h)} in all`} />
        <${Facts} of=${[
          ["Calls in 24 h", html`${count(of.calls_24h)}${of.max_calls_24h > 0 && html` of at most ${count(of.max_calls_24h)}`}`],
          ["Allowed outbound countries", of.allowed_countries.length ? of.allowed_countries.join(", ") : "no restriction"],
          ["Last worked", when(standing.last_worked_at)],
          standing.failures > 0 && ["Failures in a row", count(standing.failures)],
          standing.failing_since && ["Failing since", when(standing.failing_since)],
          standing.probe_at && ["Probed at", when(standing.probe_at)],
          standing.carrier_rejected_at && ["Refused by its carrier", when(standing.carrier_rejected_at)],
        ]} />
      <//>
    </div>`;
}
