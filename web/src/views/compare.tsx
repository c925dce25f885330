/** Several runs in one chart, with intervals, and the settings in which they differ. */
import { withQuery, API } from "../api/client";
import type { Comparison } from "../api/types";
import { useAsk } from "../core/data";
import { spoken } from "../core/format";
import { useChoice } from "../core/router";
import { Chart, lineLook } from "../ui/chart";
import { Choice, Problem, Waiting } from "../ui/parts";

const NAMES = ["solve_rate", "heldout_solve_rate", "return_mean", "frames_per_s", "policy_entropy", "loss_value", "loss_policy"];

export function Compare(props: { runs: string[] }) {
  const [name, setName] = useChoice("metric", "solve_rate");
  const [by] = useChoice("x", "frames");
  const query = { runs: props.runs.map(encodeURIComponent).join(","), names: name, points: 300, by: by === "wall_s" ? "wall_s" : "frames" };
  const { data, error, again } = useAsk<Comparison>("/compare", query);
  if (error) return <Problem error={error} again={again} />;
  if (!data) return <Waiting what="Reading the runs …" />;
  const across = [...new Set(data.groups.flatMap((group) => group.x))].sort((a, b) => a - b);
  return (
    <>
      <div class="row">
        <Choice label="Of" value={name} options={NAMES.map((one) => [one, spoken(one)])} onChange={setName} />
        <a class="button" href={withQuery(`${API}/compare`, { ...query, format: "csv" })} download>
          CSV
        </a>
      </div>
      <Chart
        picture={{
          title: `${spoken(name)}, side by side`,
          across: data.by === "wall_s" ? "s" : "frames",
          x: across,
          isShare: name.endsWith("solve_rate"),
          lines: data.groups.map((group, at) => {
            const series = group.series[name];
            const spread = (values: (number | null)[] | undefined) => {
              const known = new Map(group.x.map((x, place) => [x, values?.[place] ?? null]));
              return across.map((x) => known.get(x) ?? null);
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
                    <td key={run}>{JSON.stringify(setting.values[run]) ?? "not there"}</td>
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
