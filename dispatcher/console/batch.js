// A batch: many cases at once, staggered. Previewed first; what was previewed is what is sent.

import { get, post, token } from "./api.js";
import { liveCampaigns } from "./campaigns.js";
import { at, button, count, facts, fill, h, into, link, say, table, tally, words } from "./element.js";
import { read, save, write } from "./csv.js";
import { field, form, group, input, select } from "./form.js";
import { instant, own, when } from "./time.js";

/** LIMIT: lines of a preview that are shown; the download has all. */
const SHOWN_MAX = 100;
/** What a call takes where nothing else is known. */
const CALL_SECONDS = 150;
/** How people call the columns that a case has. */
const COLUMNS = {
  external_key: ["external_key", "externalkey", "key", "id", "case", "case_id"], name: ["name", "full_name", "patient", "contact"],
  phone: ["phone", "phone_number", "phonenumber", "mobile", "number", "tel"], email: ["email", "e_mail", "mail"],
  tz: ["tz", "timezone", "time_zone", "zone"], state: ["state", "province"], status: ["status"],
};

export async function batch(main, page) {
  const place = h("div");
  main.append(place);
  const lists = await into(place, Promise.all([get("api/v1/accounts", {}, page.signal), liveCampaigns(page)]), () => h("div"));
  if (!lists) return;
  const [accounts, campaigns] = lists;
  const channel = new Map(accounts.map((account) => [account.name, account.channel]));
  const of = (mail) => campaigns.filter((one) => (channel.get(one.account) === "email") === mail).map((one) => one.name);
  if (campaigns.length === 0) {
    fill(place, h("p", { class: "empty" }, "A batch goes through campaigns, one for calls and one for e-mails, and there is none that is not over. ", link(at("new-campaign"), "Create one first"), "."));
    return;
  }
  fill(place, composing(of(false), of(true), page));
}

function composing(voice, mail, page) {
  const result = h("div");
  const text = h("textarea", { name: "list", rows: 8, spellcheck: "false", placeholder: "external_key,name,phone,email,tz\ncase-1,Ada,+12125550101,ada@example.com,America/New_York" });
  const file = h("input", { type: "file", accept: ".csv,text/csv,text/plain", onchange: async () => {
    if (file.files[0]) text.value = await file.files[0].text();
  } });
  const channel = (title, name, campaigns, step) => group(title, h("div", { class: "row" },
    field("Campaign", select(`${name}Campaign`, [["", "none"], ...campaigns], campaigns.length === 1 ? campaigns[0] : "")),
    field(`From (${own})`, input(`${name}At`, { type: "datetime-local" }), "Empty: now"),
    field("Step", input(`${name}Step`, { placeholder: step }), "Empty: as the preset says; e.g. 2 minutes, 20 seconds")));
  const element = form({}, [
    group("Who", field("Cases as CSV", text, "A header line, then a row a case. Columns: external_key, name, phone, email, tz, state; any other goes along as an attribute."), field("or from a file", file)),
    channel("Calls", "call", voice, "2 minutes"), channel("E-mails", "email", mail, "3 seconds"),
    h("div", { class: "row" },
      field("Preset", select("preset", [["resend_safe", "calls 2 min apart, mails 3 s"], ["discharge_batch", "calls 2 min apart, mails 20 s"], ["immediate", "a minute apart each"]], "resend_safe")),
      field("Name of the batch", input("batchKey", { value: `${new Date().toISOString().slice(0, 10)}-${token().slice(0, 6)}` }), "Sent again with the same name, nothing is planned twice")),
  ], "Preview", async (given) => {
    const body = request(given);
    const lines = await post("api/v1/batches/preview", body);
    fill(result, preview(lines, body, page, result));
    result.scrollIntoView({ block: "nearest" });
  });
  element.addEventListener("input", () => fill(result));
  return [element, result];
}

function request({ list, callCampaign, emailCampaign, callAt, emailAt, callStep, emailStep, preset, batchKey }) {
  if (!callCampaign && !emailCampaign) throw new Error("Choose a campaign for calls, or for e-mails, or both.");
  if (!batchKey) throw new Error("Give the batch a name.");
  return {
    cases: cases(list ?? ""), callCampaign, emailCampaign, callAt: callAt && instant(callAt), emailAt: emailAt && instant(emailAt), callStep, emailStep, preset, batchKey,
  };
}

