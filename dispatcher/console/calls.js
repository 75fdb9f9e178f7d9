// The history: calls with what they are now, or every attempt that has ended; by filters and by page.

import { get } from "./api.js";
import { at, badge, count, h, link, table, words } from "./element.js";
import { field, form, input, select } from "./form.js";
import { pages } from "./list.js";
import { instant, mine, own, span, when } from "./time.js";

const STATES = ["scheduled", "claimed", "in_flight", "completed", "failed", "cancelled", "expired"];
const OUTCOMES = ["completed", "sale", "transferred", "callback", "not_interested", "dnc", "no_answer", "busy", "voicemail", "rejected", "invalid_number", "blocked",
  "cancelled", "maybe_reached", "unknown", "over_limit", "account_error", "config_error", "provider_fault", "not_sent"];
const GROUPS = ["answered", "conversations", "voicemails", "refusals", "hang_ups"];

const named = (names) => [["", "any"], ...names.map((name) => [name, words(name)])];

export function calls(main, page, campaign) {
  let filter = { what: "calls", campaign };
  const list = pages((cursor) => {
    const { what, from, until, ...more } = filter;
    const asked = { ...more, from: from && instant(from), until: until && instant(until), cursor };
    return get(what === "calls" ? "api/v1/calls" : "api/v1/attempts", asked, page.signal);
  }, (items) => (filter.what === "calls" ? callRows(items) : attemptRows(items)));
  const what = select("what", [["calls", "calls as they are now"], ["attempts", "attempts that ended"]], "calls");
  const of = {
    calls: [field("State", select("state", named(STATES), "")), field("Last outcome", select("outcome", named(OUTCOMES), ""))],
    attempts: [field("Outcome or state", select("status", named([...OUTCOMES, ...GROUPS, ...STATES.filter((state) => !OUTCOMES.includes(state))]), ""))],
  };
  const show = () => {
    for (const [name, fields] of Object.entries(of)) {
      for (const one of fields) {
        one.hidden = name !== what.value;
        one.querySelector("select").disabled = one.hidden;
      }
    }
  };
  what.addEventListener("change", show);
  show();
  main.append(form({ class: "filters" }, [
    field("Show", what),
    field("Campaign", input("campaign", { value: campaign ?? "" })),
    ...of.calls, ...of.attempts,
    field("Who", input("person", { placeholder: "number, e-mail, or name" }), "The beginning of a name will do"),
    field("From", input("from", { type: "datetime-local" }), `Due (or ended); ${own}`),
    field("Until", input("until", { type: "datetime-local" }), "Not included"),
  ], "Show", (given) => {
    filter = given;
    return list.show();
  }), list.element);
  list.show();
}

export function callRows(items, empty = "No call is like that. With fewer filters there may be some.") {
  return table([
    { title: "Call", cell: (row) => link(at("call", row.callId), row.callId) },
    { title: "Contact", cell: (row) => [row.contact ?? "", h("span", { class: "small block" }, row.address)] },
    { title: "Campaign", cell: (row) => link(at("campaign", row.campaign), row.campaign) },
    { title: "State", cell: (row) => [badge(row.state), h("span", { class: "small block" }, words(row.waitReason ?? row.endReason))] },
    { title: "Last outcome", cell: (row) => words(row.outcome) },
    { title: "Due, or ended", cell: (row) => (row.endedAt ? [h("span", { class: "small" }, "ended "), when(row.endedAt, row.tz)] : when(row.dueAt, row.tz)) },
  ], items, { empty });
}

export function attemptRows(items, empty = "No attempt is like that.") {
  return table([
    { title: "Dialled", cell: (row) => mine(row.dialledAt, { seconds: true }) },
    { title: "Outcome", cell: (row) => [badge(row.outcome), row.disposition && h("span", { class: "small block" }, row.disposition)] },
    { title: "Contact", cell: (row) => [row.contact ?? "", h("span", { class: "small block" }, row.address ?? "")] },
    { title: "Campaign", cell: (row) => link(at("campaign", row.campaign), row.campaign) },
    { title: "Length", cell: (row) => (row.durationSeconds === null ? "" : span(row.durationSeconds)), numeric: true },
    { title: "Call", cell: (row) => [link(at("call", row.callId), count(row.callId)), row.callState && h("span", { class: "small block" }, words(row.callState))] },
  ], items, { empty });
}
