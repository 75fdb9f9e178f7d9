// Why was this number called, or not? Everything that is known of one number, in the order in which it matters.

import { get, may, path } from "./api.js";
import { at, fill, h, into, link, table } from "./element.js";
import { attemptRows, callRows } from "./calls.js";
import { explained } from "./call.js";
import { field, form, input, wide } from "./form.js";
import { mine } from "./time.js";

/** LIMIT: waiting calls that are explained. */
const EXPLAINED_MAX = 5;

export function person(main, page) {
  const answer = h("div");
  main.append(h("p", null, "Enter a number to see whether it may be called, what is planned, what was tried, and what stands in the way."),
    form({ class: "filters" }, [wide(field("Phone number or e-mail address", input("address", { required: true, inputmode: "tel" })))], "Look up", async ({ address }) => {
      fill(answer, h("p", { class: "small" }, "One moment ..."));
      const [key, entries, contacts, calls, attempts] = await Promise.all([
        get("api/v1/key", {}, page.signal), get("api/v1/do-not-call", { address }, page.signal), get("api/v1/contacts", { person: address }, page.signal),
        get("api/v1/calls", { person: address }, page.signal), get("api/v1/attempts", { person: address }, page.signal),
      ]).catch((error) => {
        fill(answer);
        throw error;
      });
      fill(answer, told(key.now, entries.items, contacts.items, calls.items, attempts.items, page));
    }), answer);
}

function told(now, entries, contacts, calls, attempts, page) {
  const forbidden = entries.filter((entry) => entry.expiresAt === null || new Date(entry.expiresAt) > new Date(now));
  const waiting = calls.filter((call) => call.endedAt === null);
  const verdict = forbidden.length > 0 ? "It is on the do-not-call list: nobody calls it."
    : contacts.length === 0 ? "Nobody with this number is known: nothing is planned for it, and nothing was tried."
      : waiting.length === 0 ? "No call to it is planned." : `${waiting.length === 1 ? "One call" : `${waiting.length} calls`} to it ${waiting.length === 1 ? "is" : "are"} planned; below is what stands in the way now.`;
  return [
    h("p", { class: "note", role: "status" }, verdict),
    entries.length > 0 && section("Do-not-call list", doNotCallRows(entries)),
    ...waiting.slice(0, EXPLAINED_MAX).map((call) => gates(call, page)),
    contacts.length > 0 && section("Who it is", contactRows(contacts)),
    section("Calls", callRows(calls, "None was ever planned.")),
    section("Attempts", attemptRows(attempts, "It was never dialled.")),
    may("plan") && forbidden.length === 0 && h("p", null, link(at("do-not-call"), "Put it on the do-not-call list")),
  ];
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

export function doNotCallRows(entries, action) {
  return table([
    { title: "Number or address", cell: (row) => row.address ?? `contact ${row.contactId}` },
    { title: "Known from", cell: (row) => row.source },
    { title: "Since", cell: (row) => mine(row.addedAt) },
    { title: "Until", cell: (row) => (row.expiresAt ? mine(row.expiresAt) : "for good") },
    ...(action ? [{ title: "", cell: action }] : []),
  ], entries, { empty: "It is not on the list." });
}

function contactRows(contacts) {
  return table([
    { title: "Name", cell: (row) => row.name ?? "" },
    { title: "Key of yours", cell: (row) => row.externalKey ?? "" },
    { title: "Zone", cell: (row) => (row.zones.length > 0 ? `${row.zones.join(" and ")} (${row.zoneSource})` : "not known: never called") },
    { title: "Numbers and addresses", cell: (row) => row.addresses.map((one) => h("div", null, one.address, one.status === "ok" ? "" : ` (${one.status})`)) },
  ], contacts);
}
