// One call: what it is, why it is (not) being placed, what was tried, and what can be done with it.

import { get, may, path, post } from "./api.js";
import { again } from "./dead_letters.js";
import { ask } from "./dialogue.js";
import { at, badge, button, facts, fill, h, into, link, say, table, words } from "./element.js";
import { field, input, select } from "./form.js";
import { entered, instant, own, span, wall, when } from "./time.js";

export async function call(main, page, id) {
  const places = Object.fromEntries(["head", "gates", "attempts", "changes"].map((name) => [name, h("div")]));
  main.querySelector("h1").textContent = `Call ${id}`;
  main.append(places.head);
  const found = await into(places.head, get(path`api/v1/calls/${id}`, {}, page.signal), (data) => about(data.call, page));
  if (!found) return;
  const tz = found.call.tz;
  main.append(h("section", null, h("h2", null, found.call.endedAt ? "Why it is not called any more" : "Why it is (not) being called now"), places.gates),
    h("section", null, h("h2", null, "Attempts"), places.attempts), h("section", null, h("h2", null, "What happened"), places.changes));
  fill(places.attempts, attempts(found.attempts, tz));
  into(places.gates, get(path`api/v1/calls/${id}/explain`, {}, page.signal), (gates) => explained(gates, tz));
  into(places.changes, get(path`api/v1/calls/${id}/transitions`, {}, page.signal), (changes) => history(changes, tz));
}

function about(data, page) {
  return h("div", null,
    h("p", null, badge(data.state), " ", words(data.waitReason ?? data.endReason)),
    h("div", { class: "actions" }, ...actions(data, page)),
    facts([
      ["Campaign", link(at("campaign", data.campaign), data.campaign)],
      ["Contact", data.contact],
      [data.channel === "email" ? "Address" : "Number", data.address],
      ["Key of yours", data.externalKey],
      ["Due", data.endedAt ? null : when(data.dueAt, data.tz) || "not by itself"],
      ["Asked for", when(data.askedAt, data.tz)],
      ["Moved because", data.adjustment],
      ["Last outcome", words(data.outcome)],
      ["Priority", data.priority],
      ["Expires", when(data.expiresAt, data.tz)],
      ["Occurrence", data.occurrence && `${data.occurrence} of series ${data.seriesId}`],
      ["Planned", when(data.createdAt, data.tz)],
      ["Ended", when(data.endedAt, data.tz)],
    ]));
}

function actions(data, page) {
  if (!may("plan")) return [];
  const waits = data.state === "scheduled";
  return [
    waits && button("Call as soon as allowed", () => soon(data, page)),
    waits && button("Another time", () => move(data, page)),
    waits && button("Cancel", () => cancel(data, page), "danger"),
    data.state === "failed" && button("Call once more", async () => {
      if (await again([data.callId])) page.refresh();
    }),
    button("Note an outcome", () => label(data, page)),
    button("Never call again", () => forbid(data, page), "danger"),
  ];
}

function soon(data, page) {
  return act(page, {
    title: "Call as soon as allowed", label: "Call as soon as allowed",
    says: ["It is due from now on; the calling window, caps and limits hold as always."],
    act: async () => {
      // A moment from now by the dialer's own clock, which may run fast in a rehearsal.
      const { now, clockRate } = await get("api/v1/key");
      const dueAt = new Date(new Date(now).getTime() + Math.max(1, clockRate) * 2000).toISOString();
      return post(path`api/v1/calls/${data.callId}/reschedule`, { dueAt });
    },
  });
}

function move(data, page) {
  // A zone that this browser does not know cannot be computed with.
  const there = wall(Date.now(), data.tz) ? data.tz : own;
  const clocks = [[there, `their clock (${there})`], [own, `my clock (${own})`]].slice(there === own ? 1 : 0);
  return act(page, {
    title: "Another time", label: "Move it",
    says: ["Where it is closed at that time, the call is due at the next opening after it."],
    fields: [field("Time", input("at", { type: "datetime-local", required: true, value: entered(data.dueAt ?? Date.now(), there) })),
      field("On", select("clock", clocks, there))],
    act: (given) => post(path`api/v1/calls/${data.callId}/reschedule`, { dueAt: instant(given.at, given.clock) }),
  });
}

function cancel(data, page) {
  return act(page, {
    title: `Cancel call ${data.callId}`, label: "Cancel the call", reason: "Reason",
    says: ["It is not placed any more. Other calls to the same person stay."],
    act: ({ reason }) => post(path`api/v1/calls/${data.callId}/cancel`, reason ? { reason } : {}),
  });
}

function label(data, page) {
  return act(page, {
    title: "Note an outcome", label: "Note it",
    says: ["What your business says of this call: it may end it, or plan it anew."],
    fields: [field("Outcome", input("label", { required: true }), "E.g. SALE, DNC, NOT_INTERESTED, CALLBACK, or a word of your own that is mapped")],
    act: (given) => post(path`api/v1/calls/${data.callId}/disposition`, { label: given.label }),
  });
}

function forbid(data, page) {
  return act(page, {
    title: "Never call again", label: "Put it on the do-not-call list", reason: "Where this is known from",
    says: [`${data.address} goes on the do-not-call list, and all of its waiting calls are cancelled, in every campaign.`],
    act: ({ reason }) => post("api/v1/do-not-call", { address: data.address, source: reason ?? "console" }),
  });
}

async function act(page, question) {
  if (await ask(question)) {
    say(`Done: ${question.title.toLowerCase()}.`);
    page.refresh();
  }
}

/** explain, gate by gate; those that stand in the way come first. */
export function explained(gates, tz) {
  const verdict = (gate) => (gate.pass === true ? h("span", { class: "badge good" }, "pass") : gate.pass === false ? h("span", { class: "badge bad" }, "no") : h("span", { class: "badge warn" }, "not known"));
  const sorted = [...gates].sort((a, b) => Number(a.pass === true) - Number(b.pass === true));
  return table([
    { title: "Gate", cell: (gate) => words(gate.gate) },
    { title: "", cell: verdict },
    { title: "What was compared", cell: (gate) => gate.detail ?? "" },
    { title: "Opens", cell: (gate) => (["infinity", "-infinity"].includes(gate.opensAt) ? "not by itself" : when(gate.opensAt, tz)) },
  ], sorted);
}

function attempts(rows, tz) {
  const length = (row) => (row.durationSeconds === null || row.durationSeconds === undefined ? "" : span(row.durationSeconds));
  return table([
    { title: "Dialled", cell: (row) => when(row.dialledAt, tz, { seconds: true }) },
    { title: "Outcome", cell: (row) => [badge(row.outcome ?? row.state), row.disposition && ` ${row.disposition}`] },
    { title: "Provider's word", cell: (row) => row.word ?? "" },
    { title: "Answered", cell: (row) => when(row.answeredAt, tz, { seconds: true }) },
    { title: "Length", cell: length, numeric: true },
    { title: "Provider's id", cell: (row) => h("code", null, row.providerCallId ?? "") },
  ], rows, { empty: "It has not been tried yet." });
}

function history(changes, tz) {
  return table([
    { title: "When", cell: (row) => when(row.at, tz, { seconds: true }) },
    { title: "What", cell: (row) => row.machine },
    { title: "From", cell: (row) => words(row.fromState) },
    { title: "To", cell: (row) => words(row.toState) },
    { title: "Why", cell: (row) => words(row.reason) },
    { title: "Who", cell: (row) => row.actor },
  ], changes, { empty: "Nothing has happened to it yet." });
}
