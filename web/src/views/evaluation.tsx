/** Suites against baselines: what the trained agent can do that an untrained or a random one can't. */
import { type ApiError, ofRun, withQuery, API } from "../api/client";
import type { PolicyResult, Suite, Summary } from "../api/types";
import { useAsk, useChanges } from "../core/data";
import { escape, toCsv } from "../core/export";
import { count, digits, percent } from "../core/format";
import { useTitle } from "../core/router";
import { FileButtons } from "../ui/files";
import { Card, Empty, Heading, Problem, Waiting } from "../ui/parts";

const ORDER = ["trained", "untrained", "random"];

export function EvaluationView(props: { run: Summary }) {
  const { run } = props;
  useTitle(`Evaluation, ${run.name}`);
  const changes = useChanges(run.name, ["events"], 3_000);
  const { data, error, again } = useAsk<{ suites: Suite[]; left_out: ApiError["details"] }>(ofRun(run.name, "/evaluation"), {}, changes);
  return (
    <>
      <Heading
        title="Evaluation"
        tools={
          data?.suites.length ? (
            <a class="button" href={withQuery(API + ofRun(run.name, "/evaluation"), { format: "csv" })} download>
              CSV
            </a>
          ) : undefined
        }
      >
        Held-out levels that nothing was trained on, with the same episodes for each policy. Intervals are 95 %. The worst tenth is chosen by half of the episodes and scored by the others.
      </Heading>
      {error && <Problem error={error} again={again} />}
      {!data && !error && <Waiting what="Reading the evaluation …" />}
      {data && data.left_out.length > 0 && (
        <div class="notice bad" role="status">
          {`Left out, since they are no results: ${data.left_out.map(({ where, what }) => `${where} (${what})`).join("; ")}.`}
        </div>
      )}
      {data && !data.suites.length && !data.left_out.length && (
        <Empty title="Not evaluated yet">
          {run.is_live ? "The closing evaluation comes when the budget is spent." : "This run ended before its closing evaluation."}
        </Empty>
      )}
      <div class="grid wide">
        {data?.suites.map((suite) => (
          <SuiteCard suite={suite} key={`${suite.suite}-${suite.step_limit}-${suite.suite_hash}`} />
        ))}
      </div>
    </>
  );
}

function policiesOf(suite: Suite): [string, PolicyResult][] {
  const place = (name: string) => (ORDER.indexOf(name) + ORDER.length + 1) % (ORDER.length + 1);
  return Object.entries(suite.policies).sort(([a], [b]) => place(a) - place(b));
}

function SuiteCard(props: { suite: Suite }) {
  const { suite } = props;
  const policies = policiesOf(suite);
  const title = suite.step_limit === null ? suite.suite : `${suite.suite}, ${suite.step_limit} steps`;
  return (
    <Card
      title={title}
      note={`${count(suite.levels)} levels, ${count(suite.episodes)} episodes each · ${suite.suite_hash.slice(0, 12)}`}
      tools={
        <FileButtons title={title} svg={() => suiteSvg(title, policies)} csv={() => suiteCsv(policies)} />
      }
    >
      <svg class="dots" viewBox={`0 0 360 ${policies.length * 34 + 26}`} role="img" aria-label={policies.map(([name, one]) => `${name} ${percent(one.solve_rate, 1)}`).join(", ")}>
        <Dots policies={policies} />
      </svg>
      <div class="scroll" tabIndex={0} role="region" aria-label={`${title} in numbers`}>
        <table>
          <thead>
            <tr>
              <th scope="col">Policy</th>
              <th scope="col" class="number">Solved</th>
              <th scope="col" class="number">95 % interval</th>
              <th scope="col" class="number">Worst tenth</th>
              <th scope="col" class="number">Return</th>
            </tr>
          </thead>
          <tbody>
            {policies.map(([name, one]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td class="number">{percent(one.solve_rate, 1)}</td>
                <td class="number">
                  {percent(one.low, 1)} to {percent(one.high, 1)}
                </td>
                <td class="number">{percent(one.cvar_10_held, 1)}</td>
                <td class="number">{digits(one.return_mean)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

function suiteCsv(policies: [string, PolicyResult][]): string {
  const header = ["policy", "solve_rate [share]", "low [share]", "high [share]", "cvar_10_held [share]", "return_mean [reward]"];
  const column = (name: keyof PolicyResult) => policies.map(([, one]) => one[name] ?? null);
  return toCsv(header, [policies.map(([name]) => name), column("solve_rate"), column("low"), column("high"), column("cvar_10_held"), column("return_mean")]);
}

// Beside the longest name and half of "100 %", in the larger letters of narrow screens.
const across = (share: number) => 102 + share * 230;

function Dots(props: { policies: [string, PolicyResult][] }) {
  const foot = props.policies.length * 34 + 4;
  return (
    <g>
      {[0, 0.25, 0.5, 0.75, 1].map((share) => (
        <g key={share}>
          <path d={`M${across(share)} 0V${foot}`} style={{ stroke: "var(--line)" }} />
          <text x={across(share)} y={foot + 16} text-anchor="middle" style={{ fill: "var(--soft)" }}>
            {percent(share)}
          </text>
        </g>
      ))}
      {props.policies.map(([name, one], at) => {
        const y = at * 34 + 18;
        const tone = name === "trained" ? "var(--series-1)" : "var(--line-strong)";
        return (
          <g key={name}>
            <text x="0" y={y + 4}>
              {name}
            </text>
            {one.low !== null && one.high !== null && <path d={`M${across(one.low)} ${y}H${across(one.high)}`} style={{ stroke: tone, strokeWidth: 2.5 }} />}
            {one.solve_rate !== null && <circle cx={across(one.solve_rate)} cy={y} r="4.500" style={{ fill: tone }} />}
          </g>
        );
      })}
    </g>
  );
}

function suiteSvg(title: string, policies: [string, PolicyResult][]): string {
  const foot = policies.length * 34 + 40;
  const marks = [0, 0.25, 0.5, 0.75, 1].map(
    (share) => `<path d="M${across(share)} 30V${foot - 6}" stroke="#D8DCE3"/><text x="${across(share)}" y="${foot + 10}" text-anchor="middle">${percent(share)}</text>`,
  );
  const rows = policies.map(([name, one], at) => {
    const y = at * 34 + 50;
    const line = one.low !== null && one.high !== null ? `<path d="M${across(one.low)} ${y}H${across(one.high)}" stroke="#0072B2" stroke-width="3"/>` : "";
    const dot = one.solve_rate === null ? "" : `<circle cx="${across(one.solve_rate)}" cy="${y}" r="6" fill="#0072B2"/>`;
    return `<text x="2" y="${y + 4}">${escape(name)}</text>${line}${dot}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 370 ${foot + 20}" width="740" font-family="sans-serif" font-size="12" fill="#23272F">
<rect width="370" height="${foot + 20}" fill="#FFFFFF"/><text x="2" y="18" font-weight="bold">${escape(title)}</text>
${marks.join("\n")}
${rows.join("\n")}
</svg>
`;
}
