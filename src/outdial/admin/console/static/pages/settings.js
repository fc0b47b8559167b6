// The number pool's settings, in the words of the pages that people have read.

import { html } from "../vendor/htm-preact.js";
import { ask, get, seg } from "../api.js";
import { askFirst } from "../dialog.js";
import { Badge, Card, Facts, link } from "../parts.js";
import { count, duration, many } from "../format.js";
import { useWho } from "../who.js";

const yes = (value) => html`<${Badge} tone=${value ? "good" : "mute"}>${value ? "on" : "off"}<//>`;
const DAYS = 86400;

export function Settings({ of, changed }) {
  const { may_change } = useWho();
  const { sticky, selection, rotation, ...campaign } = of.effective;
  const pool = of.written.pool.length;
  return html`
    <${Card} title="Telephony" id="telephony" aside=${may_change && html`<button type="button" onClick=${() => edit(of.name, changed)}>Change settings</button>`}>
      ${pool > 1 && html`<div class="callout info">
        <strong>How we pick the first number</strong>
        <p>The first call to a contact comes from a number drawn at random when it is dialled, weighted by how well each number gets answered. The primary does not come first, and two contacts may share a number. ${sticky.enabled
          ? html`Once a contact is ${sticky.bind_on === "reached" ? "reached" : "called"}, <strong>that number sticks for their retries</strong>.`
          : html`Sticky is off here: <strong>every retry is drawn anew</strong>.`}</p>
      </div>`}
      <${Facts} of=${[
        ["Primary From Phone Number", html`<a href=${link("numbers", campaign.primary)}>${campaign.primary}</a>`, "Required; the last fallback"],
        ["Number Pool", many(pool, "number")],
        ["Prefer country-matched numbers for each contact", yes(selection.prefer_country_match)],
        ["Geomatch: the contact's area code first", yes(selection.geomatch)],
        ["Skip unhealthy numbers", yes(selection.skip_unhealthy)],
        ["Sticky contacts", yes(sticky.enabled)],
        ["Sticks when", sticky.bind_on === "reached" ? "the contact was reached" : "a call was placed"],
        ["Sticky lasts", sticky.ttl_s ? `${duration(sticky.ttl_s)} since the last call` : "for ever"],
        ["Sticky number spam-flagged", sticky.when_flagged === "replace" ? "another one takes over" : "the mapping holds"],
        ["Weights: long code, toll-free, mobile", [selection.long_code_weight, selection.toll_free_weight, selection.mobile_weight].join(" · ")],
        ["Calls at once", campaign.max_calls === null ? "no limit of its own" : count(campaign.max_calls)],
        ["Calling hours", hours(campaign.calling_hours)],
        ["Volume budget of a number", rotation.volume_budget_24h ? `${count(rotation.volume_budget_24h)} calls in 24 h` : "off"],
        ["Call Recording", yes(campaign.record)],
        ["Preset", campaign.preset],
      ]} />
      <details class="how">
        <summary>How the number pool works</summary>
        <ol>
          <li><strong>Primary.</strong> Required, and in the pool by being chosen. It calls when nothing else can be picked, and is not used first.</li>
          <li><strong>Pick per attempt.</strong> Every attempt picks one number that may call: at random, weighted, never in turns.</li>
          <li><strong>Sticky contacts.</strong> The first number that reaches a contact is remembered and used for their later attempts.</li>
          <li><strong>Performance-weighted rotation.</strong> Numbers that get answered more often are dialled more often. Weight 1.00 is a fair share.</li>
          <li><strong>Country match.</strong> Numbers of the contact's country first, then those of a near time zone, then the whole pool.</li>
          <li><strong>Spam & compliance skips.</strong> Numbers flagged as spam from the platform's threshold on, or not allowed to dial the contact's country, never enter the pick, not even for a first call.</li>
          <li><strong>Capacity-aware dispatch.</strong> Calls at once are limited by what the connections, the tenant and the campaign have free.</li>
        </ol>
      </details>
    <//>`;
}