/** Rows as cases; columns that are not known become attributes. */
export function cases(text) {
  const [head, ...rows] = read(text);
  if (!head || rows.length === 0) throw new Error("There are no cases: a header line is needed, and at least one row.");
  const names = head.map((title) => {
    const plain = title.trim().toLowerCase().replaceAll(/[ -]+/g, "_");
    return Object.keys(COLUMNS).find((name) => COLUMNS[name].includes(plain)) ?? title.trim();
  });
  if (!names.includes("phone") && !names.includes("email")) throw new Error(`There is neither a phone nor an email column; the header has: ${head.join(", ")}.`);
  return rows.map((row) => {
    const [one, attributes] = [{}, {}];
    names.forEach((name, position) => {
      const value = (row[position] ?? "").trim();
      if (value === "" || name === "") return;
      if (name in COLUMNS) one[name] = value;
      else attributes[name] = value;
    });
    return Object.keys(attributes).length > 0 ? { ...one, attributes } : one;
  });
}

const PLANNED = ["scheduled", "waiting"];

function preview(data, body, page, result) {
  const send = data.planned > 0 && button(`Send: plan ${count(data.planned)}`, async (event) => {
    event.target.disabled = true;
    if (await into(result, post("api/v1/batches", body), (sent) => sentLines(sent, body))) say("The batch is planned.");
  }, "main");
  return h("section", null, h("h2", null, "Preview: nothing was planned"), summary(data, body), lines(data, body.batchKey),
    h("div", { class: "actions" }, send),
    data.planned === 0 && h("p", { class: "note" }, "Nothing would be planned: see why for each below."));
}

function sentLines(data, body) {
  const drafts = [body.callCampaign, body.emailCampaign].filter(Boolean);
  return h("section", null, h("h2", null, "Planned"), summary(data, body), lines(data, body.batchKey),
    h("p", null, "They go out when their campaign runs: ", ...drafts.map((name) => [link(at("campaign", name), name), " "])));
}

function summary(data, { callCampaign, emailCampaign }) {
  const planned = data.lines.filter((line) => PLANNED.includes(line.result));
  const skipped = data.lines.filter((line) => !PLANNED.includes(line.result));
  const last = planned.reduce((latest, line) => (line.dueAt && (!latest || line.dueAt > latest.dueAt) ? line : latest), null);
  const first = planned.reduce((earliest, line) => (line.dueAt && (!earliest || line.dueAt < earliest.dueAt) ? line : earliest), null);
  const finish = last && new Date(new Date(last.dueAt).getTime() + (last.channel === "email" ? 0 : CALL_SECONDS * 1000)).toISOString();
  const days = tally(planned.filter((line) => line.localTime), (line) => line.localTime.match(/\d{4}-\d\d-\d\d/)?.[0] ?? line.localTime).sort(([a], [b]) => (a < b ? -1 : 1));
  return facts([
    ["Calls through", callCampaign],
    ["E-mails through", emailCampaign],
    ["Planned", tally(planned, (line) => line.channel).map(([channel, number]) => `${count(number)} ${channel}`).join(", ") || "none"],
    ["Left out", tally(skipped, (line) => words(line.result)).map(([reason, number]) => `${count(number)}: ${reason}`).join("; ")],
    ["First", first && when(first.dueAt, first.tz)],
    ["Last", last && when(last.dueAt, last.tz)],
    ["Finished, at 2.5 minutes a call", finish && when(finish, last.tz)],
    ["Days, on their clocks", days.map(([day, number]) => `${day}: ${count(number)}`).join(", ")],
    ["Zones", tally(planned, (line) => line.tz ?? "not known").map(([tz, number]) => `${tz}: ${count(number)}`).join(", ")],
  ]);
}

function lines(data, name) {
  const skippedFirst = [...data.lines].sort((a, b) => Number(PLANNED.includes(a.result)) - Number(PLANNED.includes(b.result)) || a.position - b.position);
  const keep = () => save(`batch-${name}.csv`, write(["case", "channel", "due_at", "local_time", "tz", "result", "call_id"],
    data.lines.map((line) => [line.position, line.channel, line.dueAt, line.localTime, line.tz, line.result, line.callId])));
  return h("div", null, table([
    { title: "Case", cell: (line) => count(line.position), numeric: true },
    { title: "Channel or column", cell: (line) => line.channel },
    { title: "Due", cell: (line) => when(line.dueAt, line.tz) },
    { title: "Result", cell: (line) => (PLANNED.includes(line.result) ? words(line.result) : h("span", { class: "badge warn" }, words(line.result))) },
    { title: "Call", cell: (line) => line.callId && link(at("call", line.callId), line.callId) },
  ], skippedFirst.slice(0, SHOWN_MAX), { caption: data.lines.length > SHOWN_MAX ? `The first ${SHOWN_MAX} of ${count(data.lines.length)}; those that are left out come first` : "Each case" }),
  h("div", { class: "actions" }, button("Download as CSV", keep)));
}
