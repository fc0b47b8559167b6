// One pick as a picture of its gates: who fell out where and why, the shares, and where the draw fell.

import { html } from "./vendor/htm-preact.js";
import { Badge, Lock, Table, link } from "./parts.js";
import { decimal, many, percent, when } from "./format.js";
import * as words from "./words.js";

const PASSED = "passed", DECIDED = "decided", STOPPED = "stopped", SILENT = "silent";
const MARKS = { [PASSED]: "passed on", [DECIDED]: "decided here", [STOPPED]: "stopped here", [SILENT]: "not asked" };

const FEW = 6;
const MOST = 200;
const SHOWN = 20;

const Gate = ({ title, mark, children }) => html`
  <li class="gate ${mark}"><div class="gate-head"><h3>${title}</h3><span class="mark">${MARKS[mark]}</span></div>${children}</li>`;

const NumberLink = ({ of }) => html`<a href=${link("numbers", of.number)}>${of.from_number}</a>`;

/** Numbers that fell out, each with its reason; of many for one reason, only how many there are until somebody asks. */
function Fallen({ members, why }) {
  const reasons = Map.groupBy ? Map.groupBy(members, why) : members.reduce((all, one) => all.set(why(one), [...(all.get(why(one)) || []), one]), new Map());
  const line = (one) => html`<li><${NumberLink} of=${one} /> <span class="muted">${one.number}</span> – ${why(one)}</li>`;
  if (members.length === 0) return null;
  return html`<ul class="fallen">${[...reasons].map(([reason, of]) => (of.length <= FEW ? of.map(line)
    : html`<li><details><summary>${many(of.length, "number")} – ${reason}</summary><ul class="fallen">${of.slice(0, MOST).map(line)}</ul></details></li>`))}</ul>`;
}

function Allowed({ hindrances }) {
  return html`<${Gate} title="May the contact be called?" mark=${hindrances.length ? STOPPED : PASSED}>
    ${hindrances.length === 0 ? html`<p>Nothing stands in the way: calling hours, suppressions, destination and limits.</p>`
      : html`<ul class="fallen">${hindrances.map((one) => html`<li><strong>${words.blocker(one.code)}</strong> – ${one.says}${one.until && html` <span class="muted">until ${when(one.until)}</span>`}</li>`)}</ul>`}
  <//>`;
}

function Eligible({ gates }) {
  const out = gates.members.filter((one) => ["skipped", "excluded"].includes(one.fate));
  const left = gates.members.length - out.length;
  return html`<${Gate} title="Spam & compliance skips" mark=${left === 0 ? STOPPED : PASSED}>
    <p>${left} of ${many(gates.members.length, "number")} may call this contact.</p>
    <${Fallen} members=${out} why=${(one) => (one.skip ? words.skip(one.skip) : words.fate(one.fate))} />
  <//>`;
}

function Sticky({ gates }) {
  const { saw, number, why, bound_at, expires_at, wait_until } = gates.sticky;
  const mark = saw === "used" ? DECIDED : saw === "waits" ? STOPPED : PASSED;
  const own = gates.members.find((one) => one.number === number);
  return html`<${Gate} title="Sticky" mark=${mark}>
    <p>${words.saw(saw)}${why && html` <span class="muted">(${words.sawWhy(why)})</span>`}</p>
    ${number && html`<p class="muted">${own ? html`<${NumberLink} of=${own} />` : number}, bound ${when(bound_at)}${expires_at ? `, until ${when(expires_at)}` : ", for ever"}${wait_until ? `; waits until ${when(wait_until)}` : ""}</p>`}
  <//>`;
}

function Tiers({ gates }) {
  const settled = ["used", "waits"].includes(gates.sticky.saw);
  const place = [gates.place.country || "unknown country", gates.place.area_code && `area code ${gates.place.area_code}`, gates.place.zones.slice(0, 3).join(", ")].filter(Boolean).join(" · ");
  const stopped = gates.blocker === "tier_busy";
  return html`<${Gate} title="Which numbers suit the contact?" mark=${settled ? SILENT : stopped ? STOPPED : PASSED}>
    <p class="muted">The contact: ${place}</p>
    <ol class="tiers">${gates.tiers.map((one) => html`
      <li class=${one.verdict}><strong>${words.tier(one.tier)}</strong><span>${words.verdict(one.verdict)}${one.numbers > 0 ? `, ${many(one.numbers, "number")}` : ""}</span></li>`)}
    </ol>
    ${!settled && html`<${Fallen} members=${gates.members.filter((one) => ["other_tier", "busy", "resting", "zero_weight"].includes(one.fate))} why=${(one) => words.fate(one.fate)} />`}
  <//>`;
}

