// Somebody pastes a token.

import { html, useState } from "../vendor/htm-preact.js";
import { signIn } from "../api.js";

export function Login({ enter, why }) {
  const [value, setValue] = useState("");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    signIn(value.trim());
    try {
      await enter();
    } catch (error) {
      setProblem(error.status === 401 ? "" : error.message);
    }
    setBusy(false);
  };
  const said = problem || why;
  return html`
    <main class="login">
      <form class="card" onSubmit=${submit}>
        <h1><img src="/console/icon.svg" alt="" width="32" height="32" /> outdial</h1>
        <p>Paste a token of the admin API. It stays in this tab, and is forgotten with it.</p>
        <label class="field"><span>Token</span>
          <input type="password" name="token" autocomplete="off" spellcheck=${false} autofocus required value=${value} onInput=${(event) => setValue(event.target.value)} />
        </label>
        ${said && html`<p class="trouble" role="alert">${said}</p>`}
        <button class="primary" disabled=${busy || !value.trim()}>Sign in</button>
        <p class="muted">Tokens stand in the secret that <code>admin.tokens</code> names, one per line. A viewer may look; an operator may change.</p>
      </form>
    </main>`;
}
