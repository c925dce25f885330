/** Colours of an ordered quantity: cividis, which grows lighter evenly and looks alike to colour-blind people. */
const CIVIDIS = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"];

/** Dark to light for a share of 0 to 1. */
export const ramp = (share: number): string => CIVIDIS[Math.min(CIVIDIS.length - 1, Math.max(0, Math.floor(share * CIVIDIS.length)))] as string;

export const RAMP: readonly string[] = CIVIDIS;

/** The ramp's part that stands out from a light or a dark ground. */
export const rampOn = (shade: "light" | "dark"): string[] => (shade === "dark" ? CIVIDIS.slice(3) : CIVIDIS.slice(0, 8));
