// How it stands: refreshed every few seconds; what is dearer to count, once a minute.

import { get, may, path, post } from "./api.js";
import { at, badge, button, count, counted, fill, h, into, link, refusal, say, table, tally, words } from "./element.js";
import { ask } from "./dialogue.js";
import { own, span, when } from "./time.js";

const EVERY_MS = 4_000;
/** Every so many rounds: what reads all calls of a campaign. */
const SELDOM = 15;
/** LIMIT: campaigns whose waiting calls are counted by reason. */
const CAMPAIGNS_MAX = 20;
/** A campaign whose reasons took longer to count is not counted again by itself. */
const SLOW_MS = 2_000;
const slow = new Map();

export function dashboard(main, page) {
  const state = { paused: false, round: 0, run: 0, timer: 0, queuePaused: false };
  const places = Object.fromEntries(["standing", "accounts", "today", "stuck", "why", "letters"].map((name) => [name, h("div")]));
  const pulse = h("span", { class: "small" });
  // Buttons stay the same elements, so that whoever uses the keyboard does not lose them at each refresh.
  const pause = button("Hold still", () => {
    state.paused = !state.paused;
    pause.textContent = state.paused ? "Refresh again" : "Hold still";
    if (state.paused) fill(pulse, "Not refreshed.");
    else turn();
  });
  const now = button("Refresh now", () => {
    state.round = 0;
    slow.clear();
    turn();
  });
  const queue = may("plan") && button("Pause everything", () => (state.queuePaused ? goOn(page) : pauseAll(page)), "quiet");
  main.append(h("div", { class: "actions" }, pulse, pause, now, queue),
    places.standing,
    h("div", { class: "columns" }, section("Accounts", places.accounts), section("Outcomes today", places.today)),
    section("Why calls wait", places.why),
    h("div", { class: "columns" }, section("Stuck", places.stuck), section("Failed calls", places.letters)));

  async function turn() {
    clearTimeout(state.timer);
    if (page.signal.aborted) return;
    const run = ++state.run;
    try {
      const data = await get("api/v1/overview", { tz: own }, page.signal);
      if (run !== state.run) return;
      state.queuePaused = data.queuePaused;
      if (queue) queue.textContent = data.queuePaused ? "Let the queue go on" : "Pause everything";
      fill(places.standing, standing(data));
      fill(places.accounts, accounts(data));
      fill(places.today, today(data));
      if (state.round++ % SELDOM === 0) seldom(places, page, data);
      if (!state.paused) fill(pulse, `As of ${new Date().toLocaleTimeString("en-GB")}, every ${EVERY_MS / 1000} s.`);
    } catch (error) {
      if (error.name === "AbortError" || run !== state.run) return;
      fill(places.standing, refusal(error));
    }
    if (!state.paused && !page.signal.aborted) state.timer = setTimeout(turn, document.hidden ? EVERY_MS * SELDOM : EVERY_MS);
  }
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !state.paused) turn();
  }, { signal: page.signal });
  page.signal.addEventListener("abort", () => clearTimeout(state.timer));
  turn();
}

function section(title, place) {
  return h("section", null, h("h2", null, title), place);
}

function standing(data) {
  const open = data.claimed + data.dialling + data.ringing + data.answered;
  const figure = (number, label, hint) => h("div", { class: "figure" }, h("b", null, number), h("span", null, label), hint && h("span", { class: "small" }, hint));
  return h("div", null,
    data.dispatchers === 0 && h("div", { class: "refusal", role: "alert" },
      h("p", null, h("strong", null, "No dispatcher is running: nothing is being called.")),
      h("p", null, "What to do: start dialerd run; dialerd doctor says what it lacks.")),
    data.queuePaused && h("p", { class: "note" }, `The queue is paused: ${data.queueReason ?? "no reason was given"}.`),
    data.stuck > 0 && h("p", { class: "note" }, `${count(data.stuck)} calls are stuck; see below.`),
    h("div", { class: "figures" },
      figure(count(data.dispatchers), data.dispatchers === 1 ? "dispatcher alive" : "dispatchers alive"),
      figure(count(open), "open now", `${data.dialling} dialling, ${data.ringing} ringing, ${data.answered} talking`),
      figure(counted(data.due, data.countedMax), "due now"),
      figure(counted(data.outsideHours, data.countedMax), "outside hours", "due, and closed now"),
      figure(counted(data.later, data.countedMax), "wait for later"),
      figure(counted(data.held, data.countedMax), "held", "in drafts and paused campaigns"),
      figure(data.nextDueAt ? span((new Date(data.nextDueAt) - new Date(data.nowAt)) / 1000) : "–", "until the next is due", data.nextDueAt && when(data.nextDueAt))));
}

async function goOn(page) {
  const done = await ask({
    title: "Let the queue go on", label: "Let it go on",
    says: ["Calls that are due go out again. Campaigns that were paused by themselves stay so."],
    act: () => post("api/v1/queue/resume"),
  });
  if (done) {
    say("The queue goes on.");
    page.refresh();
  }
}

function pauseAll(page) {
  return ask({
    title: "Pause everything",
    says: ["No campaign places another call until the queue goes on. Calls in progress finish, and nothing is lost."],
    label: "Pause everything", reason: "Reason",
    act: async ({ reason }) => {
      await post("api/v1/queue/pause", reason ? { reason } : {});
      say("The queue is paused.");
      page.refresh();
    },
  });
}

