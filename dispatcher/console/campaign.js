// One campaign: how its calls stand, why they wait, and what moves it.

import { get, may, path, post } from "./api.js";
import { at, badge, button, count, facts, fill, folded, h, into, link, say, table, words } from "./element.js";
import { callOne, editCampaign } from "./campaign_form.js";
import { ask } from "./dialogue.js";
import { mine, when } from "./time.js";

export async function campaign(main, page, name) {
  const [head, standing, why] = [h("div"), h("div"), h("div")];
  main.append(head, h("section", null, h("h2", null, "Calls"), standing), h("section", null, h("h2", null, "Why calls wait"), why));
  const found = await into(head, get(path`api/v1/campaigns/${name}`, {}, page.signal), (data) => about(data, page));
  if (!found) return fill(main, h("h1", null, name), head);
  main.querySelector("h1").textContent = name;
  into(standing, get(path`api/v1/campaigns/${name}/stats`, {}, page.signal), (stats) => numbers(stats, found));
  into(why, get(path`api/v1/campaigns/${name}/why-waiting`, {}, page.signal), (rows) => table([
    { title: "Reason", cell: (row) => words(row.reason) },
    { title: "Calls", cell: (row) => count(row.calls), numeric: true },
    { title: "First could go", cell: (row) => when(row.nextAt, found.tz) },
  ], rows, { empty: "No call waits." }));
  if (!may("plan")) return undefined;
  if (["draft", "running", "paused"].includes(found.state)) {
    main.append(folded("Call one number", callOne(found, page)), folded("Change settings", await editCampaign(found, page)));
  }
  return undefined;
}

function about(data, page) {
  return h("div", null,
    h("p", null, badge(data.state), data.stateReason && ` ${data.stateReason}`),
    h("div", { class: "actions" }, ...moves(data, page),
      may("plan") && ["draft", "running", "paused"].includes(data.state) && h("a", { class: "button", href: at("import", data.name) }, "Import a list"),
      h("a", { class: "button", href: at("calls", data.name) }, "Its calls"),
      h("a", { class: "button", href: at("reports", data.name) }, "Its reports")),
    facts([
      ["Account", data.account],
      ["Calling window", data.hours],
      ["Zone", data.tz ?? "each contact's own"],
      ["Redial policy", data.policy],
      ["Calls at once", data.maxConcurrent ?? "as the account allows"],
      ["New calls a second", data.perSecond ?? "as the account allows"],
      ["Calls from pool", data.callerPool],
      ["Only who has agreed to", data.consent],
      ["Priority", `${data.priority} (1 comes first)`],
      ["Ends", data.validUntil && when(data.validUntil, data.tz)],
      ["Made", mine(data.createdAt)],
    ]));
}

function numbers(stats, data) {
  const rows = ["scheduled", "claimed", "inFlight", "completed", "failed", "cancelled", "expired"].map((state) => [state.replace("inFlight", "in_flight"), stats[state]]);
  if (stats.total === 0) {
    return h("p", { class: "empty" }, "It has no calls yet. ", may("plan") && [link(at("import", data.name), "Import a list"), " to give it some."]);
  }
  return h("div", null, table([
    { title: "State", cell: ([state]) => badge(state) },
    { title: "Calls", cell: ([, number]) => count(number), numeric: true },
  ], rows.filter(([, number]) => number > 0)), facts([["In all", count(stats.total)], ["Attempts", count(stats.attempts)], ["First due", when(stats.firstDueAt, data.tz)]]));
}

/** What each move does, in the words of the confirmation. */
const MOVES = {
  start: { from: ["draft"], label: "Start calling", kind: "main", says: () => ["Its calls that are due go out from now on, inside the calling window and all limits."] },
  resume: { from: ["paused"], label: "Go on", kind: "main", says: () => ["Its calls that are due go out again, inside the calling window and all limits."] },
  pause: { from: ["running"], label: "Pause", reason: true, says: () => ["No more calls are placed until it goes on. Calls in progress finish, and nothing is lost."] },
  stop: {
    from: ["draft", "running", "paused"], label: "Stop for good", kind: "danger", reason: true,
    says: (waiting) => [`Nothing more is placed, and ${waiting === undefined ? "all calls that wait" : `the ${count(waiting)} calls that wait`} are cancelled. Calls in progress finish.`, "A stopped campaign cannot be started again; pause it if you are not sure."],
  },
  archive: { from: ["draft", "stopped"], label: "Archive", says: () => ["It is put out of sight. Its calls and reports stay, and it cannot be brought back."] },
};

function moves(data, page) {
  if (!may("plan")) return [];
  return Object.entries(MOVES).filter(([, move]) => move.from.includes(data.state)).map(([name, move]) =>
    button(move.label, async () => {
      const stats = name === "stop" ? await get(path`api/v1/campaigns/${data.name}/stats`, {}, page.signal).catch(() => undefined) : undefined;
      const done = await ask({
        title: `${move.label}: ${data.name}`, says: move.says(stats?.scheduled), label: move.label, reason: move.reason && "Reason (others will read it)",
        act: async ({ reason }) => {
          await post(`${path`api/v1/campaigns/${data.name}/`}${name}`, reason ? { reason } : {});
          say(`Done: ${move.label.toLowerCase()}.`);
        },
      });
      if (done) page.refresh();
    }, move.kind));
}
