// Nothing is changed without a question that names what follows, and a reason for the audit log.

import { html, useEffect, useRef, useState } from "./vendor/htm-preact.js";
import { Trouble } from "./parts.js";

let show = () => {};
let say = () => {};

/**
 * Ask before something is done.
 *
 * `title`, `text`; `consequences`: an async function that returns sentences (from a dry run of the same request);
 * `fields`: {name, label, type ("lines": several lines of text), value, hint, options}; `verb`: on the button; `danger`; `run(values)`: does it, `values.why`
 * is the reason; `done(answer)`: after it; `said`: told at the end, or a function of the answer.
 */
export const askFirst = (spec) => show(spec);

/** Tell something in passing. */
export const notice = (text) => say(text);

const starts = (fields) => Object.fromEntries((fields || []).map((one) => [one.name, one.value ?? ""]));

function Field({ of, value, change }) {
  const set = (event) => change(of.type === "checkbox" ? event.target.checked : event.target.value);
  if (of.type === "checkbox") {
    return html`<label class="check"><input type="checkbox" checked=${value} onChange=${set} /> <span>${of.label}${of.hint && html`<small>${of.hint}</small>`}</span></label>`;
  }
  const input = of.options
    ? html`<select value=${value} onChange=${set}>${of.options.map((one) => html`<option value=${one.value}>${one.label}</option>`)}</select>`
    : of.type === "lines"
      ? html`<textarea rows="6" value=${value} onInput=${set} required=${of.required} placeholder=${of.placeholder}></textarea>`
      : html`<input type=${of.type || "text"} value=${value} onInput=${set} min=${of.min} max=${of.max} step=${of.step} required=${of.required} placeholder=${of.placeholder} />`;
  return html`<label class="field"><span>${of.label}</span>${input}${of.hint && html`<small>${of.hint}</small>`}</label>`;
}

function Question({ spec, close }) {
  const dialog = useRef(null);
  const [values, setValues] = useState({ why: "", ...starts(spec.fields) });
  const [follows, setFollows] = useState(spec.consequences ? null : []);
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    dialog.current.showModal();
    if (!spec.consequences) return;
    spec.consequences().then(setFollows, (error) => {
      setFollows([]);
      setProblem(error);
    });
  }, []);

  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      const answer = await spec.run({ ...values, why: values.why.trim() });
      close();
      notice((typeof spec.said === "function" ? spec.said(answer) : spec.said) || "Done.");
      spec.done?.(answer);
    } catch (error) {
      setProblem(error);
      setBusy(false);
    }
  };
  const set = (name) => (value) => setValues((was) => ({ ...was, [name]: value }));

  return html`
    <dialog ref=${dialog} onClose=${close} aria-labelledby="question">
      <form onSubmit=${submit}>
        <h2 id="question">${spec.title}</h2>
        ${spec.text && html`<p>${spec.text}</p>`}
        ${follows === null && html`<p class="loading">Asking what would follow …</p>`}
        ${follows?.length > 0 && html`<ul class="consequences ${spec.danger ? "danger" : ""}">${follows.map((one) => html`<li>${one}</li>`)}</ul>`}
        ${(spec.fields || []).map((one) => html`<${Field} of=${one} value=${values[one.name]} change=${set(one.name)} />`)}
        <${Field} of=${{ label: "Why", hint: "kept in the audit log with your name", required: true }} value=${values.why} change=${set("why")} />
        <${Trouble} problem=${problem} />
        <footer>
          <button type="button" onClick=${() => dialog.current.close()}>Leave it</button>
          <button type="submit" class=${spec.danger ? "danger" : "primary"} disabled=${busy || follows === null || !values.why.trim()}>${spec.verb}</button>
        </footer>
      </form>
    </dialog>`;
}

/** Stands once on the page; questions and notices appear here. */
export function DialogHost() {
  const [spec, setSpec] = useState(null);
  const [said, setSaid] = useState("");
  useEffect(() => {
    show = (one) => setSpec({ ...one, key: Math.random() });
    say = setSaid;
  }, []);
  useEffect(() => {
    if (!said) return undefined;
    const timer = setTimeout(() => setSaid(""), 5000);
    return () => clearTimeout(timer);
  }, [said]);
  return html`
    ${spec && html`<${Question} key=${spec.key} spec=${spec} close=${() => setSpec(null)} />`}
    <div class="notice" role="status" aria-live="polite">${said}</div>`;
}
