// The small things that every page is made of.

import { html, useState } from "./vendor/htm-preact.js";
import * as words from "./words.js";

export const link = (...parts) => `#/${parts.map(encodeURIComponent).join("/")}`;

export const Badge = ({ tone = "mute", children }) => html`<span class="badge ${tone}">${children}</span>`;
export const Status = ({ code }) => html`<${Badge} tone=${words.statusTone(code)}>${words.status(code)}<//>`;

/** The lock beside a from-number. `text` comes from the server, so that it says the same everywhere. */
export const Lock = ({ text }) => html`
  <span class="lock tip" role="img" tabindex="0" aria-label=${text} data-tip=${text}>
    <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4.5 7V5a3.5 3.5 0 0 1 7 0v2" fill="none" stroke="currentColor" stroke-width="1.6" /><rect x="3" y="7" width="10" height="7" rx="1.6" fill="currentColor" /></svg>
  </span>`;

export const Empty = ({ children }) => html`<p class="empty">${children}</p>`;

/** What went wrong, in the words of the server, with the fields and their cures. */
export function Trouble({ problem, retry }) {
  if (!problem) return null;
  return html`
    <div class="trouble" role="alert">
      <p><strong>${problem.status === 404 ? "Not there." : "That did not work."}</strong> ${problem.message}</p>
      ${problem.fields?.length > 0 &&
      html`<ul>${problem.fields.map((one) => html`<li><code>${one.field}</code> ${one.problem}${one.cure && html` – ${one.cure}`}</li>`)}</ul>`}
      ${retry && html`<button type="button" onClick=${retry}>Try again</button>`}
    </div>`;
}

/** A page's data, or why there is none yet. `children`: a function of the data. */
export function Loaded({ of, children }) {
  if (of.data) return html`${of.problem && html`<${Trouble} problem=${of.problem} retry=${of.reload} />`}${children(of.data)}`;
  if (of.problem) return html`<${Trouble} problem=${of.problem} retry=${of.reload} />`;
  return html`<p class="loading" role="status">Looking …</p>`;
}

export const Card = ({ title, aside, children, id }) => html`
  <section class="card" id=${id} aria-label=${title}>
    ${title && html`<header><h2>${title}</h2>${aside && html`<div class="aside">${aside}</div>`}</header>`}
    ${children}
  </section>`;

/**
 * A table that becomes a list of cards on a narrow screen. `columns`: {title, cell(row), end (to the right), hint}.
 */
export function Table({ columns, rows, empty, label, rowClass }) {
  if (rows.length === 0) return html`<${Empty}>${empty}<//>`;
  return html`
    <div class="table-scroll"><table aria-label=${label}>
      <thead><tr>${columns.map((one) => html`<th scope="col" class=${one.end ? "end" : ""} title=${one.hint}>${one.title}</th>`)}</tr></thead>
      <tbody>${rows.map((row) => html`
        <tr class=${rowClass ? rowClass(row) : ""} key=${row.key}>
          ${columns.map((one) => html`<td class=${one.end ? "end" : ""} data-label=${one.title}><div>${one.cell(row)}</div></td>`)}
        </tr>`)}
      </tbody>
    </table></div>`;
}

/** To the page before and after; nothing where all there is stands on one page. */
export const Turn = ({ back, next, pages, setPages, after }) =>
  (pages.length > 0 || after) && html`
    <button type="button" disabled=${pages.length === 0} onClick=${() => setPages(pages.slice(0, -1))}>${back}</button>
    <button type="button" disabled=${!after} onClick=${() => setPages([...pages, after])}>${next}</button>`;

/** Pairs of words and what they stand for. */
export const Facts = ({ of }) => html`
  <dl class="facts">${of.filter(Boolean).map(([name, value, hint]) => html`<div><dt title=${hint}>${name}</dt><dd>${value}</dd></div>`)}</dl>`;

/** How full something is. `limit` null = it has no limit. */
export function Meter({ value, limit, label }) {
  const share = limit ? Math.min(1, value / limit) : 0;
  const tone = limit === 0 || share >= 1 ? "bad" : share >= 0.85 ? "warn" : "good";
  return html`
    <span class="meter ${tone}" role="meter" aria-valuemin="0" aria-valuemax=${limit ?? undefined} aria-valuenow=${value} aria-label=${label}>
      <span style=${{ width: `${share * 100}%` }}></span>
    </span>`;
}

/** The speedometer: calls under way of the ceiling. `ceiling` null = nothing bounds it. */
export function Speedometer({ inUse, ceiling, label }) {
  const share = ceiling ? Math.min(1, inUse / ceiling) : 0;
  const tone = ceiling === 0 ? "bad" : share >= 1 ? "warn" : "good";
  const arc = "M10 54a44 44 0 0 1 88 0";
  return html`
    <div class="speedometer ${tone}" role="meter" aria-label=${label} aria-valuemin="0" aria-valuemax=${ceiling ?? undefined} aria-valuenow=${inUse}>
      <svg viewBox="0 0 108 62" aria-hidden="true">
        <path class="track" d=${arc} />
        ${share > 0 && html`<path class="fill" d=${arc} pathLength="100" stroke-dasharray=${`${share * 100} 200`} />`}
      </svg>
      <div class="reading"><strong>${inUse}</strong><span>of ${ceiling === null ? "no limit" : ceiling}</span></div>
    </div>`;
}

/** A rate as a dot on its interval, between 0 and 100 %: the wider the bar, the less is known. */
export function Interval({ rate, mark }) {
  if (rate.rate === null) return html`<span class="muted">no calls yet</span>`;
  const at = (share) => `${share * 100}%`;
  return html`
    <span class="interval" aria-hidden="true">
      <span class="range" style=${{ left: at(rate.low), width: at(rate.high - rate.low) }}></span>
      ${mark !== undefined && mark !== null && html`<span class="mark" style=${{ left: at(mark) }}></span>`}
      <span class="dot" style=${{ left: at(rate.rate) }}></span>
    </span>`;
}

/** A small trend of values, null = nothing there. `top`: what the full height stands for. */
export function Spark({ values, top, label }) {
  const most = top || Math.max(1, ...values.map((value) => value || 0));
  const width = 100 / values.length;
  return html`
    <svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label=${label}>
      ${values.map((value, n) => {
        const height = value === null ? 1 : Math.max(1.5, (value / most) * 24);
        return html`<rect class=${value === null ? "none" : ""} x=${n * width + 1} width=${Math.max(1, width - 2)} y=${24 - height} height=${height} />`;
      })}
    </svg>`;
}

/** Asks for a contact; `look` is told of it. */
export function LookUp({ label, look }) {
  const [contact, setContact] = useState("");
  const submit = (event) => {
    event.preventDefault();
    look(contact.trim());
  };
  return html`<form class="filters" onSubmit=${submit}>
    <label class="field"><span>${label}</span><input required value=${contact} onInput=${(event) => setContact(event.target.value)} placeholder="+12025550143" inputmode="tel" /></label>
    <button class="primary">Look up</button>
  </form>`;
}
