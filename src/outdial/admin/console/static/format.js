// Figures and times as people read them.

const whole = new Intl.NumberFormat("en");
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const dayOfAnotherYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

export const count = (value) => (value === null || value === undefined ? "–" : whole.format(value));
export const percent = (value, digits = 0) => (value === null || value === undefined ? "–" : `${(value * 100).toFixed(digits)} %`);
export const decimal = (value, digits = 2) => (value === null || value === undefined ? "–" : value.toFixed(digits));

/** "1 number", "3 numbers". */
export const many = (value, one, more = `${one}s`) => `${count(value)} ${value === 1 ? one : more}`;

/** Seconds in the largest unit that says enough. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 1) return seconds > 0 ? "under 1 s" : "0 s";
  const units = [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]];
  for (const [size, unit, smaller, part] of units) {
    if (seconds >= size) {
      const rest = Math.floor((seconds % size) / smaller);
      return `${Math.floor(seconds / size)} ${unit}${rest ? ` ${rest} ${part}` : ""}`;
    }
  }
  return `${Math.round(seconds)} s`;
}

/** The time of day, with the date if it is not today's and the year if it is not this one. */
export function when(text, now = new Date()) {
  if (!text) return "–";
  const at = new Date(text);
  const said = clock.format(at);
  if (at.toDateString() === now.toDateString()) return said;
  return `${(at.getFullYear() === now.getFullYear() ? day : dayOfAnotherYear).format(at)}, ${said}`;
}

/** How long ago, or in how long. */
export function distance(text, now = Date.now()) {
  if (!text) return "–";
  const seconds = (new Date(text).getTime() - now) / 1000;
  return seconds >= 0 ? `in ${duration(Math.round(seconds))}` : `${duration(Math.round(-seconds))} ago`;
}
