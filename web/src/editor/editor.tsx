/** Draw a world, have the oracle look at it while you draw, and put it forward. */
import { useMemo, useState } from "preact/hooks";
import { ApiError, ofRun, post } from "../api/client";
import type { CandidateAct, Check, Summary, Vocabulary } from "../api/types";
import { useAsk } from "../core/data";
import { digits, percent, plural } from "../core/format";
import { useChoice } from "../core/router";
import { takesWorlds } from "../core/run";
import { Card, Problem, Waiting } from "../ui/parts";
import { Loop } from "../ui/player";
import { InWords } from "../views/world";
import { Play } from "../views/play";
import { Board } from "./board";
import { useCheck } from "./check";
import { put, readDraft, resize, widthOf, writeDraft, type Draft } from "./level";
import { Palette } from "./palette";
import { SettingsForm } from "./settings";

export function Editor(props: { run: Summary; onDone: () => void }) {
  const vocabulary = useAsk<Vocabulary>("/vocabulary");
  if (!vocabulary.data)
    return <Card title="A world of your own">{vocabulary.error ? <Problem error={vocabulary.error} again={vocabulary.again} /> : <Waiting what="Getting the editor ready …" />}</Card>;
  return <Drawn run={props.run} onDone={props.onDone} vocabulary={vocabulary.data} />;
}

function Drawn(props: { run: Summary; onDone: () => void; vocabulary: Vocabulary }) {
  const { vocabulary } = props;
  const [text, setText] = useChoice("level", vocabulary.default_level);
  const [symbol, setSymbol] = useState("#");
  const [note, setNote] = useState("");
  const [sent, setSent] = useState<CandidateAct | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const draft = useMemo(() => readDraft(text), [text]);
  const check = useCheck(text);
  const change = (next: Draft) => {
    setSent(null);
    setText(writeDraft(next));
  };
  const send = async () => {
    try {
      setSent(await post<CandidateAct>(ofRun(props.run.name, "/candidates"), { level: text, note }));
      setError(null);
      props.onDone();
    } catch (problem) {
      setError(problem instanceof ApiError ? problem : new ApiError(0, "broken", String(problem)));
    }
  };
  return (
    <Card title="A world of your own" note="Drawn, checked by the oracle, and put forward: the run then judges it as any other. The address holds what you drew.">
      <div class="editor">
        <div class="stack">
          <Palette vocabulary={vocabulary} symbol={symbol} onChoose={setSymbol} />
          <Board draft={draft} symbol={symbol} onPut={(row, column, one) => change(put(draft, row, column, one))} onChoose={setSymbol} vocabulary={vocabulary} />
          <div class="row">
            <Size label="Rows" value={draft.rows.length} most={vocabulary.largest_side} onChange={(rows) => change(resize(draft, rows, widthOf(draft)))} />
            <Size label="Columns" value={widthOf(draft)} most={vocabulary.largest_side} onChange={(columns) => change(resize(draft, draft.rows.length, columns))} />
            <button class="button" onClick={() => change(readDraft(vocabulary.default_level))}>
              Begin anew
            </button>
          </div>
          <details>
            <summary>Physics, reward and rules</summary>
            <SettingsForm draft={draft} vocabulary={vocabulary} onChange={change} />
          </details>
          <details>
            <summary>As a level file</summary>
            <label class="field">
              Level file
              <textarea class="mono" rows={12} spellcheck={false} value={text} onInput={(event) => setText(event.currentTarget.value)} />
            </label>
          </details>
        </div>
        <div class="stack">
          <Verdict check={check.data} error={check.error} isChecking={check.isLoading} />
          <label class="field">
            Note
            <input value={note} maxLength={1_000} placeholder="what it should teach" onInput={(event) => setNote(event.currentTarget.value)} />
          </label>
          <div class="row">
            <button class="button main" disabled={!takesWorlds(props.run) || !check.data?.is_valid || check.isLoading} onClick={() => void send()}>
              Put forward
            </button>
          </div>
          {!takesWorlds(props.run) && (
            <p class="small soft">{props.run.has_pool ? "This run has finished: it takes no more worlds." : "This run's method chooses its levels by itself and takes none from outside."}</p>
          )}
          <div role="status">{sent && <p class="small">Put forward. The run judges it in its next cycle; the verdict appears below.</p>}</div>
          {error && <Problem error={error} />}
          {check.data?.is_valid && check.data.words && (
            <details>
              <summary>In words, and try it</summary>
              <InWords words={check.data.words} text={null} />
              <Play key={text} body={{ level: text }} agent={null} best={check.data.optimal_return} />
            </details>
          )}
        </div>
      </div>
    </Card>
  );
}

function Verdict(props: { check: Check | null; error: ApiError | null; isChecking: boolean }) {
  const { check } = props;
  if (props.error) return <Problem error={props.error} />;
  if (!check) return <Waiting what="The oracle gets ready. The first time takes up to half a minute." />;
  if (!check.is_valid)
    return (
      <div class="notice warn" role="status">
        <p>{check.problem?.message}</p>
      </div>
    );
  return (
    <>
      <div class={`notice ${check.solvable ? "" : "warn"}`} role="status">
        <p>
          <strong>{check.solvable ? "Can be solved" : "Can't be solved"}</strong>
          {check.shortest_path !== null && ` in ${plural(check.shortest_path, "step")}`}
          {check.is_deterministic === false && check.solve_rate !== null && `, ${percent(check.solve_rate)} of the time`}
          {check.optimal_return !== null && `. The most there is: ${digits(check.optimal_return)}`}.{" "}
          <span class="soft small">
            {check.states !== null && plural(check.states, "state")}
            {check.is_exact === false && ", bounded"}
            {props.isChecking && ", looking again …"}
          </span>
        </p>
      </div>
      {check.drawing && (
        <div class="screen">
          <Loop drawing={check.drawing} trace={check.trace} label="The oracle's path through your world" />
        </div>
      )}
    </>
  );
}

function Size(props: { label: string; value: number; most: number; onChange: (value: number) => void }) {
  return (
    <label class="field">
      {props.label}
      <input
        type="number"
        min={1}
        max={props.most}
        value={props.value}
        onChange={(event) => props.onChange(Math.min(props.most, Math.max(1, Math.round(Number(event.currentTarget.value)) || 1)))}
      />
    </label>
  );
}
