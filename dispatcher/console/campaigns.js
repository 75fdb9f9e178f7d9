// The campaigns, with how their calls stand.

import { get, may, path } from "./api.js";
import { at, badge, count, fill, h, link, table } from "./element.js";
import { field, form, select } from "./form.js";
import { pages } from "./list.js";
import { when } from "./time.js";

const STATES = [["", "all but archived"], ["running", "running"], ["draft", "draft"], ["paused", "paused"], ["stopped", "stopped"], ["archived", "archived"]];

export function campaigns(main, page) {
  let state = "";
  const list = pages((cursor) => get("api/v1/campaigns", { state, cursor }, page.signal), (items) => {
    const shown = items.filter((item) => state !== "" || item.state !== "archived");
    const drawn = rows(shown);
    countEach(shown, drawn.counts, page);
    return drawn.element;
  });
  const filter = form({ class: "filters" }, [field("State", select("state", STATES, ""))], "Show", (entered) => {
    state = entered.state ?? "";
    return list.show();
  });
  main.append(may("plan") && h("p", null, h("a", { class: "button main", href: at("new-campaign") }, "New campaign")) || "", filter, list.element);
  list.show();
}

/** Those that are not over. LIMIT: the youngest 200 of each state. */
export async function liveCampaigns(page) {
  const lists = await Promise.all(["running", "draft", "paused"].map((state) => get("api/v1/campaigns", { state, limit: 200 }, page.signal)));
  return lists.flatMap(({ items }) => items);
}

function rows(items) {
  const counts = new Map(items.map((item) => [item.name, { waiting: h("span", null, "..."), done: h("span", null, "..."), attempts: h("span", null, "..."), next: h("span") }]));
  const element = table([
    { title: "Campaign", cell: (row) => link(at("campaign", row.name), row.name) },
    { title: "State", cell: (row) => [badge(row.state), row.stateReason && h("span", { class: "small" }, " " + row.stateReason)] },
    { title: "Account", cell: (row) => row.account },
    { title: "Window", cell: (row) => [row.hours, h("span", { class: "small" }, " " + (row.tz ?? "in each contact's zone"))] },
    { title: "Waiting", cell: (row) => counts.get(row.name).waiting, numeric: true },
    { title: "Ended", cell: (row) => counts.get(row.name).done, numeric: true },
    { title: "Attempts", cell: (row) => counts.get(row.name).attempts, numeric: true },
    { title: "Next due", cell: (row) => counts.get(row.name).next },
  ], items, { empty: may("plan") ? ["There is no campaign here yet. ", link(at("new-campaign"), "Create one"), ", then import a list into it."] : "There is no campaign here yet." });
  return { element, counts };
}

/** One after the other, because each is counted from its calls. */
async function countEach(items, counts, page) {
  for (const item of items) {
    const place = counts.get(item.name);
    try {
      const stats = await get(path`api/v1/campaigns/${item.name}/stats`, {}, page.signal);
      place.waiting.textContent = count(stats.scheduled + stats.claimed + stats.inFlight);
      place.done.textContent = count(stats.completed + stats.failed + stats.cancelled + stats.expired);
      place.attempts.textContent = count(stats.attempts);
      fill(place.next, when(stats.firstDueAt, item.tz));
    } catch (error) {
      if (error.name === "AbortError") return;
      for (const cell of Object.values(place)) cell.textContent = "?";
    }
  }
}
