/** Line icons, 24 a side, in the text's colour. */
const PATHS = {
  now: "M3 12h4l3-8 4 16 3-8h4",
  worlds: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  lineage: "M5 4v16M5 8h7a4 4 0 0 1 4 4v1M5 16h5M16 13a2 2 0 1 0 0 4 2 2 0 0 0 0-4M12 18a2 2 0 1 1-2-2",
  learning: "M4 4v16h16M7 15l4-5 3 3 5-7",
  evaluation: "M6 20V10M12 20V4M18 20v-7",
  safety: "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2 2 4-4",
  steering: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 10a2 2 0 1 0 0 4 2 2 0 0 0 0-4M3.500 10.500 10 12M20.500 10.500 14 12M12 14v7",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v2M12 20v2M4 12H2M22 12h-2M5 5l1.500 1.500M17.500 17.500 19 19M19 5l-1.500 1.500M6.500 17.500 5 19",
  moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z",
  help: "M9 9a3 3 0 1 1 4 2.800c-.7.3-1 .9-1 1.700M12 17v.2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18",
  play: "M7 4l13 8-13 8z",
  pause: "M7 4v16M17 4v16",
  like: "M7 11v9H4v-9zM7 11l4-8c2 0 2.500 1.500 2 4l-.5 2H19c1 0 2 1 1.700 2.300l-1.500 6.500c-.2 1.300-1 2.200-2.200 2.200H7",
  dislike: "M17 13V4h3v9zM17 13l-4 8c-2 0-2.500-1.500-2-4l.5-2H5c-1 0-2-1-1.700-2.300l1.500-6.500C5 4.900 5.800 4 7 4h10",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon(props: { name: IconName }) {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={PATHS[props.name]} />
    </svg>
  );
}

export function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#2B303C" />
      <rect x="5" y="5" width="10" height="10" rx="1.5" fill="#FBF8F1" />
      <rect x="17" y="5" width="10" height="10" rx="1.5" fill="#FBF8F1" />
      <rect x="17" y="17" width="10" height="10" rx="1.5" fill="#009E73" />
      <path d="M6.500 17.500 14 22l-7.500 4.500 1.800-4.500z" fill="#56B4E9" />
    </svg>
  );
}