function accounts(data) {
  const used = (row) => {
    const most = Math.max(row.maxConcurrent - row.inboundReserve, 0);
    return [h("meter", { min: 0, max: Math.max(most, 1), value: String(row.inUse), "aria-label": "calls at once" }), h("span", { class: "whole" }, ` ${row.inUse} of ${most}`)];
  };
  const state = (row) => [badge(row.state), " ", row.blockedUntil ? ["rests until ", when(row.blockedUntil), `: ${row.blockedReason ?? ""}`] : row.stateReason];
  return table([
    { title: "Account", cell: (row) => [row.name, " ", h("span", { class: "small" }, `${row.provider}, ${row.channel}`)] },
    { title: "State", cell: state },
    { title: "At once", cell: used },
    { title: "Begun in the last minute", cell: (row) => (row.perSecond === null ? count(row.startedLastMinute) : `${count(row.startedLastMinute)} of ${count(row.perSecond * 60)}`), numeric: true },
  ], data.accounts, { empty: ["There is no account yet. Whoever runs the database adds one: ", h("code", null, "select dialer.create_account('voice', 'vapi', 10, secret_name => 'VAPI_KEY')"), "."] });
}

function today(data) {
  const most = Math.max(1, ...data.outcomesToday.map((row) => row.attempts));
  return table([
    { title: "Outcome", cell: (row) => words(row.outcome) },
    { title: "Attempts", cell: (row) => count(row.attempts), numeric: true },
    { title: "", cell: (row) => h("meter", { min: 0, max: most, value: String(row.attempts), "aria-hidden": "true" }) },
  ], data.outcomesToday, { empty: `Nothing was dialled today (${own}).` });
}

function seldom(places, page, data) {
  // What somebody is in the middle of is not drawn anew under their hands.
  const free = (place) => !place.contains(document.activeElement);
  if (free(places.why)) into(places.why, why(page), whyTable);
  if (data.stuck === 0) fill(places.stuck, h("p", { class: "empty" }, "Nothing is stuck."));
  else if (free(places.stuck)) into(places.stuck, get("api/v1/stuck", {}, page.signal), (rows) => stuck(rows, page));
  if (free(places.letters)) into(places.letters, get("api/v1/dead-letters", { limit: 5 }, page.signal), letters);
}

/** Reasons of each campaign that is not over, one campaign after the other. */
async function why(page) {
  const states = await Promise.all(["running", "paused"].map((state) => get("api/v1/campaigns", { state, limit: CAMPAIGNS_MAX }, page.signal)));
  const open = states.flatMap(({ items }) => items).slice(0, CAMPAIGNS_MAX);
  const rows = [];
  for (const { name } of open) {
    const reasons = slow.get(name) ?? await counting(name, page);
    rows.push(...reasons.map((reason) => ({ campaign: name, ...reason })));
  }
  return { rows, none: open.length === 0, more: states.some(({ nextCursor }) => nextCursor) };
}

async function counting(name, page) {
  const asked = performance.now();
  let reasons;
  try {
    reasons = await get(path`api/v1/campaigns/${name}/why-waiting`, {}, page.signal);
  } catch (error) {
    // Too many to be counted in time; the others are told all the same.
    if (error.status !== 503) throw error;
    reasons = [{ reason: "not counted: " + error.message, calls: null, nextAt: null }];
  }
  if (performance.now() - asked > SLOW_MS) slow.set(name, reasons);
  return reasons;
}

function whyTable({ rows, none, more }) {
  const empty = none ? ["No campaign is running. ", may("plan") && link(at("new-campaign"), "Create one"), may("plan") && ", import a list, and start it."]
    : "No call of a running campaign waits.";
  return [table([
    { title: "Campaign", cell: (row) => link(at("campaign", row.campaign), row.campaign) },
    { title: "Reason", cell: (row) => words(row.reason) },
    { title: "Calls", cell: (row) => count(row.calls), numeric: true },
    { title: "First could go", cell: (row) => when(row.nextAt) },
  ], rows, { empty }), more && h("p", { class: "small" }, `The latest ${CAMPAIGNS_MAX} campaigns; the others say it on their own pages.`)];
}

function stuck(rows, page) {
  return h("div", null, table([
    { title: "Call", cell: (row) => link(at("call", row.callId), row.callId) },
    { title: "Campaign", cell: (row) => row.campaign },
    { title: "Since", cell: (row) => when(row.stuckSince) },
    { title: "Why", cell: (row) => row.why },
  ], rows), may("plan") && button("Look after them", () => reset(page)));
}

async function reset(page) {
  const lines = await post("api/v1/stuck/reset", { dryRun: true });
  const actions = tally(lines, (line) => line.action).map(([action, number]) => `${number}: ${action}.`);
  await ask({
    title: "Look after stuck calls", label: "Do that",
    says: [...actions, "What may have rung is never dialled again without evidence."],
    act: () => post("api/v1/stuck/reset", { dryRun: false }),
  });
  page.refresh();
}

function letters({ items, nextCursor }) {
  return [table([
    { title: "Call", cell: (row) => link(at("call", row.callId), row.callId) },
    { title: "Campaign", cell: (row) => row.campaign },
    { title: "Failed", cell: (row) => when(row.endedAt) },
    { title: "Why", cell: (row) => words(row.failureReason ?? row.endReason) },
  ], items, { empty: "No call has failed." }), (nextCursor || items.length > 0) && h("p", null, link(at("dead-letters"), "All of them, and what to do"))];
}
