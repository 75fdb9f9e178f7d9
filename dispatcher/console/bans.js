// Bans: times at which nobody of an area may be called, from instant to instant; declare, lift.

import { get, may, path, post } from "./api.js";
import { ask } from "./dialogue.js";
import { badge, button, count, fill, folded, h, say, table } from "./element.js";
import { check, field, form, group, input, select, zoneField } from "./form.js";
import { pages } from "./list.js";
import { instant, mine, own, wall, when } from "./time.js";

const STATES = [["", "any"], ["in_force", "in force"], ["to_come", "to come"], ["over", "over"]];

export function bans(main, page) {
  let state = "";
  const place = h("div");
  const list = pages((cursor) => get("api/v1/bans", { state, cursor }, page.signal), (items) => banRows(items,
    may("admin") && ((row) => row.state !== "over" && button("Lift", () => lift(row, list), "quiet")),
    state === "" ? "No ban was ever declared: nobody is held back by one." : "There is no such ban."));
  main.append(form({ class: "filters" }, [field("State", select("state", STATES, ""))], "Show", (given) => {
    state = given.state;
    return list.show();
  }), place, list.element);
  if (may("plan")) declaring(list, page).then((form) => fill(place, form));
  if (!may("admin")) main.append(h("p", { class: "small" }, "Lifting a ban needs a key with the scope admin."));
  list.show();
}

function banRows(items, action, empty) {
  return table([
    { title: "Reason", cell: (row) => row.reason },
    { title: "State", cell: (row) => badge(row.state) },
    { title: "For whom", cell: (row) => [whom(row), row.exemptPurposes.length > 0 && h("span", { class: "small block" }, `but not ${row.exemptPurposes.join(", ")}`)] },
    { title: "From", cell: (row) => mine(row.fromAt) },
    { title: "Until", cell: (row) => [row.toAt ? mine(row.toAt) : "it is lifted", row.liftedAt && h("span", { class: "small block" }, "lifted")] },
    ...(action ? [{ title: "", cell: action }] : []),
  ], items, { empty });
}

/** Who is meant: of these places, or with numbers that begin so; everybody. */
function whom({ jurisdictions, areaCodes, zips }) {
  const places = jurisdictions.length > 0 && jurisdictions.join(", ") + (zips.length > 0 ? ` (ZIP codes ${zips.join(", ")})` : "");
  const numbers = areaCodes.length > 0 && `numbers that begin with ${areaCodes.join(", ")}`;
  return [places, numbers].filter(Boolean).join(", or ") || "everybody";
}

async function declaring(list, page) {
  // Without the choices no purpose can be left out, and everybody is held back: the safe side.
  const { purposes } = await get("api/v1/choices", {}, page.signal).catch(() => ({ purposes: [] }));
  const kind = select("whom", [["", "choose ..."], ["area", "an area"], ["everybody", "everybody: all calls"]], "", { required: true });
  const area = h("div", { class: "row" },
    field("States, provinces, countries", input("jurisdictions", { placeholder: "e.g. Louisiana, US-TX" }), "By name or code, with commas between them"),
    field("Area codes", input("areaCodes", { placeholder: "e.g. +1504, +1985" }), "Beginnings of numbers, with the country's"),
    field("Only these ZIP codes", input("zips", { placeholder: "e.g. 701, 70112" }), "Their beginnings; within the states above"));
  const show = () => {
    area.hidden = kind.value !== "area";
    for (const control of area.querySelectorAll("input")) control.disabled = area.hidden;
  };
  kind.addEventListener("change", show);
  show();
  return folded("Declare a ban", form({}, [
    h("div", { class: "row" }, field("Reason", input("reason", { required: true, maxlength: 200, placeholder: "e.g. hurricane" }), "Whoever asks why a call waits will read it"), field("Whom", kind)),
    area,
    h("div", { class: "row" }, field("From", input("from", { type: "datetime-local" }), "Empty: now"), field("Until", input("to", { type: "datetime-local" }), "Empty: until it is lifted"),
      zoneField("tz", "On the clock of", own, null, { required: true })),
    purposes.length > 0 && group("Campaigns that go on", h("p", { class: "hint" }, "Those whose law has one of these purposes are not held back."),
      ...purposes.map((purpose) => check(`purpose ${purpose}`, purpose, false))),
  ], "Declare the ban", (given, element) => declare(wanted(given, purposes), given.tz, list, element, show)));
}

const several = (text) => (text ?? "").split(",").map((one) => one.trim()).filter((one) => one !== "");

/** The ban as the API takes it. */
function wanted(given, purposes) {
  if (wall(0, given.tz) === null) throw Object.assign(new Error(`This browser knows no time zone "${given.tz}".`), { hint: "Choose one of the list, such as America/Chicago." });
  const [jurisdictions, areaCodes, zips] = [several(given.jurisdictions), several(given.areaCodes), several(given.zips)];
  if (given.whom === "area" && jurisdictions.length + areaCodes.length === 0) {
    throw Object.assign(new Error("An area is a state, province or country, or an area code."), { hint: "Name one, or choose everybody." });
  }
  return {
    reason: given.reason, jurisdictions, areaCodes, zips: zips.length > 0 ? zips : undefined,
    fromAt: given.from && instant(given.from, given.tz), toAt: given.to && instant(given.to, given.tz),
    exemptPurposes: purposes.filter((purpose) => given[`purpose ${purpose}`]),
  };
}

async function declare(ban, tz, list, element, show) {
  const meant = whom({ ...ban, zips: ban.zips ?? [] });
  const done = await ask({
    title: "Declare a ban", label: "Declare the ban",
    says: [
      meant === "everybody" ? "Nobody at all is called: every call of every campaign waits." : `Nobody is called in this area: ${meant}${ban.jurisdictions.length > 0 ? "; nor who may be there, because their place is not known" : ""}.`,
      ["From: ", ban.fromAt ? when(ban.fromAt, tz) : "now"], ["Until: ", ban.toAt ? when(ban.toAt, tz) : "it is lifted, with a key of the scope admin"],
      ban.exemptPurposes.length > 0 && `Campaigns for ${ban.exemptPurposes.join(", ")} go on.`,
      "No call is cancelled: they wait.",
    ].filter(Boolean),
    act: () => post("api/v1/bans", ban),
  });
  if (!done) return;
  say("The ban is declared.");
  element.reset();
  show();
  await list.show();
}

async function lift(row, list) {
  let dueAgain = 0;
  const done = await ask({
    title: `Lift the ban: ${row.reason}`, label: "Lift the ban",
    says: [row.state === "to_come" ? `It does not come: ${whom(row)}.` : `Calls may go out again at once, inside the calling window and all limits: ${whom(row)}.`, "A ban that is lifted stays in the list as over; it cannot be brought back, only declared anew."],
    act: async () => {
      ({ dueAgain } = await post(path`api/v1/bans/${row.banId}/lift`));
    },
  });
  if (done) {
    say(dueAgain > 0 ? `It is lifted; ${count(dueAgain)} calls are due again.` : "It is lifted.");
    await list.again();
  }
}
