/** What the canvas shows of the lineage, as a picture for papers. Pure. */
import { escape } from "../core/export";
import type { Scene } from "./paint";

export function treeSvg(scene: Scene): string {
  const { camera, extent, tree, answer, until, longest } = scene;
  const { cycle, left, path, id } = answer.columns;
  const x = (value: number) => ((value - camera.left) * camera.across).toFixed(1);
  const y = (row: number) => ((row + 0.5 - camera.top) * camera.down).toFixed(1);
  const lines: string[] = [];
  const dots: string[] = [];
  const ramp = ["#00224e", "#3b496c", "#707173", "#a59c74", "#c3b369"];
  const radius = Math.min(6, Math.max(0.8, camera.down * 0.32)).toFixed(1);
  for (const at of tree.order) {
    const [born, row] = [cycle[at] as number, tree.row[at] as number];
    if (born > until) continue;
    const above = tree.parent[at] as number;
    if (above >= 0 && (tree.row[above] as number) >= 0)
      lines.push(`<path d="M${x(cycle[above] as number)} ${y(tree.row[above] as number)}L${x(born)} ${y(row)}" stroke="#C9CDD6"/>`);
    const end = (left[at] as number) >= 0 && (left[at] as number) <= until ? (left[at] as number) : null;
    lines.push(`<path d="M${x(born)} ${y(row)}H${x(end ?? until)}" stroke="${end === null ? "#0072B2" : "#8A8778"}" stroke-width="2"/>`);
    const share = Math.min(ramp.length - 1, Math.floor(((path[at] ?? 0) / (longest || 1)) * ramp.length));
    dots.push(`<circle cx="${x(born)}" cy="${y(row)}" r="${radius}" fill="${ramp[share]}"><title>${escape(`World ${id[at]}`)}</title></circle>`);
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${extent.width} ${extent.height}" width="${extent.width}" height="${extent.height}" fill="none">
<rect width="${extent.width}" height="${extent.height}" fill="#FFFFFF"/>
${lines.join("\n")}
${dots.join("\n")}
</svg>
`;
}
