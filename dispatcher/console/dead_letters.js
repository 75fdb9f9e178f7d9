// Calls that failed, newest first: why, and once more for those that deserve it.

import { get, may, post } from "./api.js";
import { at, button, count, h, link, say, table, words } from "./element.js";
import { ask } from "./dialogue.js";
import { field, form, input } from "./form.js";
import { pages } from "./list.js";
import { when } from "./time.js";

export function deadLetters(main, page) {
  let campaign;
  const chosen = new Set();
  const list = pages((cursor) => get("api/v1/dead-letters", { campaign, cursor }, page.signal), (items) => rows(items, chosen));
  const filter = form({ class: "filters" }, [field("Campaign", input("campaign"))], "Show", (entered) => {
    campaign = entered.campaign;
    chosen.clear();
    return list.show();
  });
  const retry = may("plan") && button("Call the chosen ones once more", async () => {
    if (chosen.size === 0) return say("Choose some first.");
    if (await again([...chosen])) {
      chosen.clear();
      await list.again();
    }
    return undefined;
  });
  main.append(h("p", null, "Each of these calls is over: its number cannot be called, or its attempts are spent."), filter, list.element, h("div", { class: "actions" }, retry));
  list.show();
}

function rows(items, chosen) {
  const box = (row) => {
    const control = h("input", { type: "checkbox", "aria-label": `call ${row.callId}`, onchange: () => (control.checked ? chosen.add(row.callId) : chosen.delete(row.callId)) });
    control.checked = chosen.has(row.callId);
    return control;
  };
  return table([
    may("plan") ? { title: "Again", cell: (row) => (row.retriedAs ? link(at("call", row.retriedAs), `as ${row.retriedAs}`) : box(row)) }
      : { title: "Again", cell: (row) => row.retriedAs && link(at("call", row.retriedAs), `as ${row.retriedAs}`) },
    { title: "Call", cell: (row) => link(at("call", row.callId), row.callId) },
    { title: "Campaign", cell: (row) => link(at("campaign", row.campaign), row.campaign) },
    { title: "Failed", cell: (row) => when(row.endedAt) },
    { title: "Why", cell: (row) => words(row.failureReason ?? row.endReason) },
    { title: "Attempts", cell: (row) => count(row.attempts), numeric: true },
    { title: "Last word", cell: (row) => words(row.lastError) },
  ], items, { empty: "No call has failed." });
}

/** Shows what would become of them, and does it when that is confirmed. */
export async function again(callIds) {
  const lines = await post("api/v1/dead-letters/retry", { callIds, dryRun: true });
  const good = lines.filter((line) => ["scheduled", "waiting"].includes(line.result));
  const says = [`${good.length} of ${callIds.length} would be called once more, each as a new call, as soon as it is allowed.`,
    ...lines.filter((line) => !good.includes(line)).slice(0, 10).map((line) => `Call ${line.callId} would not: ${words(line.result)}.`)];
  return ask({
    title: "Call once more", says, label: "Call once more",
    act: async () => {
      const done = await post("api/v1/dead-letters/retry", { callIds, dryRun: false });
      say(`${done.filter((line) => line.newCallId && line.result !== "exists").length} calls were planned.`);
    },
  });
}