function hours(of) {
  if (of === "always") return "always";
  if (!Array.isArray(of)) return "every day 09:00–20:00, where the contact is";
  return of.map((one) => `${one.days} ${one.start}–${one.end}`).join(", ");
}

const number = (text) => (String(text).trim() === "" ? null : Number(text));

/** What is asked, from the settings as they stand at this moment. */
function fields({ sticky, selection, rotation, max_calls, calling_hours }) {
  const first = Array.isArray(calling_hours) ? calling_hours[0] : { days: "mon-sun", start: "09:00", end: "20:00" };
  return [
    { name: "prefer_country_match", label: "Prefer country-matched numbers for each contact", type: "checkbox", value: selection.prefer_country_match },
    { name: "geomatch", label: "Geomatch: the contact's area code first", type: "checkbox", value: selection.geomatch },
    { name: "skip_unhealthy", label: "Skip unhealthy numbers", type: "checkbox", value: selection.skip_unhealthy, hint: "resting numbers leave the draw while a healthy one is there" },
    { name: "enabled", label: "Sticky contacts", type: "checkbox", value: sticky.enabled, hint: "switching it off makes all assignments of the campaign void at once" },
    { name: "ttl_days", label: "Sticky lasts, in days since the last call", type: "number", min: 0, step: "any", value: String(sticky.ttl_s / DAYS), hint: "0 = for ever" },
    { name: "toll_free_weight", label: "Toll-free weight", type: "number", min: 0, step: "any", value: String(selection.toll_free_weight), hint: "0 takes toll-free numbers out of the draw" },
    { name: "max_calls", label: "Calls at once", type: "number", min: 0, step: 1, value: max_calls === null ? "" : String(max_calls), hint: "empty = no limit of its own; 0 = no new calls" },
    { name: "hours", label: "Calling hours", value: calling_hours === "always" ? "always" : "some", options: [{ value: "always", label: "always" }, { value: "some", label: "from … to …, where the contact is" }] },
    { name: "days", label: "Days", value: first.days, hint: "such as mon-fri" },
    { name: "start", label: "From", type: "time", value: first.start },
    { name: "end", label: "To", type: "time", value: first.end },
    { name: "volume_budget_24h", label: "Volume budget of a number, calls in 24 h", type: "number", min: 0, step: 1, value: String(rotation.volume_budget_24h), hint: "0 = off" },
  ];
}

/** Only what differs is sent: everything else stays as it is. */
function differences(asked, values) {
  const differs = (name) => values[name] !== asked.find((one) => one.name === name).value;
  const some = (names, read) => Object.fromEntries(names.filter(differs).map((name) => [name, read(values[name])]));
  const keys = {
    ...some(["max_calls"], number),
    selection: { ...some(["prefer_country_match", "geomatch", "skip_unhealthy"], Boolean), ...some(["toll_free_weight"], number) },
    sticky: some(["enabled"], Boolean),
    rotation: some(["volume_budget_24h"], number),
  };
  if (differs("ttl_days")) keys.sticky.ttl_s = number(values.ttl_days) * DAYS;
  if (["hours", "days", "start", "end"].some(differs)) {
    keys.calling_hours = values.hours === "always" ? "always" : [{ days: values.days, start: values.start, end: values.end }];
  }
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value === null || typeof value !== "object" || Array.isArray(value) || Object.keys(value).length > 0));
}

async function edit(name, changed) {
  const path = `/campaigns/${seg(name)}`;
  const thing = await get(path);
  const asked = fields(thing.effective);
  askFirst({
    title: `Change settings of ${name}`, verb: "Save", fields: asked, done: changed, said: "Saved. It holds from the next pick on.",
    text: "Only what you change is sent; should somebody else change it meanwhile, you are told and nothing is lost.",
    run: ({ why, ...values }) => ask("PATCH", path, { query: { why }, body: differences(asked, values), ifMatch: thing.etag }),
  });
}
