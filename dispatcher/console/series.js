// Calls that come back by a rule: those there are with their next run, and one with what comes of it.

import { get, may, path, post } from "./api.js";
import { callRows } from "./calls.js";
import { ask } from "./dialogue.js";
import { listed } from "./do_not_call.js";
import { at, badge, count, button, facts, fill, h, into, link, say, table } from "./element.js";
import { field, form, input, select } from "./form.js";
import { pages } from "./list.js";
import { when } from "./time.js";

const STATES = [["active", "active"], ["ended", "ended"], ["cancelled", "cancelled"], ["", "any"]];
const UNITS = { DAILY: "day", WEEKLY: "week", MONTHLY: "month", YEARLY: "year" };

export const DAYS = { MO: "Monday", TU: "Tuesday", WE: "Wednesday", TH: "Thursday", FR: "Friday", SA: "Saturday", SU: "Sunday" };

export function series(main, page) {
  let filter = { state: "active" };
  const list = pages((cursor) => get("api/v1/series", { ...filter, cursor }, page.signal), (items) => seriesRows(items));
  main.append(may("plan") && h("p", null, h("a", { class: "button main", href: at("new-series") }, "New series")) || "", form({ class: "filters" }, [
    field("State", select("state", STATES, "active")),
    field("Campaign", input("campaign")),
    field("Who", input("person", { placeholder: "number, e-mail, or name" }), "The beginning of a name will do"),
  ], "Show", (given) => {
    filter = given;
    return list.show();
  }), list.element);
  list.show();
}

export function seriesRows(items) {
  return table([
    { title: "Series", cell: (row) => link(at("series", row.seriesId), row.seriesId) },
    { title: "Contact", cell: (row) => [row.contact ?? "", h("span", { class: "small block" }, row.address)] },
    { title: "Campaign", cell: (row) => link(at("campaign", row.campaign), row.campaign) },
    { title: "Comes back", cell: (row) => inWords(row) ?? row.rule },
    { title: "State", cell: (row) => [badge(row.state), h("span", { class: "small block" }, row.endReason ?? "")] },
    { title: "Next run", cell: (row) => when(row.nextAt, row.tz) },
    { title: "So far", cell: (row) => count(row.occurrenceCount), numeric: true },
  ], items, { empty: "No series is like that. One calls the same person again and again by a rule, whatever became of the calls before." });
}

/** A rule from its start as people say it; null where it says more than that. */
function inWords({ rule, startLocal }) {
  const { FREQ, INTERVAL = "1", BYDAY, UNTIL, COUNT, ...more } = Object.fromEntries(rule.replace(/^RRULE:/i, "").toUpperCase().split(";").map((part) => part.split("=")));
  const start = new Date(`${startLocal}Z`);
  const days = BYDAY === undefined ? [Object.values(DAYS).at(start.getUTCDay() - 1)] : BYDAY.split(",").map((day) => DAYS[day]);
  // An end on the clock of UTC may be another day here.
  if (!Object.hasOwn(UNITS, FREQ) || UNTIL?.endsWith("Z") || BYDAY !== undefined && FREQ !== "WEEKLY" || days.includes(undefined) || Object.keys(more).length > 0) return null;
  return [
    INTERVAL === "1" ? `every ${UNITS[FREQ]}` : `every ${INTERVAL} ${UNITS[FREQ]}s`,
    FREQ === "WEEKLY" && `on ${days.join(", ")}`,
    FREQ === "MONTHLY" && `on day ${start.getUTCDate()}`,
    UNTIL && `, until ${UNTIL.replace(/^(\d{4})(\d\d)(\d\d).*/, "$1-$2-$3")}`,
    COUNT && (COUNT === "1" ? ", once" : `, ${COUNT} times`),
  ].filter(Boolean).join(" ").replaceAll(" ,", ",");
}

export async function oneSeries(main, page, id) {
  const [head, never, ahead, calls] = [h("div"), h("div"), h("div"), h("div")];
  main.querySelector("h1").textContent = `Series ${id}`;
  main.append(head);
  const found = await into(head, get(path`api/v1/series/${id}`, {}, page.signal), (data) => about(data.series, page));
  if (!found) return;
  main.append(never, h("section", null, h("h2", null, "What comes"), ahead), h("section", null, h("h2", null, "Its calls"), calls));
  fill(ahead, occurrences(found.ahead, found.series.tz));
  if (found.series.state === "active") {
    into(never, listed({ address: found.series.address }, page), ({ items }) => items.some((entry) => entry.forbids)
      && h("p", { class: "note" }, "It is on the ", link(at("do-not-call"), "do-not-call list"), ": what comes is not called as long as it is there."));
  }
  into(calls, get("api/v1/calls", { seriesId: found.series.seriesId }, page.signal), ({ items, nextCursor }) =>
    [callRows(items, "None has come yet."), nextCursor && h("p", { class: "small" }, `The youngest ${count(items.length)}.`)]);
}

function about(data, page) {
  const words = inWords(data);
  return h("div", null,
    h("p", null, badge(data.state), data.endReason && ` ${data.endReason}`),
    h("div", { class: "actions" }, may("plan") && data.state === "active" && button("Cancel the series", () => cancel(data, page), "danger")),
    facts([
      ["Campaign", link(at("campaign", data.campaign), data.campaign)],
      ["Contact", data.contact],
      ["Number or address", data.address],
      ["Comes back", words && `${words}, at ${data.startLocal.slice(11, 16)}`],
      ["Rule", h("code", null, data.rule)],
      ["Begins", [data.startLocal.replace("T", " ").slice(0, 16), " ", h("span", { class: "zone" }, data.tz)]],
      ["Next run", when(data.nextAt, data.tz)],
      ["Came so far", count(data.occurrenceCount)],
      ["Of these left out", count(data.leftOutCount)],
      ["Planned", when(data.createdAt, data.tz)],
      ["Ended", when(data.endedAt, data.tz)],
    ]));
}

function occurrences(rows, tz) {
  return table([
    { title: "Occurrence", cell: (row) => count(row.occurrence), numeric: true },
    { title: "By the rule", cell: (row) => when(row.byRuleAt, tz) },
    { title: "As it would be planned now", cell: (row) => (row.leftOut ? "left out: only the day of the next one has hours" : row.plannedAt === row.byRuleAt ? "then" : when(row.plannedAt, tz) || "never: no hours are open") },
  ], rows, { empty: "Nothing more comes." });
}

async function cancel(data, page) {
  let cancelled = 0;
  const done = await ask({
    title: `Cancel series ${data.seriesId}`, label: "Cancel the series", reason: "Reason",
    says: ["Nothing more comes of it, and its call that waits is cancelled. A call in progress finishes.", "It cannot be brought back; it can be planned anew."],
    act: async ({ reason }) => {
      ({ cancelledCalls: cancelled } = await post(path`api/v1/series/${data.seriesId}/cancel`, reason ? { reason } : {}));
    },
  });
  if (!done) return;
  say(cancelled > 0 ? `It is cancelled, with ${cancelled === 1 ? "the call" : `${count(cancelled)} calls`} that waited.` : "It is cancelled.");
  page.refresh();
}
