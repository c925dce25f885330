/** Numbers and times as people read them. A missing one is a dash. */
import type { Maybe } from "../api/types";

export const DASH = "–";
const HUGE = 1e12;
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** 4010007 → 4,010,007. */
export const count = (value: Maybe<number> | undefined): string => (isGiven(value) ? whole.format(value) : DASH);

/** Three digits and a unit: 4010007 → 4.01 M. */
export function short(value: Maybe<number> | undefined): string {
  if (!isGiven(value)) return DASH;
  if (Math.abs(value) >= HUGE) return value.toExponential(1);
  for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]] as const)
    if (Math.abs(value) >= size) return `${digits(value / size)} ${unit}`;
  return digits(value);
}

/** Three digits that matter; with a unit from a million on, and as 1e-5 only what no person would write otherwise. */
export function digits(value: Maybe<number> | undefined): string {
  if (!isGiven(value)) return DASH;
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6) return short(value);
  if (size < 1e-4) return value.toExponential(1);
  return size >= 1_000 ? whole.format(value) : String(Number(value.toPrecision(3)));
}

export const percent = (value: Maybe<number> | undefined, places = 0): string =>
  isGiven(value) ? `${(100 * value).toFixed(places)}\u00a0%` : DASH;

/** 3725 → 1 h 2 min; 72 → 1 min 12 s. No line ends between a number and its unit. */
export function duration(seconds: Maybe<number> | undefined): string {
  if (!isGiven(seconds)) return DASH;
  const all = Math.max(0, Math.round(seconds));
  const [days, hours, minutes] = [Math.floor(all / 86_400), Math.floor(all / 3_600) % 24, Math.floor(all / 60) % 60];
  const say = (...parts: [number, string][]) => parts.map(([many, unit]) => `${many}\u00a0${unit}`).join(" ");
  if (days) return say([days, "d"], [hours, "h"]);
  if (hours) return say([hours, "h"], [minutes, "min"]);
  return minutes ? say([minutes, "min"], [all % 60, "s"]) : say([all, "s"]);
}

/** Seconds since 1970 as how long ago that is. */
export function ago(time: Maybe<number> | undefined, now: number): string {
  if (!isGiven(time)) return DASH;
  const seconds = now - time;
  if (seconds < 5) return "just now";
  return `${duration(seconds < 3_600 ? seconds : Math.round(seconds / 60) * 60)} ago`;
}

export const clock = (time: number): string => new Date(time * 1_000).toLocaleString("sv").slice(0, 19);

export const plural = (many: number, one: string, more = `${one}s`): string => `${count(many)} ${many === 1 ? one : more}`;

export const sentence = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

/** A metric's name in words: `loss_value` → loss value, `qd_frontier` → QD frontier. */
export const spoken = (name: string): string =>
  name
    .replaceAll("_", " ")
    .replace("heldout", "held-out")
    .replace(/ per s$/, "/s")
    .replace(/\b(annecs|ewc|qd)\b/, (letters) => letters.toUpperCase());

function isGiven(value: Maybe<number> | undefined): value is number {
  return value !== null && value !== undefined && Number.isFinite(value);
}
