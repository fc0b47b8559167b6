// A contact's own number in a campaign: shown, set, cleared.

import { html, useState } from "./vendor/htm-preact.js";
import { ask, get, post, seg } from "./api.js";
import { useContact } from "./data.js";
import { askFirst, notice } from "./dialog.js";
import { Badge, Card, LookUp, Table, Trouble, link } from "./parts.js";
import { when } from "./format.js";
import { useLive } from "./live.js";
import { useWho } from "./who.js";

const path = (campaign) => `/campaigns/${seg(campaign)}/sticky`;
const TYPED = { name: "contact", label: "Contact", required: true, placeholder: "+12025550143", hint: "your token does not show it, so it has to be typed" };

/** Ask which of the pool's numbers the contact shall be called from. `contact` null = who orders it has to know it. */
export async function setSticky({ campaign, contact, number, done }) {
  try {
    const [pool, numbers] = await Promise.all([get(`/campaigns/${seg(campaign)}`), get("/numbers")]);
    const e164 = Object.fromEntries(numbers.things.map((one) => [one.name, one.written.e164]));
    const names = pool.written.pool.map((one) => one.number ?? one);
    askFirst({
      title: `Set the sticky number of ${contact || "a contact"} in ${campaign}`, verb: "Set", done,
      text: "From the next call on they are called from it, as if it had reached them. Another campaign is not concerned.",
      fields: [
        ...(contact ? [] : [TYPED]),
        { name: "number", label: "Number", value: names.includes(number) ? number : names[0], options: names.map((one) => ({ value: one, label: `${e164[one] || ""} (${one})` })) },
      ],
      run: (values) => ask("PUT", path(campaign), { body: { contact: contact || values.contact, number: values.number, why: values.why } }),
      said: ({ after }) => `${after.from_number || after.number} is their number now${after.usable ? "." : `, but: ${after.because}.`}`,
    });
  } catch (problem) {
    notice(problem.message);
  }
}

/** Ask whether the contact's number shall be forgotten. */
export function clearSticky({ campaign, contact, done }) {
  askFirst({
    title: `Clear the sticky number of ${contact || "a contact"} in ${campaign}?`, verb: "Clear", danger: true, done,
    text: "The next call is drawn anew, and the next number that reaches them will stick.",
    fields: contact ? [] : [TYPED],
    run: (values) => post(`${path(campaign)}/clear`, { contact: contact || values.contact, why: values.why }),
    said: ({ before }) => (before ? "Cleared: they start afresh." : "They had no number here: nothing changed."),
  });
}

const COLUMNS = [
  { title: "Campaign", cell: (one) => html`<a href=${link("campaigns", one.campaign)}>${one.campaign}</a>` },
  { title: "Number", cell: (one) => html`<a href=${link("numbers", one.number)}>${one.from_number || one.number}</a>` },
  { title: "Since", cell: (one) => when(one.bound_at) },
  { title: "By", cell: (one) => one.bound_by },
  { title: "Until", cell: (one) => (one.expires_at ? when(one.expires_at) : "for ever") },
  { title: "State", cell: (one) => html`<${Badge} tone=${one.usable ? "good" : "warn"}>${one.usable ? "calls next" : "does not call"}<//>${one.because && html`<small class="because">${one.because}</small>`}` },
];

/** One contact's numbers in all campaigns, looked up by the contact's. */
export function StickyContact() {
  const { may_change } = useWho();
  const { overview } = useLive();
  const [campaign, setCampaign] = useState("");
  const found = useContact("/sticky");
  const campaigns = (overview?.campaigns || []).map((one) => one.campaign);
  const change = { title: "", cell: (one) => html`<div class="row tight">
    <button type="button" aria-label=${`Change the sticky number in ${one.campaign}`} onClick=${() => setSticky({ campaign: one.campaign, contact: found.contact, number: one.number, done: found.reload })}>Change</button>
    <button type="button" class="danger" aria-label=${`Clear the sticky number in ${one.campaign}`} onClick=${() => clearSticky({ campaign: one.campaign, contact: found.contact, done: found.reload })}>Clear</button>
  </div>` };
  const of = campaign || campaigns[0] || "";
  return html`
    <${Card} title="Sticky contacts: which number is a contact's own?">
      <${LookUp} label="Whose sticky number" look=${found.look} />
      <${Trouble} problem=${found.problem} />
      ${found.data && html`
        <${Table} label="Sticky numbers" columns=${may_change ? [...COLUMNS, change] : COLUMNS} rows=${found.data.assignments.map((one) => ({ ...one, key: one.campaign }))} empty=${`No campaign has reached ${found.contact} yet: the next call is drawn.`} />
        ${may_change && of && html`<div class="row">
          <label class="inline"><span>In campaign</span> <select value=${of} onChange=${(event) => setCampaign(event.target.value)}>${campaigns.map((one) => html`<option value=${one}>${one}</option>`)}</select></label>
          <button type="button" onClick=${() => setSticky({ campaign: of, contact: found.contact, done: found.reload })}>Set a number</button>
        </div>`}`}
    <//>`;
}
