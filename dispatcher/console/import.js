// A list as a CSV file: first a dry run, then the same file for good.

import { upload } from "./api.js";
import { liveCampaigns } from "./campaigns.js";
import { at, button, count, facts, fill, folded, h, into, link, say, table } from "./element.js";
import { save, write } from "./csv.js";
import { field, form, input, select } from "./form.js";

/** LIMIT: problems that are shown; the file has all that were told. */
const SHOWN_MAX = 100;
/** No name of a campaign is blank. */
const NONE = " ";

export async function importList(main, page, name) {
  const place = h("div");
  main.append(place);
  const campaigns = await into(place, liveCampaigns(page), () => h("div"));
  if (!campaigns) return;
  const listed = campaigns.map((item) => item.name);
  // A campaign that was asked for is there even where there are more than a list shows.
  const names = name === undefined || listed.includes(name) ? listed : [name, ...listed];
  if (names.length === 0) {
    fill(place, h("p", { class: "empty" }, "A list goes into a campaign, and there is none that is not over. ", link(at("new-campaign"), "Create one first"), "."));
    return;
  }
  fill(place, steps(names, name ?? (names.length === 1 ? names[0] : ""), page));
}

function steps(names, chosen, page) {
  const result = h("div");
  const file = h("input", { type: "file", name: "file", accept: ".csv,text/csv,text/plain", required: true });
  const fields = [
    field("Campaign", select("campaign", [["", "choose ..."], [NONE, "none: keep the contacts, plan no calls"], ...names], chosen, { required: true })),
    field("CSV file", file, "A header line, then a row a contact: name, phone, email, state or zone, external key, in any usual spelling."),
    folded("Columns and country",
      field("Which column is which", input("map", { placeholder: "phone=Mobile,name=Patient" }), "Only where the names are not understood. Targets: external_key, name, phone, email, tz, state, status."),
      field("Country of numbers without one", input("region", { value: "US", maxlength: 2 }))),
  ];
  const element = form({}, fields, "Try it: change nothing", async (given) => {
    if (!given.file) throw new Error("Choose a file.");
    fill(result, h("p", { class: "small" }, "The list is being read ..."));
    const tried = await send(given, true, page).finally(() => fill(result));
    fill(result, outcome(tried, given, page, result));
    result.scrollIntoView({ block: "nearest" });
  });
  // What was tried is what is imported.
  element.addEventListener("input", () => fill(result));
  return [element, result];
}

function send({ campaign, file, map, region }, dryRun, page) {
  return upload("api/v1/imports", { campaign, dryRun, map, region, source: file.name }, file, page.signal);
}

function outcome(done, given, page, result) {
  const goes = done.created + done.updated;
  const next = done.dryRun && goes > 0 && button(`Import ${count(goes)} rows`, async (event) => {
    event.target.disabled = true;
    event.target.textContent = "Importing ...";
    if (await into(result, send(given, false, page), (imported) => outcome(imported, given, page, result))) say("The list is imported.");
  }, "main");
  return h("section", null,
    h("h2", null, done.dryRun ? "Trial: nothing was changed" : "Imported"),
    facts([
      ["Rows", count(done.rows)],
      [done.dryRun ? "Would be new" : "New contacts", count(done.created)],
      [done.dryRun ? "Would be updated" : "Updated", count(done.updated)],
      ["Twice in the list", count(done.duplicates)],
      ["Refused", count(done.rejected)],
      ["On the do-not-call list (kept, not called)", count(done.doNotCall)],
      [done.dryRun ? "Calls that would be planned" : "Calls planned", count(done.enrolled)],
    ]),
    problems(done, given.file.name),
    h("div", { class: "actions" }, next,
      !done.dryRun && given.campaign && link(at("campaign", given.campaign), "To the campaign")),
    given.campaign && goes > 0 && done.enrolled === 0 && h("p", { class: "note" },
      "No call is planned for any of them: has the list what the campaign's account needs, numbers for calls or addresses for e-mails, and do they not wait there already?"),
    done.dryRun && goes === 0 && h("p", { class: "note" }, done.rows === 0 ? "There is no row in it." : "There is nothing to import: every row is there already, or was refused."));
}

function problems(done, name) {
  if (done.problemCount === 0) return h("p", { class: "empty" }, "No row was refused.");
  const kept = () => save(name.replace(/\.[^.]*$/, "") + ".problems.csv",
    write(["line", "column", "value", "reason", "refused"], done.problems.map((row) => [row.line, row.column, row.value, row.reason, row.isError ? "yes" : "no, a note"])));
  return h("div", null, table([
    { title: "Line", cell: (row) => count(row.line), numeric: true },
    { title: "Column", cell: (row) => row.column },
    { title: "Value", cell: (row) => row.value },
    { title: "Reason", cell: (row) => row.reason },
    { title: "Row", cell: (row) => (row.isError ? h("span", { class: "badge bad" }, "refused") : h("span", { class: "badge calm" }, "taken")) },
  ], done.problems.slice(0, SHOWN_MAX), { caption: "What was found in the rows" }),
  h("div", { class: "actions" }, button("Download as CSV", kept), h("span", { class: "small" },
    done.problemCount > done.problems.length ? `the first ${count(done.problems.length)} of ${count(done.problemCount)}` : `${count(done.problemCount)} in all`)));
}
