// Instants on two clocks: that of the person who is called, and that of whoever looks.

import { h } from "./element.js";

export const own = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

export const zones = typeof Intl.supportedValuesOf === "function" ? Intl.supportedValuesOf("timeZone") : [own, "UTC"];

const LONG = { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

/** "Mon, 7 Dec 2026, 09:00"; null where this browser does not know the zone. */
export function wall(instant, tz, options = LONG) {
  try {
    return new Intl.DateTimeFormat("en-GB", { ...options, timeZone: tz }).format(new Date(instant));
  } catch {
    return null;
  }
}

/** An instant in the zone that matters, with its name, and below it on the user's own clock. */
export function when(instant, tz, { seconds = false } = {}) {
  if (!instant) return "";
  const options = seconds ? { ...LONG, second: "2-digit" } : LONG;
  const there = tz && wall(instant, tz, options);
  const here = wall(instant, own, options);
  const main = there ? [there, " ", h("span", { class: "zone" }, tz)] : [here, " ", h("span", { class: "zone" }, own)];
  const differs = there && there !== here;
  return h("time", { datetime: instant }, ...main, differs && h("span", { class: "own" }, `${here} yours`));
}

/** On the user's own clock. */
export function mine(instant, options) {
  return when(instant, null, options);
}

/** How long from one instant to another, in the two largest units. */
export function span(seconds) {
  const left = Math.abs(Math.round(seconds));
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = parts.findIndex(([size]) => left >= size);
  if (first < 0) return "0 s";
  const [[size, unit], next] = [parts[first], parts[first + 1]];
  const more = next && Math.floor((left % size) / next[0]);
  return `${Math.floor(left / size)} ${unit}` + (more ? ` ${more} ${next[1]}` : "");
}

/** Minutes that a zone is ahead of UTC at an instant. */
function ahead(instant, tz) {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: tz, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
  }).formatToParts(instant);
  const part = Object.fromEntries(parts.map(({ type, value }) => [type, Number(value)]));
  const shown = Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second);
  return Math.round((shown - Math.floor(instant / 1000) * 1000) / 60000);
}

/** What a field of a local time shows for an instant: 2026-12-07T09:00. */
export function entered(instant, tz = own) {
  const at = new Date(instant).getTime();
  return new Date(at + ahead(at, tz) * 60000).toISOString().slice(0, 16);
}

/** A wall clock in a zone as an instant; an error where the clocks pass over it. Of a time that comes twice, the first. */
export function instant(local, tz = own) {
  const asked = Date.parse(local + "Z");
  if (Number.isNaN(asked)) throw new Error("Enter a date and a time.");
  const offsets = [ahead(asked - 86400000, tz), ahead(asked + 86400000, tz)];
  const found = offsets.map((minutes) => asked - minutes * 60000)
    .filter((at) => at + ahead(at, tz) * 60000 === asked);
  if (found.length === 0) throw new Error(`There is no ${local.replace("T", " ")} in ${tz}: the clocks are put forward then.`);
  return new Date(Math.min(...found)).toISOString();
}
