// Making a campaign, changing one, and calling one number.

import { get, patch, path, post } from "./api.js";
import { at, fill, folded, h, link, refusal, say, words } from "./element.js";
import { check, field, form, group, input, select, zoneField } from "./form.js";
import { entered, instant, own, span, when } from "./time.js";

const DAYS = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];

/** Days, from and to as hours: "Mo,We-Fr 09:00-17:00"; or what was written by hand. */
export function hoursOf(given) {
  if (given.hoursText) return given.hoursText;
  const days = DAYS.filter((day) => given[`day${day}`]);
  if (days.length === 0) throw new Error("Choose at least one day.");
  const spans = [];
  for (const day of days) {
    const last = spans.at(-1);
    if (last && DAYS.indexOf(day) === DAYS.indexOf(last.at(-1)) + 1) last.push(day);
    else spans.push([day]);
  }
  const named = spans.flatMap((span) => (span.length > 2 ? [`${span[0]}-${span.at(-1)}`] : span)).join(",");
  const [from, to] = [given.from, given.to];
  if (!from || !to) throw new Error("Say from when to when.");
  const times = given.breakFrom && given.breakTo ? `${from}-${given.breakFrom},${given.breakTo}-${to}` : `${from}-${to}`;
  return `${named} ${times}`;
}

function windowFields(tz) {
  const days = DAYS.map((day) => check(`day${day}`, day, !["Sa", "Su"].includes(day)));
  return group("Calling window", h("div", { class: "days", role: "group", "aria-label": "Days" }, ...days),
    h("div", { class: "row" }, field("From", input("from", { type: "time", value: "09:00" })), field("To (not included)", input("to", { type: "time", value: "17:00" })),
      field("Break from", input("breakFrom", { type: "time" })), field("Break to", input("breakTo", { type: "time" }))),
    folded("Write the hours by hand", field("Hours", input("hoursText"), "E.g. Mo-Fr 09:00-12:00,13:00-18:00; Sa 10:00-14:00; 2026-12-24 off. It replaces the fields above.")),
    zoneField("tz", "Zone", tz, "Empty: on the wall clock of each contact's own zone, which is what most calling laws ask for."));
}

/** An interval as the database writes it, in words. */
function wait(text) {
  const [, hours, minutes, seconds] = text.match(/^(\d+):(\d\d):(\d\d)/) ?? [];
  if (hours === undefined) return text;
  const all = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return all === 0 ? "at once" : span(all);
}

/** A redial policy in words. */
function told(policy) {
  const waits = policy.ladder.map(wait).join(", ");
  const caps = [policy.maxPerDay && `${policy.maxPerDay} a day`, policy.maxLifetime && `${policy.maxLifetime} in all`].filter(Boolean).join(", ");
  return `${policy.name}: ${waits}${caps ? "; at most " + caps : ""}`;
}

function redialFields(choices) {
  const policies = choices.policies.filter((policy) => !policy.name.startsWith("frequency of "));
  const kind = select("redial", [["policy", "by a redial policy"], ["frequency", "so often in a period"]], "policy");
  const policy = field("Redial policy", select("policy", policies.map((one) => [one.name, told(one)]), "redial-8-a-day"), "Waits before each attempt, and how many at most; afterwards the last wait repeats.");
  const frequency = h("div", { class: "row" },
    field("Calls per contact", input("frequency", { placeholder: "1 per day" }), "daily, weekly, monthly, or e.g. 3 per week, 2 per 10 days"),
    h("div", null, check("recurs", "call members again in each period", true)));
  const show = () => {
    policy.hidden = kind.value !== "policy";
    frequency.hidden = kind.value === "policy";
  };
  kind.addEventListener("change", show);
  show();
  return group("Redialling", field("Call again", kind), policy, frequency,
    h("div", { class: "row" }, field("At most with one contact", input("contactLimit", { type: "number", min: 1 }), "Empty: no limit of the campaign's own"),
      field("which counts", select("contactLimitCounts", [["attempts", "attempts"], ["answered", "answered calls"], ["conversations", "conversations"]], "attempts"))));
}

function redialOf(given) {
  const kind = given.redial === "policy" ? { policy: given.policy } : { frequency: given.frequency ?? "1 per day", recurs: given.recurs };
  return { ...kind, ...(given.contactLimit ? { contactLimit: Number(given.contactLimit), contactLimitCounts: given.contactLimitCounts } : {}) };
}

const numeric = (text) => (text === undefined ? undefined : Number(text));

