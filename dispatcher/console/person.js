// Why was this number called, or not? Everything that is known of one number, in the order in which it matters.

import { get, may, path } from "./api.js";
import { attemptRows, callRows } from "./calls.js";
import { explained } from "./call.js";
import { consentRows, held } from "./consent.js";
import { contactRows } from "./contacts.js";
import { doNotCallRows, listed } from "./do_not_call.js";
import { at, fill, h, into, link } from "./element.js";
import { field, form, input, wide } from "./form.js";
import { seriesRows } from "./series.js";

/** LIMIT: waiting calls that are explained. */
const EXPLAINED_MAX = 5;

export function person(main, page) {
  const answer = h("div");
  const look = async (address) => {
    const asked = (what, more) => get(`api/v1/${what}`, { person: address, ...more }, page.signal);
    const lists = await Promise.all([
      listed({ address }, page), held({ address }, page), asked("contacts"), asked("series", { state: "active" }), asked("calls"), asked("attempts"),
    ]).catch((error) => {
      fill(answer);
      throw error;
    });
    fill(answer, told(lists.map(({ items }) => items), page, () => look(address)));
  };
  main.append(h("p", null, "Enter a number to see whether it may be called, what is planned, what was tried, and what stands in the way."),
    form({ class: "filters" }, [wide(field("Phone number or e-mail address", input("address", { required: true, inputmode: "tel" })))], "Look up", ({ address }) => {
      fill(answer, h("p", { class: "small" }, "One moment ..."));
      return look(address);
    }), answer);
}

function told([entries, consents, contacts, series, calls, attempts], page, again) {
  const forbidden = entries.filter((entry) => entry.forbids);
  return [
    h("p", { class: "note", role: "status" }, verdict(forbidden, contacts, calls, series)),
    entries.length > 0 && section("Do-not-call list", doNotCallRows(entries)),
    ...calls.filter(waits).slice(0, EXPLAINED_MAX).map((call) => gates(call, page)),
    contacts.length > 0 && section("Who it is", contactRows(contacts, again)),
    consents.length > 0 && section("Consent", consentRows(consents)),
    series.length > 0 && section("Calls that come back", seriesRows(series)),
    section("Calls", callRows(calls, "None was ever planned.")),
    section("Attempts", attemptRows(attempts, "It was never dialled.")),
    may("plan") && forbidden.length === 0 && h("p", null, link(at("do-not-call"), "Put it on the do-not-call list")),
  ];
}

const waits = (call) => call.endedAt === null;

function verdict(forbidden, contacts, calls, series) {
  if (forbidden.length > 0) return "It is on the do-not-call list: nobody calls it.";
  if (contacts.length === 0) return "Nobody with this number is known: nothing is planned for it, and nothing was tried.";
  const [waiting, comes] = [calls.filter(waits).length, series.length > 0 && "Calls to it come back by a rule; the next run is below."];
  const planned = waiting === 0 ? !comes && "No call to it is planned." : `${waiting === 1 ? "One call" : `${waiting} calls`} to it ${waiting === 1 ? "is" : "are"} planned; below is what stands in the way now.`;
  return [planned, comes].filter(Boolean).join(" ");
}

const section = (title, ...inside) => h("section", null, h("h2", null, title), ...inside);

function gates(call, page) {
  const place = h("div");
  into(place, get(path`api/v1/calls/${call.callId}/explain`, {}, page.signal), (rows) => {
    const closed = rows.filter((gate) => gate.pass !== true);
    return closed.length === 0 ? h("p", { class: "empty" }, "Every gate is open: it goes out as soon as a slot is free.") : explained(closed, call.tz);
  });
  return section(["What stands in the way of ", link(at("call", call.callId), `call ${call.callId}`), ` (${call.campaign})`], place);
}
