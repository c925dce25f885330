/** Several runs in one chart, with intervals, and the settings in which they differ. */
import { rawOf } from "../api/client";
import type { Comparison } from "../api/types";
import { useAsk } from "../core/data";
import { quoteCell } from "../core/export";
import { sentence, spoken } from "../core/format";
import { useChoice } from "../core/router";
import { smooth } from "../core/series";
import { Chart, lineLook, LOGARITHMIC, SMOOTHED } from "../ui/chart";
import { FileButtons } from "../ui/files";
import { Choice, Problem, Waiting } from "../ui/parts";

const NAMES = ["solve_rate", "heldout_solve_rate", "return_mean", "frames_per_s", "policy_entropy", "loss_value", "loss_policy"];

const MEANS = "Means at evenly spaced steps; intervals where a group has several runs. The CSV beside the choice has every row as it was logged.";

/** `version` changes when one of the runs grew; `weight` smooths means and intervals. */
export function Compare(props: { runs: string[]; version: string; weight: number; isLog: boolean }) {
  const { weight } = props;
  const [name, setName] = useChoice("metric", "solve_rate");
  const [by] = useChoice("x", "frames");
  const query = { runs: props.runs, names: name, points: 300, by: by === "wall_s" || by === "updates" ? by : "frames" };
  const { data, error, again } = useAsk<Comparison>("/compare", query, props.version);
  const isShare = name.endsWith("solve_rate");
  const isLog = props.isLog && !isShare;
  if (error) return <Problem error={error} again={again} />;
  if (!data) return <Waiting what="Reading the runs …" />;
  const across = [...new Set(data.groups.flatMap((group) => group.x))].sort((a, b) => a - b);
  return (
    <>
      <div class="row">
        <Choice label="Of" value={name} options={NAMES.map((one) => [one, spoken(one)])} onChange={setName} />
        <FileButtons title="Every row of these runs" name={`${spoken(name)} of ${props.runs.join(" ")}`} csv={() => readRows(props.runs, name)} />
      </div>
      <Chart
        note={[MEANS, weight ? SMOOTHED : "", isLog ? LOGARITHMIC : ""].filter(Boolean).join(" ")}
        picture={{
          title: `${sentence(spoken(name))}, side by side`,
          across: data.by === "wall_s" ? "s" : data.by,
          x: across,
          isShare,
          isLog,
          lines: data.groups.map((group, at) => {
            const series = group.series[name];
            const spread = (values: (number | null)[] | undefined) => {
              const known = new Map(group.x.map((x, place) => [x, values?.[place] ?? null]));
              return smooth(across.map((x) => known.get(x) ?? null), weight);
            };
            const label = group.runs.length === 1 ? (group.runs[0] ?? group.name) : `${group.name} (${group.runs.length} runs)`;
            const hasBand = series?.low.some((value) => value !== null);
            return {
              name: label,
              values: spread(series?.mean),
              ...(hasBand ? { low: spread(series?.low), high: spread(series?.high) } : {}),
              ...lineLook(at),
            };
          }),
        }}
      />
      <h3>Settings that differ</h3>
      {data.settings.length ? (
        <div class="scroll" tabIndex={0} role="region" aria-label="Settings that differ">
          <table>
            <thead>
              <tr>
                <th scope="col">Setting</th>
                {props.runs.map((run) => (
                  <th scope="col" key={run}>
                    {run}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {data.settings.map((setting) => (
                <tr key={setting.name}>
                  <th scope="row">{setting.name}</th>
                  {props.runs.map((run) => (
                    <td key={run}>{tellSetting(setting.values[run])}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <p class="soft">None.</p>
      )}
    </>
  );
}

const tellSetting = (value: unknown): string => (value === null || value === undefined ? "none" : JSON.stringify(value));

/** Every row of several runs in one table, with the run's name before it. */
async function readRows(runs: string[], name: string): Promise<string> {
  const tables = await Promise.all(
    runs.map(async (run) => {
      const answer = await fetch(rawOf(run, [name]), { credentials: "same-origin" });
      if (!answer.ok) throw new Error(`The rows of ${run} can't be read: ${answer.status} ${answer.statusText}`);
      return (await answer.text()).split(/\r?\n/).filter(Boolean);
    }),
  );
  const head = `run,${tables[0]?.[0] ?? ""}`;
  const rows = tables.flatMap(([, ...lines], at) => lines.map((line) => `${quoteCell(runs[at] ?? "")},${line}`));
  return `${[head, ...rows].join("\n")}\n`;
}
