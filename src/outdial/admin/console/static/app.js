// The shell: who is looking, which page, and what is always in sight.

import { html, render, useEffect, useState } from "./vendor/htm-preact.js";
import { get, onSignedOut, signOut, token } from "./api.js";
import { DialogHost } from "./dialog.js";
import { useLive, watchLive } from "./live.js";
import { Trouble } from "./parts.js";
import { Campaign } from "./pages/campaign.js";
import { DeadLetters } from "./pages/dead.js";
import { Explain } from "./pages/explain.js";
import { Limits } from "./pages/limits.js";
import { Login } from "./pages/login.js";
import { NumberDetail, Numbers } from "./pages/number.js";
import { Overview } from "./pages/overview.js";
import { Results } from "./pages/results.js";
import { Suppressions } from "./pages/suppressions.js";
import { Who } from "./who.js";

const NAV = [
  ["", "Overview"],
  ["results", "Results"],
  ["numbers", "Numbers"],
  ["limits", "Limits"],
  ["suppressions", "Suppressions"],
  ["explain", "Explain"],
  ["dead-letters", "Dead letters"],
];
const PAGES = {
  "": Overview,
  campaigns: Campaign,
  results: Results,
  numbers: ({ name }) => (name ? html`<${NumberDetail} name=${name} />` : html`<${Numbers} />`),
  limits: Limits,
  suppressions: Suppressions,
  explain: Explain,
  "dead-letters": DeadLetters,
};

function route() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [page = "", name = ""] = path.split("/").map(decode);
  return { page, name, query: new URLSearchParams(query) };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // not an address of ours
  }
}

function useRoute() {
  const [at, setAt] = useState(route());
  useEffect(() => {
    const moved = () => {
      setAt(route());
      window.scrollTo(0, 0);
      document.getElementById("main")?.focus({ preventScroll: true });
    };
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return at;
}

const THEMES = ["auto", "light", "dark"];

function Theme() {
  const [theme, setTheme] = useState(localStorage.getItem("outdial.theme") || "auto");
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("outdial.theme", theme);
  }, [theme]);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  return html`<button type="button" class="quiet" aria-label=${`Colours: ${theme}. Change to ${next}`} onClick=${() => setTheme(next)}>${theme}</button>`;
}

function Live() {
  const { connected, trouble } = useLive();
  const said = trouble ? `no news: ${trouble.replaceAll("_", " ")}` : connected ? "live" : "connecting …";
  return html`<span class="live ${trouble ? "bad" : connected ? "good" : "warn"}" role="status">${said}</span>`;
}

function Top({ at, me }) {
  useEffect(() => {
    // On a phone the row of pages is wider than the screen: the one that is open stays in sight.
    // (scrollIntoView would move the place from which Tab goes on, too.)
    const row = document.querySelector(".top nav");
    const open = row.querySelector("[aria-current]");
    if (open) row.scrollLeft = open.offsetLeft - row.offsetLeft - (row.clientWidth - open.offsetWidth) / 2;
  }, [at.page]);
  return html`
    <header class="top">
      <a class="brand" href="#/"><img src="/console/icon.svg" alt="" width="24" height="24" />outdial</a>
      <nav aria-label="Pages">
        ${NAV.map(([page, title]) => html`<a href=${`#/${page}`} aria-current=${at.page === page || (page === "" && at.page === "campaigns") ? "page" : undefined}>${title}</a>`)}
      </nav>
      <div class="whoami">
        <${Live} />
        <${Theme} />
        <span class="me" title=${me.may_change ? "may look and change" : "may look, but not change"}>${me.name} · ${me.role}</span>
        <button type="button" class="quiet" onClick=${() => signOut()}>Sign out</button>
      </div>
    </header>`;
}

function Console({ me }) {
  const at = useRoute();
  useEffect(watchLive, []);
  const Page = PAGES[at.page];
  const title = [at.name, NAV.find(([page]) => page === at.page)?.[1] || "Campaign", "outdial"].filter(Boolean).join(" · ");
  useEffect(() => {
    document.title = title;
  }, [title]);
  return html`
    <${Who.Provider} value=${me}>
      <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.getElementById("main").focus(); }}>To the page</a>
      <${Top} at=${at} me=${me} />
      <main id="main" tabindex="-1">
        ${Page ? html`<${Page} key=${`${at.page}/${at.name}`} name=${at.name} query=${at.query} />` : html`<${Trouble} problem=${{ status: 404, message: "There is no such page." }} />`}
      </main>
      <${DialogHost} />
    <//>`;
}

function App() {
  const [me, setMe] = useState(null);
  const [why, setWhy] = useState("");
  const enter = async () => {
    setMe(await get("/me"));
    setWhy("");
  };
  useEffect(() => onSignedOut((reason) => { setMe(null); setWhy(reason); }), []);
  useEffect(() => {
    if (token()) enter().catch((problem) => setWhy(problem.message));
  }, []);
  return me ? html`<${Console} me=${me} />` : html`<${Login} enter=${enter} why=${why} />`;
}

render(html`<${App} />`, document.getElementById("app"));