function Draw({ gates }) {
  const drawn = gates.members.filter((one) => one.share !== null).sort((a, b) => a.draws_from - b.draws_from);
  if (drawn.length === 0) return html`<${Gate} title="Weighted draw" mark=${SILENT}><p>There was no draw.</p><//>`;
  const at = gates.random_number;
  const shown = (all) => [...all].sort((a, b) => (b.fate === "picked") - (a.fate === "picked") || b.share - a.share).slice(0, SHOWN);
  const picked = drawn.find((one) => one.fate === "picked");
  const said = at === null ? "" : `The draw fell on ${at.toFixed(4)}${picked ? `, which is ${picked.from_number}` : ""}.`;
  return html`<${Gate} title="Weighted draw" mark=${gates.picked ? DECIDED : PASSED}>
    <div class="draw" role="img" aria-label=${`Shares of ${many(drawn.length, "number")}. ${said}`}>
      ${drawn.map((one, n) => html`<span class="slice ${one.fate === "picked" ? "picked" : n % 2 ? "odd" : "even"}" style=${{ left: `${one.draws_from * 100}%`, width: `${one.share * 100}%` }}>${one.share > 0.12 ? percent(one.share) : ""}</span>`)}
      ${at !== null && html`<span class="needle" style=${{ left: `${at * 100}%` }}></span>`}
    </div>
    <p>${said}</p>
    <${Table} label="The draw" columns=${DRAW} rows=${shown(drawn).map((one) => ({ ...one, key: one.number }))} empty="" rowClass=${(one) => (one.fate === "picked" ? "chosen" : "")} />
    ${drawn.length > SHOWN && html`<p class="muted">and ${many(drawn.length - SHOWN, "number")} more with smaller shares</p>`}
  <//>`;
}

const DRAW = [
  { title: "Number", cell: (one) => html`<${NumberLink} of=${one} />` },
  { title: "Share", end: true, cell: (one) => percent(one.share, 1) },
  { title: "Weight", end: true, hint: "1.00 = fair", cell: (one) => decimal(one.weight) },
  { title: "Index", end: true, hint: "Its answer rate against the pool's: 1.00 = as expected", cell: (one) => decimal(one.index) },
  { title: "Drawn from", end: true, cell: (one) => decimal(one.draws_from, 3) },
  { title: "to", end: true, cell: (one) => decimal(one.draws_to, 3) },
];

function Primary({ gates }) {
  if (gates.tier === "primary") return html`<${Gate} title="Primary" mark=${DECIDED}><p>The tiers left nothing to draw from: the primary calls.</p><//>`;
  const asked = gates.picked === null && !["tier_busy", "sticky_number_busy"].includes(gates.blocker);
  return html`<${Gate} title="Primary" mark=${asked ? STOPPED : SILENT}><p>${asked ? "The primary may not call either." : "The fallback, had the tiers left nothing."}</p><//>`;
}

function Result({ gates, lock }) {
  const picked = gates.members.find((one) => one.fate === "picked");
  if (!picked) {
    return html`<div class="result stopped"><strong>No number</strong><span>It waits: ${words.blocker(gates.blocker)}${gates.next_eligible_at ? `, next at ${when(gates.next_eligible_at)}` : ""}.</span></div>`;
  }
  return html`<div class="result decided"><strong><${NumberLink} of=${picked} /></strong>${lock && html`<${Lock} text=${lock} />`}<span>${picked.number} through ${picked.connection}</span><${Badge} tone="accent">${words.tier(gates.tier)}<//></div>`;
}

/** `hindrances` null = it was called, so nothing stood in the way; `lock`: the words of the lock, if it stands. */
export const Gates = ({ gates, hindrances = null, lock = null }) => html`
  <ol class="gates">
    ${hindrances && html`<${Allowed} hindrances=${hindrances} />`}
    <${Eligible} gates=${gates} />
    <${Sticky} gates=${gates} />
    <${Tiers} gates=${gates} />
    <${Draw} gates=${gates} />
    <${Primary} gates=${gates} />
  </ol>
  <${Result} gates=${gates} lock=${lock} />`;
