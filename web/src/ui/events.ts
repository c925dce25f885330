/** An event of the ledger in a sentence. Kinds that are not known are shown as they are. Pure. */
import type { LedgerEvent } from "../api/types";
import { count, duration, percent, plural, short } from "../core/format";

export function tellEvent({ kind, payload }: LedgerEvent): string {
  const number = (name: string) => (typeof payload[name] === "number" ? (payload[name] as number) : null);
  const text = (name: string) => (typeof payload[name] === "string" ? (payload[name] as string) : "");
  switch (kind) {
    case "started":
      return number("frames") ? `Started again at ${short(number("frames"))} frames.` : "Started.";
    case "cycle":
      return `Cycle ${count(number("cycle"))}: ${plural(number("accepted") ?? 0, "world")} accepted.`;
    case "saved":
      return `Saved at ${short(number("frames"))} frames.`;
    case "ended":
      return "Ended.";
    case "act":
      return `A person's act is in force: ${text("act")}.`;
    case "candidate":
      return `A candidate was judged: ${text("verdict")}${number("world") === null ? "" : `, world ${number("world")}`}${text("reason") ? `. ${text("reason")}` : ""}`;
    case "paused":
      return `Paused for ${duration(number("seconds"))}.`;
    case "incident":
      return number("training") === null
        ? `Incident: ${tellPayload(payload).slice(2) || "a honeypot was hacked"}.`
        : `Incident: in honeypot ${number("world")} the agent got ${percent(number("training"))} of what training pays and ${percent(number("evaluation"))} of what evaluation pays, in ${plural(number("episodes") ?? 0, "episode")} of cycle ${count(number("cycle"))}.`;
    case "levels":
    case "worlds":
      return text("trouble") || `Trouble with the ${kind}.`;
    case "put aside":
      return `${text("file") || "A file"} was damaged and is put aside${text("now") ? ` as ${text("now")}` : ""}${text("reason") ? `: ${text("reason")}` : "."}`;
    case "feedback":
      return `Feedback on world ${count(number("world"))} noted.`;
    default:
      return `${kind.charAt(0).toUpperCase()}${kind.slice(1)}${tellPayload(payload)}`;
  }
}

function tellPayload(payload: Record<string, unknown>): string {
  const parts = Object.entries(payload).map(([name, value]) => `${name.replaceAll("_", " ")} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`);
  return parts.length ? `: ${parts.join(", ")}` : "";
}
