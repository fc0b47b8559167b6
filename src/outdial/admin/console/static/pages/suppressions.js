// Whom a tenant does not call: one contact looked up, contacts added and taken off, the list.

import { html, useState } from "../vendor/htm-preact.js";
import { post, seg } from "../api.js";
import { useContact, useData } from "../data.js";
import { askFirst } from "../dialog.js";
import { Card, Empty, Loaded, LookUp, Table, Trouble, Turn, link } from "../parts.js";
import { many, when } from "../format.js";
import { useWho } from "../who.js";

const PAGE = 50;
const AT_ONCE = 5000;
const place = (tenant) => `/tenants/${seg(tenant)}/suppressions`;

/** Numbers as somebody pastes them: one per line, or with commas between them. */
const split = (text) => text.split(/[\n,;]+/).map((one) => one.trim()).filter(Boolean);

async function inTurns(path, contacts, why) {
  const sum = { changed: 0, same: 0 };
  for (let from = 0; from < contacts.length; from += AT_ONCE) {
    const { changed, same } = await post(path, { contacts: contacts.slice(from, from + AT_ONCE), why });
    sum.changed += changed;
    sum.same += same;
  }
  return sum;
}

function add(tenant, done, contact = "") {
  const title = contact ? `Suppress ${contact}?` : `Whom must ${tenant} not call?`;
  askFirst({
    title, verb: "Suppress", danger: true, done,
    text: `Once this is answered, ${tenant} begins no call to ${contact ? "them" : "these contacts"}: what waits ends as refused. Calls under way go on.`,
    fields: contact ? [] : [{ name: "contacts", label: "Contacts", type: "lines", required: true, placeholder: "+12025550143", hint: "one per line, with + and country code; a long file: outdial suppress import" }],
    run: ({ contacts, why }) => inTurns(place(tenant), contact ? [contact] : split(contacts), why),
    said: ({ changed, same }) => `${many(changed, "contact")} suppressed${same ? `; ${many(same, "contact")} had been already` : ""}.`,
  });
}

function takeOff(tenant, contact, done) {
  askFirst({
    title: `Take ${contact} off the list of ${tenant}?`, verb: "Take off", done,
    text: "They may be called again at once. Who asked not to be called must not be taken off by mistake.",
    run: ({ why }) => post(`${place(tenant)}/remove`, { contacts: [contact], why }),
    said: ({ changed }) => (changed ? "They may be called again." : "They were not on the list."),
  });
}

function Search({ tenant, changed }) {
  const { may_change } = useWho();
  const found = useContact(place(tenant));
  const line = found.data?.suppressions[0];
  const again = () => {
    found.reload();
    changed();
  };
  return html`
    <${Card} title="Is a contact on the list?">
      <${LookUp} label="Contact" look=${found.look} />
      <${Trouble} problem=${found.problem} />
      ${found.data && html`<div class="callout ${line ? "warn" : "good"}" role="status">
        ${line
          ? html`<p><strong>${tenant} does not call ${found.contact}</strong> – ${line.why || "no reason was given"} <span class="muted">(${line.who}, ${when(line.added_at)})</span></p>`
          : html`<p><strong>${found.contact} is not on the list:</strong> ${tenant} may call them.</p>`}
        ${may_change && (line
          ? html`<button type="button" onClick=${() => takeOff(tenant, found.contact, again)}>Take off the list</button>`
          : html`<button type="button" class="danger" onClick=${() => add(tenant, again, found.contact)}>Suppress</button>`)}
      </div>`}
    <//>`;
}

function List({ tenant, tenants }) {
  const { may_change } = useWho();
  const [pages, setPages] = useState([]);
  const after = pages[pages.length - 1] || "";
  const of = useData(place(tenant), { limit: PAGE, after });
  const changed = () => {
    setPages([]);
    of.reload();
  };
  const columns = [
    { title: "Contact", cell: (one) => html`<span class="number">${one.contact || one.contact_masked}</span>` },
    { title: "Why", cell: (one) => one.why || html`<span class="muted">–</span>` },
    { title: "Who", cell: (one) => one.who },
    { title: "Since", cell: (one) => when(one.added_at) },
  ];
  const off = { title: "", cell: (one) => one.contact && html`<button type="button" aria-label=${`Take ${one.contact} off the list`} onClick=${() => takeOff(tenant, one.contact, changed)}>Take off</button>` };
  return html`
    <div class="row between"><h1>Suppressions</h1>
      <div class="row actions">
        <label class="inline"><span>Tenant</span> <select value=${tenant} onChange=${(event) => { location.hash = link("suppressions", event.target.value); }}>${tenants.map((one) => html`<option value=${one}>${one}</option>`)}</select></label>
        ${may_change && html`<button type="button" class="danger" onClick=${() => add(tenant, changed)}>Add contacts</button>`}
      </div>
    </div>
    <p class="muted">Contacts whom a tenant does not call, whatever the campaign. The latest first; who changed it, when and why is kept.</p>
    <${Search} tenant=${tenant} changed=${changed} />
    <${Loaded} of=${of}>${(data) => html`
      <div class="card flush"><${Table} label="Suppressions" columns=${may_change && data.suppressions.some((one) => one.contact) ? [...columns, off] : columns} rows=${data.suppressions.map((one, n) => ({ ...one, key: `${after}/${n}` }))} empty=${`Nobody: ${tenant} may call everybody.`} /></div>
      <div class="row between pager">
        <${Turn} back="Newer" next="Older" pages=${pages} setPages=${setPages} after=${data.next_after} />
      </div>`}
    <//>`;
}

export function Suppressions({ name }) {
  const of = useData("/tenants");
  return html`<${Loaded} of=${of}>${({ things }) => {
    const tenants = things.map((one) => one.name);
    const tenant = name || tenants[0];
    if (!tenant) return html`<h1>Suppressions</h1><${Empty}>No tenant yet: outdial apply FILE adds some.<//>`;
    return html`<${List} key=${tenant} tenant=${tenant} tenants=${[...new Set([...tenants, tenant])].sort()} />`;
  }}<//>`;
}