export async function newCampaign(main, page) {
  const [accounts, choices] = await Promise.all([get("api/v1/accounts", {}, page.signal), get("api/v1/choices", {}, page.signal)]).catch((error) => {
    if (error.name !== "AbortError") main.append(refusal(error));
    return [];
  });
  if (!accounts) return;
  if (accounts.length === 0) {
    main.append(h("p", { class: "empty" }, "There is no account to call with. Whoever runs the database adds one: ",
      h("code", null, "select dialer.create_account('voice', 'vapi', 10, secret_name => 'VAPI_KEY')"), "."));
    return;
  }
  // Calls are the usual case.
  const sorted = [...accounts].sort((a, b) => Number(a.channel === "email") - Number(b.channel === "email"));
  const account = select("account", sorted.map(({ name, provider, channel }) => [name, `${name} (${provider}, ${channel})`]));
  const pools = choices.callerPools.map(({ pool, account: of, numbers }) => [pool, `${pool} (${of}: ${numbers} numbers)`]);
  const fields = [
    group("What", field("Name", input("name", { required: true, maxlength: 200 })), field("Account", account),
      field("Call from", select("callerPool", [["", "any number of the account"], ...pools], "")),
      field("Assistant and other settings (JSON)", h("textarea", { name: "settings", rows: 3, spellcheck: "false", placeholder: '{"assistantId": "..."}' }), "What the provider is told; empty: as the account says")),
    windowFields(null),
    redialFields(choices),
    group("Limits", h("div", { class: "row" },
      field("Calls at once", input("maxConcurrent", { type: "number", min: 0 }), "Empty: as the account allows"),
      field("New calls a second", input("perSecond", { type: "number", min: 0.0001, step: "any" })),
      field("Priority", input("priority", { type: "number", min: 1, max: 100, value: 5 }), "1 comes first"))),
    check("start", "start calling at once", false),
  ];
  main.append(form({}, fields, "Create the campaign", async (given) => {
    const body = {
      name: given.name, account: given.account, hours: hoursOf(given), tz: given.tz, ...redialOf(given),
      callerPool: given.callerPool, maxConcurrent: numeric(given.maxConcurrent), perSecond: numeric(given.perSecond), priority: numeric(given.priority),
      settings: given.settings === undefined ? undefined : object(given.settings), start: given.start,
    };
    const made = await post("api/v1/campaigns", body);
    say(`Campaign ${made.name} is made.`);
    location.hash = at("campaign", made.name);
  }));
}

function object(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`The settings are no JSON: ${error.message}`);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new Error("The settings have to be a JSON object: { ... }");
  return value;
}

/** What can be changed, as it is; only what is changed is sent. */
export async function editCampaign(campaign, page) {
  const place = h("div");
  try {
    const choices = await get("api/v1/choices", {}, page.signal);
    const names = choices.policies.map(({ name }) => name);
    const shown = (value) => (value === null || value === undefined ? "" : String(value));
    const before = {
      name: campaign.name, hours: campaign.hours, tz: shown(campaign.tz), policy: campaign.policy, maxConcurrent: shown(campaign.maxConcurrent),
      perSecond: shown(campaign.perSecond), priority: shown(campaign.priority), validUntil: campaign.validUntil ? entered(campaign.validUntil) : "",
    };
    const control = (name, attributes) => input(name, { value: before[name], ...attributes });
    const policies = names.includes(before.policy) ? names : [before.policy, ...names];
    return form({}, [
      field("Name", control("name", { required: true, maxlength: 200 })),
      h("div", { class: "row" }, field("Calling window", control("hours", { required: true })), zoneField("tz", "Zone", before.tz, "Empty: each contact's own")),
      field("Redial policy", select("policy", policies, before.policy)),
      field("Frequency instead", input("frequency", { placeholder: "2 per week" })),
      h("div", { class: "row" }, field("Calls at once", control("maxConcurrent", { type: "number", min: 0 })), field("New calls a second", control("perSecond", { type: "number", min: 0.0001, step: "any" })),
        field("Priority", control("priority", { type: "number", min: 1, max: 100 }))),
      field(`Ends (${own})`, control("validUntil", { type: "datetime-local" }), "Nothing is called from then on"),
    ], "Save", async (given) => {
      const changes = changed(before, given);
      if (Object.keys(changes).length === 0) return say("Nothing was changed.");
      const now = await patch(path`api/v1/campaigns/${campaign.name}`, changes);
      say("Saved; it holds from the next call on.");
      if (now.name === campaign.name) page.refresh();
      else location.hash = at("campaign", now.name);
      return undefined;
    });
  } catch (error) {
    if (error.name !== "AbortError") fill(place, refusal(error));
    return place;
  }
}

function changed(before, given) {
  const changes = {};
  for (const [name, was] of Object.entries(before)) {
    const now = given[name] ?? "";
    if (now === was) continue;
    if (now === "") changes[name] = null;
    else if (["maxConcurrent", "perSecond", "priority"].includes(name)) changes[name] = Number(now);
    else changes[name] = name === "validUntil" ? instant(now) : now;
  }
  if (given.frequency) {
    delete changes.policy;
    changes.frequency = given.frequency;
  }
  return changes;
}

/** One call by hand. */
export function callOne(campaign, page) {
  const answer = h("div");
  const fields = [
    h("div", { class: "row" }, field("Phone number or e-mail address", input("address", { required: true, inputmode: "tel" })), field("Name", input("name"))),
    h("div", { class: "row" }, zoneField("tz", "Zone of the contact", null, "Empty: by the number"), field(`Not before (${own})`, input("at", { type: "datetime-local" }), "Empty: as soon as it is allowed")),
    answer,
  ];
  return form({}, fields, "Plan this call", async (given, element) => {
    const body = { campaign: campaign.name, address: given.address, name: given.name, tz: given.tz, dueAt: given.at && instant(given.at) };
    const { callId, plannedAt, result } = await post("api/v1/calls", body);
    fill(answer, h("p", { class: "note", role: "status" }, words(result), ". ", plannedAt && ["It is due ", when(plannedAt, given.tz), ". "], callId && link(at("call", callId), `Call ${callId}`)));
    if (callId) element.reset();
  });
}
