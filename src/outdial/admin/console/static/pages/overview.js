// Is it dialling, and if not why.

import { html, useState } from "../vendor/htm-preact.js";
import { useLive } from "../live.js";
import { Badge, Card, Empty, Speedometer, Table, Trouble, link } from "../parts.js";
import { count, duration, many, when } from "../format.js";
import * as words from "../words.js";

const ORDER = ["held_up", "dialling", "waiting", "idle"];
const TONES = { dialling: "good", held_up: "bad", waiting: "warn", idle: "mute" };
const FILTER_FROM = 7;

function sentence(of) {
  const held = of.campaigns.filter((one) => one.dialling === "held_up");
  const late = of.replicas.every((one) => one.is_late);
  if (of.replicas.length === 0 || late) return ["bad", "Not dialling", "no replica has said lately that it lives: is the daemon running?"];
  if (of.in_use > 0) {
    const more = held.length ? ` ${many(held.length, "campaign")} cannot: see below.` : "";
    return [held.length ? "warn" : "good", "Dialling", `${many(of.in_use, "call")} under way, ${many(of.backlog, "attempt")} waiting.${more}`];
  }
  if (held.length) return ["bad", "Not dialling", `${many(of.backlog, "attempt")} waiting, and ${many(held.length, "campaign")} cannot go on by itself.`];
  if (of.backlog) return ["warn", "Waiting", `${many(of.backlog, "attempt")} will be dialled when their time comes.`];
  return ["mute", "Idle", "nothing waits, nothing is under way."];
}

function Figure({ value, title, tone, href }) {
  const inside = html`<strong class=${tone}>${count(value)}</strong><span>${title}</span>`;
  return href ? html`<a class="figure" href=${href}>${inside}</a>` : html`<div class="figure">${inside}</div>`;
}

export function Blockers({ waiting }) {
  if (waiting.length === 0) return null;
  return html`
    <ul class="blockers">
      ${waiting.map((one) => html`
        <li>
          <p><strong>${count(one.attempts)}</strong> ${words.blocker(one.blocker)}${one.next_eligible_at && html` <span class="muted">· next at ${when(one.next_eligible_at)}</span>`}</p>
          <p class="hint">${one.hint}</p>
        </li>`)}
    </ul>`;
}

function CampaignCard({ of }) {
  const binds = of.ceiling === null ? "nothing bounds it" : of.binds.map(words.binding).join(", ");
  return html`
    <article class="card campaign" aria-label=${of.campaign}>
      <header>
        <div><h2><a href=${link("campaigns", of.campaign)}>${of.campaign}</a></h2><span class="muted">${of.tenant}</span></div>
        <${Badge} tone=${TONES[of.dialling]}>${of.is_paused ? "paused" : words.dialling(of.dialling)}<//>
      </header>
      <div class="gauge">
        <${Speedometer} inUse=${of.in_use} ceiling=${of.ceiling} label=${`Calls under way of ${of.campaign}`} />
        <dl class="facts">
          <div><dt>Pool ceiling set by</dt><dd>${binds}</dd></div>
          <div><dt>Waiting</dt><dd>${count(of.backlog)}</dd></div>
          <div><dt>Time to drain</dt><dd>${of.backlog === 0 ? "nothing to drain" : of.drain_s === null ? "cannot be said" : duration(of.drain_s)}</dd></div>
          <div><dt>Usable numbers</dt><dd class=${of.usable_numbers === 0 ? "bad" : ""}>${of.usable_numbers} of ${of.numbers}</dd></div>
        </dl>
      </div>
      <${Blockers} waiting=${of.waiting} />
      <footer><a href=${link("campaigns", of.campaign)}>Number pool</a><a href=${link("results", of.campaign)}>Results</a></footer>
    </article>`;
}

function Campaigns({ of }) {
  const [wanted, setWanted] = useState("");
  const sorted = [...of].sort((a, b) => ORDER.indexOf(a.dialling) - ORDER.indexOf(b.dialling) || a.campaign.localeCompare(b.campaign));
  const shown = sorted.filter((one) => `${one.campaign} ${one.tenant}`.toLowerCase().includes(wanted.toLowerCase()));
  return html`
    <div class="row between">
      <h2 class="section">Campaigns</h2>
      ${of.length >= FILTER_FROM && html`<input type="search" aria-label="Find a campaign" placeholder="Find a campaign" value=${wanted} onInput=${(event) => setWanted(event.target.value)} />`}
    </div>
    ${of.length === 0 && html`<${Empty}>No campaign yet: <code>outdial apply FILE</code> lays a catalogue down.<//>`}
    <div class="cards">${shown.map((one) => html`<${CampaignCard} key=${one.campaign} of=${one} />`)}</div>`;
}

const REPLICA = [
  { title: "Replica", cell: (one) => html`<code>${one.worker.slice(0, 8)}</code>` },
  { title: "Last heartbeat", cell: (one) => `${duration(Math.max(0, one.age_s))} ago` },
  { title: "State", cell: (one) => html`<${Badge} tone=${one.is_late ? "bad" : "good"}>${one.is_late ? "late: others adopt its attempts" : "alive"}<//>` },
];

export function Overview() {
  const { overview: of, trouble } = useLive();
  if (!of && trouble) return html`<${Trouble} problem=${{ message: `The replica cannot say how things stand (${trouble}). It is asked again every few seconds.` }} />`;
  if (!of) return html`<p class="loading" role="status">Looking …</p>`;
  const [tone, head, more] = sentence(of);
  return html`
    <section class="headline ${tone}" aria-label="Is it dialling?">
      <h1>${head}</h1><p>${more}</p>
    </section>
    <div class="figures">
      <${Figure} value=${of.in_use} title="calls under way" />
      <${Figure} value=${of.backlog} title="attempts waiting" />
      <${Figure} value=${of.unconfirmed} title="unconfirmed calls" tone=${of.unconfirmed ? "warn" : ""} />
      <${Figure} value=${of.dead_letters} title="dead letters" tone=${of.dead_letters ? "bad" : ""} href="#/dead-letters" />
      <${Figure} value=${of.unpublished} title="events to publish" />
    </div>
    <${Campaigns} of=${of.campaigns} />
    <${Card} title="Replicas" aside=${`as of ${when(of.at)}`}>
      <${Table} label="Replicas" columns=${REPLICA} rows=${of.replicas.map((one) => ({ ...one, key: one.worker }))} empty="No replica dispatches on this database." />
    <//>`;
}
