// Planning calls that come back: to whom, from when, how often, and until when.

import { post } from "./api.js";
import { liveCampaigns } from "./campaigns.js";
import { at, fill, folded, h, into, link, say } from "./element.js";
import { check, field, form, group, input, select, zoneField } from "./form.js";
import { DAYS } from "./series.js";
import { own } from "./time.js";

const UNITS = [["DAILY", "days"], ["WEEKLY", "weeks"], ["MONTHLY", "months"], ["YEARLY", "years"]];
const ENDS = [["", "when it is cancelled"], ["on", "on a date"], ["after", "after a number of times"]];
const MONTH_ENDS = [["clamp", "the last day of the month"], ["omit", "not in that month"], ["forward", "the first of the next month"]];

export async function newSeries(main, page) {
  const place = h("div");
  main.append(place);
  const campaigns = await into(place, liveCampaigns(page), () => h("div"));
  if (!campaigns) return;
  const names = campaigns.map((one) => one.name);
  if (names.length === 0) {
    fill(place, h("p", { class: "empty" }, "A series calls through a campaign, and there is none that is not over. ", link(at("new-campaign"), "Create one first"), "."));
    return;
  }
  fill(place, form({}, [
    group("Whom", h("div", { class: "row" }, field("Campaign", select("campaign", [["", "choose ..."], ...names], names.length === 1 ? names[0] : "", { required: true })),
      field("Phone number or e-mail address", input("address", { required: true, inputmode: "tel" })), field("Name", input("name")))),
    whenFields(),
  ], "Plan the series", async (given) => {
    const { campaign, address, name, start, tz, monthEnd } = given;
    const { seriesId } = await post("api/v1/series", { campaign, address, name, startLocal: `${start}:00`.slice(0, 19), tz, rule: ruleOf(given), monthEnd });
    say("It is planned; below is what comes.");
    location.hash = at("series", seriesId);
  }));
}

function whenFields() {
  const [unit, ends] = [select("unit", UNITS, "WEEKLY"), select("ends", ENDS, "")];
  const days = h("div", null, h("span", { class: "small" }, "On these days; none: on the weekday of the beginning"),
    h("div", { class: "days", role: "group", "aria-label": "Days" }, ...Object.entries(DAYS).map(([code, day]) => check(code, day.slice(0, 2), false))));
  const monthEnd = field("Where a month has no such day", select("monthEnd", MONTH_ENDS, "clamp"));
  const until = field("Last day", input("until", { type: "date", required: true }));
  const times = field("Times", input("times", { type: "number", min: 1, max: 100000, required: true }));
  const show = () => {
    const shown = [[days, unit.value === "WEEKLY"], [monthEnd, ["MONTHLY", "YEARLY"].includes(unit.value)], [until, ends.value === "on"], [times, ends.value === "after"]];
    for (const [one, there] of shown) {
      one.hidden = !there;
      for (const control of one.querySelectorAll("input, select")) control.disabled = !there;
    }
  };
  for (const control of [unit, ends]) control.addEventListener("change", show);
  show();
  return group("When", h("div", { class: "row" }, field("Begins", input("start", { type: "datetime-local", required: true }), "All come at this time of day, on the clock of the zone"),
    zoneField("tz", "Zone", own, "Usually theirs; calling hours hold as always", { required: true })),
  h("div", { class: "row" }, field("Every", input("step", { type: "number", min: 1, max: 1000, value: 1, required: true })), field("Period", unit), monthEnd),
  days, h("div", { class: "row" }, field("It ends", ends), until, times),
  folded("Write the rule by hand", field("Rule (RFC 5545)", input("rule", { spellcheck: "false" }), "E.g. FREQ=MONTHLY;BYDAY=1MO for the first Monday of each month. It replaces how often, on which days, and the end.")));
}

function ruleOf({ rule, unit, step, ends, until, times, ...given }) {
  if (rule) return rule;
  const days = Object.keys(DAYS).filter((day) => given[day]);
  return [`FREQ=${unit}`, step !== "1" && `INTERVAL=${step}`, days.length > 0 && `BYDAY=${days.join(",")}`,
    ends === "on" && `UNTIL=${until.replaceAll("-", "")}T235959`, ends === "after" && `COUNT=${times}`].filter(Boolean).join(";");
}
