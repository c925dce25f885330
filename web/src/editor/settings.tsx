/** Physics, reward and rules of a level, by name and in words. */
import type { Phrase, Setting, Vocabulary } from "../api/types";
import type { Draft } from "./level";

const MOST_RULES = 4;

export function SettingsForm(props: { draft: Draft; vocabulary: Vocabulary; onChange: (draft: Draft) => void }) {
  const { draft, vocabulary } = props;
  const set = (name: string, value: string) => props.onChange({ ...draft, settings: { ...draft.settings, [name]: value } });
  const setRule = (at: number, rule: string) => {
    const rules = [...draft.rules];
    rules[at] = rule;
    props.onChange({ ...draft, rules: rules.filter((one, place) => one.trim() || place < at) });
  };
  const slots = Math.min(MOST_RULES, draft.rules.length + 1);
  return (
    <div class="stack">
      <div class="settings">
        {vocabulary.settings
          .filter((setting) => setting.kind !== "rules")
          .map((setting) => (
            <Field key={setting.name} setting={setting} value={draft.settings[setting.name] ?? ""} onChange={(value) => set(setting.name, value)} />
          ))}
      </div>
      <fieldset class="stack">
        <legend>
          <h3>Rules</h3>
        </legend>
        {Array.from({ length: slots }, (_, at) => (
          <label class="field" key={at}>
            Rule {at + 1}
            <input list="rule-examples" value={draft.rules[at] ?? ""} placeholder={vocabulary.examples[at] ?? ""} onChange={(event) => setRule(at, event.currentTarget.value)} />
          </label>
        ))}
        <datalist id="rule-examples">
          {vocabulary.examples.map((example) => (
            <option value={example} key={example} />
          ))}
        </datalist>
        <details>
          <summary>The words of rules</summary>
          <div class="stack small">
            <Phrases title="When" phrases={vocabulary.triggers} />
            <Phrases title="Then" phrases={vocabulary.effects} />
          </div>
        </details>
      </fieldset>
    </div>
  );
}

function Phrases(props: { title: string; phrases: Phrase[] }) {
  return (
    <div>
      <h4>{props.title}</h4>
      <dl class="phrases">
        {props.phrases.map(({ text, meaning }) => (
          <div key={text}>
            <dt>{text}</dt>
            <dd class="soft">{meaning}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function Field(props: { setting: Setting; value: string; onChange: (value: string) => void }) {
  const { setting } = props;
  const name = setting.name.replaceAll("_", " ");
  if (setting.kind === "switch")
    return (
      <label class="field">
        {name}
        <select value={props.value} onChange={(event) => props.onChange(event.currentTarget.value)}>
          <option value="">{setting.default ? "yes" : "no"}, as usual</option>
          <option value="yes">yes</option>
          <option value="no">no</option>
        </select>
      </label>
    );
  const usual = Array.isArray(setting.default) ? setting.default.join(" ") : String(setting.default ?? "");
  const range = setting.least === null || setting.most === null ? "" : `${setting.least} to ${setting.most}`;
  return (
    <label class="field">
      {range ? `${name}, ${range}` : name}
      <input
        inputMode={setting.kind === "pair" ? "text" : "decimal"}
        value={props.value}
        placeholder={setting.kind === "pair" ? `${usual} (rows columns)` : usual}
        onChange={(event) => props.onChange(event.currentTarget.value.trim())}
      />
    </label>
  );
}
