// Why an attempt was called from its number, why another waits, and which number would call somebody now.

import { html, useState } from "../vendor/htm-preact.js";
import { get, post, seg } from "../api.js";
import { OVER_MS, STORY_MS } from "../cadence.js";
import { useData } from "../data.js";
import { askFirst, notice } from "../dialog.js";
import { Gates } from "../gates.js";
import { useLive } from "../live.js";
import { Badge, Card, Facts, Loaded, Trouble, link } from "../parts.js";
import { count, decimal, duration, when } from "../format.js";
import * as words from "../words.js";
import { useWho } from "../who.js";
import { StickyContact, clearSticky, setSticky } from "../sticky.js";
import { FromNumber, Went } from "./results.js";

export function Explain({ name, query }) {
  return name ? html`<${Attempt} id=${name} tenant=${query.get("tenant") || ""} />` : html`<${Start} campaign=${query.get("campaign") || ""} />`;
}

function Attempt({ id, tenant }) {
  const of = useData(`/attempts/${seg(id)}/explain`, { tenant }, (now) => (now.attempt.state === "ended" ? OVER_MS : STORY_MS));
  return html`<${Loaded} of=${of}>${(data) => html`<${Story} of=${data} reload=${of.reload} />`}<//>`;
}

const STEPS = [["received_at", "received"], ["intent_at", "number and slot taken"], ["accepted_at", "taken by the carrier"], ["ringing_at", "rings"], ["answered_at", "answered"], ["ended_at", "ended"]];

function Timeline({ of }) {
  const steps = STEPS.filter(([key]) => of[key]);
  const begin = new Date(of.received_at).getTime();
  const after = (at) => (new Date(at).getTime() - begin) / 1000;
  return html`<ol class="timeline">${steps.map(([key, word]) => html`
    <li><strong>${word}</strong><time datetime=${of[key]}>${when(of[key])}</time>${after(of[key]) > 0 && html`<small>+ ${duration(after(of[key]))}</small>`}</li>`)}
  </ol>`;
}

