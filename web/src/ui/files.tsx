/** Buttons that hand out what a view shows: a picture as SVG, its numbers as CSV. */
import { useState } from "preact/hooks";
import { download, fileName } from "../core/export";

interface Files {
  title: string;
  /** Of the files; the title unless it says another. */
  name?: string;
  svg?: () => string;
  csv?: () => string | Promise<string>;
}

/** `svg` and `csv` make the files when they are asked for. */
export function FileButtons(props: Files) {
  const { title, svg, csv } = props;
  const [error, setError] = useState("");
  const name = props.name ?? title;
  const give = async (ending: string, kind: string, make: () => string | Promise<string>) => {
    try {
      download(fileName(name, ending), await make(), kind);
      setError("");
    } catch (problem) {
      setError(problem instanceof Error ? problem.message : String(problem));
    }
  };
  return (
    <>
      {svg && (
        <button class="button quiet" aria-label={`${title} as SVG`} onClick={() => void give("svg", "image/svg+xml", svg)}>
          SVG
        </button>
      )}
      {csv && (
        <button class="button quiet" aria-label={`${title} as CSV`} onClick={() => void give("csv", "text/csv", csv)}>
          CSV
        </button>
      )}
      {error && (
        <span class="small" role="alert">
          {error}
        </span>
      )}
    </>
  );
}
