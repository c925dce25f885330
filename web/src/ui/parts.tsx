/** Small parts that the views share. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { ApiError } from "../api/client";
import type { RunState, Summary } from "../api/types";
import { useCell } from "../core/cell";
import { now } from "../core/data";
import { duration } from "../core/format";
import { ageOf } from "../core/run";

export function Heading(props: { title: string; children?: ComponentChildren; tools?: ComponentChildren }) {
  return (
    <div class="heading">
      <div>
        <h1>{props.title}</h1>
        {props.children && <p>{props.children}</p>}
      </div>
      {props.tools && <div class="row">{props.tools}</div>}
    </div>
  );
}

export function Card(props: { title: string; tools?: ComponentChildren; note?: ComponentChildren; children: ComponentChildren }) {
  return (
    <section class="card">
      <header>
        <h2>{props.title}</h2>
        {props.tools && <div class="tools">{props.tools}</div>}
      </header>
      {props.note && <p class="soft small">{props.note}</p>}
      {props.children}
    </section>
  );
}

/** A number with its name; `beside` stands next to it, as an interval does, and `note` below. */
export function Figure(props: { name: string; value: string; beside?: string; note?: string | undefined }) {
  return (
    <div class={`figure ${props.beside ? "broad" : ""}`}>
      <dt>{props.name}</dt>
      <dd>
        {props.value}
        {props.beside && <span class="beside"> {props.beside}</span>}
      </dd>
      {props.note && <dd class="note">{props.note}</dd>}
    </div>
  );
}

export function Empty(props: { title: string; children?: ComponentChildren }) {
  return (
    <p class="empty">
      <strong>{props.title}</strong>
      {props.children}
    </p>
  );
}

export function Waiting(props: { what: string }) {
  return (
    <p class="empty" role="status">
      {props.what}
    </p>
  );
}

export function Problem(props: { error: ApiError; again?: () => void }) {
  return (
    <div class="notice bad" role="alert">
      <p>
        {props.error.message}
        {props.error.details.map((one) => (
          <span class="small" key={one.where + one.what}>
            {" "}
            {one.where}: {one.what}
          </span>
        ))}
      </p>
      {props.again && (
        <button class="button" onClick={props.again}>
          Try again
        </button>
      )}
    </div>
  );
}

/** A button that keeps the focus while there is nothing to press: a disabled one would lose it. */
export function Press(props: { class?: string; title?: string; isOff: boolean; onClick: () => void; children: ComponentChildren }) {
  const { isOff, onClick } = props;
  return (
    <button
      class={`button ${props.class ?? ""}`}
      aria-disabled={isOff}
      onClick={() => !isOff && onClick()}
      {...(props.title ? { title: props.title } : {})}
    >
      {props.children}
    </button>
  );
}

const LOOKS: Partial<Record<RunState, string>> = {
  finished: "good", crashed: "bad", silent: "bad", paused: "warn", stopped: "warn", unknown: "",
};

const STATES: Partial<Record<RunState, string>> = { silent: "no sign of life", unknown: "state unknown" };

export function StatePill(props: { run: Summary }) {
  const { run } = props;
  const name = STATES[run.state] ?? run.state;
  const age = ageOf(run, useCell(now));
  return (
    <span class={`pill ${LOOKS[run.state] ?? "busy"}`}>
      {name}
      {run.is_live && run.state !== "training" && age !== null && <span class="age">{`, ${duration(age)}`}</span>}
    </span>
  );
}

export function Choice(props: { label: string; value: string; options: [string, string][]; onChange: (value: string) => void }) {
  return (
    <label class="field">
      {props.label}
      <select value={props.value} onChange={(event) => props.onChange(event.currentTarget.value)}>
        {props.options.map(([value, words]) => (
          <option value={value} key={value}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

export function Toggle(props: { label: string; isOn: boolean; onChange: (isOn: boolean) => void }) {
  return (
    <label class="field inline">
      <input type="checkbox" checked={props.isOn} onChange={(event) => props.onChange(event.currentTarget.checked)} />
      {props.label}
    </label>
  );
}

/** A dialog that takes the focus, gives it back, and closes on Escape. */
export function Dialog(props: { title: string; onClose: () => void; children: ComponentChildren }) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={element} aria-labelledby="dialog-title" onCancel={props.onClose} onClose={props.onClose}>
      <div class="stack">
        <h2 id="dialog-title">{props.title}</h2>
        {props.children}
      </div>
    </dialog>
  );
}