function Story({ of, reload }) {
  const { attempt, wait, pick, call, sticky_now } = of;
  const { may_change } = useWho();
  const cancel = () => askFirst({
    title: "Cancel this attempt?", verb: "Cancel it", danger: true, done: reload, said: "Canceled.",
    text: attempt.state === "waiting" ? "It will not be dialled any more." : "The carrier is asked to hang up, unless somebody has answered.",
    run: ({ why }) => post("/attempts/cancel", { attempts: [attempt.attempt_id], tenant: attempt.tenant, why }),
  });
  const own = { campaign: attempt.campaign, contact: attempt.contact || null, number: sticky_now?.number, done: reload };
  const replay = async () => {
    try {
      const { same, replayed } = await get(`/attempts/${seg(attempt.attempt_id)}/replay`, { tenant: attempt.tenant });
      notice(same ? `Picked again from its record: ${replayed}, the same.` : `Picked again from its record: ${replayed}. That is another one!`);
    } catch (problem) {
      notice(problem.message);
    }
  };
  return html`
    <div class="row between">
      <div><h1>Attempt</h1><p class="muted"><code>${attempt.attempt_id}</code></p></div>
      <div class="row actions">
        ${pick && html`<button type="button" onClick=${replay}>Replay the pick</button>`}
        ${may_change && html`<button type="button" onClick=${() => setSticky(own)}>${sticky_now ? "Change sticky" : "Set sticky"}</button>`}
        ${may_change && sticky_now && html`<button type="button" onClick=${() => clearSticky(own)}>Clear sticky</button>`}
        ${may_change && attempt.state !== "ended" && html`<button type="button" class="danger" onClick=${cancel}>Cancel it</button>`}
      </div>
    </div>
    <${Card} title="What became of it">
      <${Facts} of=${[
        ["Campaign", html`<a href=${link("campaigns", attempt.campaign)}>${attempt.campaign}</a>`],
        ["Contact", html`<span class="number">${attempt.contact || attempt.contact_masked}</span>`],
        ["From number", html`<${FromNumber} of=${attempt} />`],
        ["Outcome", html`<${Went} of=${attempt} />`],
        attempt.tier && ["Tier", words.tier(attempt.tier)],
        call?.provider_status && ["The carrier said", [call.provider_status, call.provider_code].filter(Boolean).join(" ")],
        call?.carrier_call_id && ["Carrier's call", html`<code>${call.carrier_call_id}</code>`],
        attempt.corrections > 0 && ["Corrected", `${attempt.corrections} times by later evidence`],
        sticky_now && ["The contact's number today", html`<a href=${link("numbers", sticky_now.number)}>${sticky_now.number}</a>${sticky_now.expires_at ? ` until ${when(sticky_now.expires_at)}` : " for ever"}`],
      ]} />
      <${Timeline} of=${attempt} />
    <//>
    ${wait && html`<${Wait} of=${wait} />`}
    ${pick && html`<${Card} title="How its number was picked" aside=${when(pick.at)}>
      ${pick.gates ? html`<${Gates} gates=${pick.gates} lock=${attempt.lock_text} />` : html`<p class="callout warn">The picture of the pool that it was picked from is not kept any more. It was ${pick.number}, tier ${words.tier(pick.tier)}.</p>`}
      <${Facts} of=${[
        ["Says something about the number", pick.counted ? "yes" : "no: sticky calls do not count"],
        ["Expected answer rate", decimal(pick.expected)],
        ["Policy", html`<code>${pick.policy}</code>`],
        ["Picture of the pool", html`<code>${pick.picture}</code>`],
      ]} />
    <//>`}
    ${!pick && !wait && html`<p class="callout">It was never called, so no number was picked${attempt.reason ? `: ${words.plain(attempt.reason)}` : ""}.</p>`}`;
}

function Wait({ of }) {
  return html`
    <${Card} title="Why it waits">
      <p class="callout warn"><strong>${words.blocker(of.blocker)}</strong> – ${of.hint}</p>
      <${Facts} of=${[
        ["Since", when(of.blocked_since)],
        ["Goes on at", when(of.next_eligible_at)],
        ["Due", when(of.due_at)],
        ["Gives up at", when(of.not_after)],
        of.picks > 0 && ["Numbers the carrier refused", `${count(of.picks)}: ${of.excluded.join(", ")}`],
      ]} />
    <//>
    ${of.trial && html`<${Card} title="What the next pick would come to now"><${Trial} of=${of.trial} /><//>`}`;
}

const WOULD = { call: ["good", "It would be called now."], wait: ["warn", "It would wait."], refuse: ["bad", "It would be refused."] };

function Trial({ of }) {
  const [tone, said] = WOULD[of.would] || ["mute", of.would];
  return html`
    <p class="callout ${tone}"><strong>${said}</strong>${of.blocker && html` ${words.blocker(of.blocker)}.`}</p>
    <${Gates} gates=${of.gates} hindrances=${of.hindrances} />
    <div class="row room">${of.room.map((one) => html`<${Badge} tone=${one.why_busy ? "warn" : "good"}>${one.connection}: ${one.in_use} of ${one.max_calls ?? "no limit"}${one.why_busy ? `, ${words.connectionState(one.why_busy)}` : ""}<//>`)}</div>
    <p class="muted">Seed ${of.seed}. Nothing was changed, and nobody was called.${of.assumed_answers.length > 0 ? ` The job is taken to bring an answer instruction for ${of.assumed_answers.join(", ")}.` : ""}</p>`;
}

function Start({ campaign }) {
  const { overview } = useLive();
  const campaigns = (overview?.campaigns || []).map((one) => one.campaign);
  const [id, setId] = useState("");
  const [chosen, setChosen] = useState(campaign);
  const [to, setTo] = useState("");
  const [seed, setSeed] = useState("");
  const [trial, setTrial] = useState(null);
  const [problem, setProblem] = useState(null);
  const of = chosen || campaigns[0] || "";
  const open = (event) => {
    event.preventDefault();
    location.hash = link("explain", id.trim());
  };
  const run = async (event) => {
    event.preventDefault();
    setProblem(null);
    try {
      setTrial(await get(`/campaigns/${seg(of)}/pick`, { to, seed }));
    } catch (error) {
      setTrial(null);
      setProblem(error);
    }
  };
  return html`
    <h1>Explain</h1>
    <div class="halves">
      <${Card} title="An attempt">
        <form onSubmit=${open}>
          <label class="field"><span>Its id</span><input required value=${id} onInput=${(event) => setId(event.target.value)} placeholder="00000000-0000-0000-0000-000000000000" /></label>
          <button>Explain it</button>
          <p class="muted">Each row of Results leads there, too.</p>
        </form>
      <//>
      <${Card} title="A dry run: which number would call?">
        <form onSubmit=${run}>
          <label class="field"><span>Campaign</span><select value=${of} onChange=${(event) => setChosen(event.target.value)}>${[...new Set([of, ...campaigns])].filter(Boolean).map((one) => html`<option value=${one}>${one}</option>`)}</select></label>
          <label class="field"><span>Contact</span><input required value=${to} onInput=${(event) => setTo(event.target.value)} placeholder="+12025550143" inputmode="tel" /></label>
          <label class="field"><span>Seed</span><input value=${seed} onInput=${(event) => setSeed(event.target.value.trim())} placeholder="a new one each time" inputmode="numeric" /></label>
          <button class="primary" disabled=${!of}>Try it</button>
        </form>
      <//>
    </div>
    <${Trouble} problem=${problem} />
    <${StickyContact} />
    ${trial && html`<${Card} title="The dry run" aside=${when(trial.at)}><${Trial} of=${trial} /><//>`}`;
}
