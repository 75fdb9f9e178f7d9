// The way from an address to its page. Every page gets a signal that ends its requests when the user leaves.

import * as api from "./api.js";
import { at, button, fill, h, link, refusal, say } from "./element.js";
import { bans } from "./bans.js";
import { batch } from "./batch.js";
import { call } from "./call.js";
import { calls } from "./calls.js";
import { campaign } from "./campaign.js";
import { newCampaign } from "./campaign_form.js";
import { campaigns } from "./campaigns.js";
import { consent } from "./consent.js";
import { dashboard } from "./dashboard.js";
import { deadLetters } from "./dead_letters.js";
import { doNotCall } from "./do_not_call.js";
import { importList } from "./import.js";
import { person } from "./person.js";
import { reports } from "./report.js";
import { oneSeries, series } from "./series.js";
import { newSeries } from "./series_form.js";
import { signInPage } from "./sign_in.js";

/**
 * Name in the address, draw(place, page, ...parts), title, scope that is needed; menu: the word in
 * the menu; under: the page that it belongs to; tab: it stands beside that page.
 */
const PAGES = [
  { name: "dashboard", draw: dashboard, title: "Dashboard", scope: "read", menu: "Dashboard" },
  { name: "campaigns", draw: campaigns, title: "Campaigns", scope: "read", menu: "Campaigns" },
  { name: "campaign", draw: campaign, title: "Campaign", scope: "read", under: "campaigns" },
  { name: "new-campaign", draw: newCampaign, title: "New campaign", scope: "plan", under: "campaigns" },
  { name: "import", draw: importList, title: "Import", scope: "plan", menu: "Import" },
  { name: "batch", draw: batch, title: "Batch", scope: "plan", menu: "Batch" },
  { name: "calls", draw: calls, title: "Calls", scope: "read", menu: "Calls" },
  { name: "call", draw: call, title: "Call", scope: "read", under: "calls" },
  { name: "recurring", draw: series, title: "Recurring", scope: "read", under: "calls", tab: true },
  { name: "series", draw: oneSeries, title: "Series", scope: "read", under: "recurring" },
  { name: "new-series", draw: newSeries, title: "New series", scope: "plan", under: "recurring" },
  { name: "person", draw: person, title: "Why called?", scope: "read", menu: "Why called?" },
  { name: "dead-letters", draw: deadLetters, title: "Failed calls", scope: "read", under: "dashboard" },
  { name: "do-not-call", draw: doNotCall, title: "Do not call", scope: "read", menu: "Rules" },
  { name: "consent", draw: consent, title: "Consent", scope: "read", under: "do-not-call", tab: true },
  { name: "bans", draw: bans, title: "Bans", scope: "read", under: "do-not-call", tab: true },
  { name: "reports", draw: reports, title: "Reports", scope: "read", menu: "Reports" },
];

const main = document.getElementById("main");
const top = document.getElementById("top");
let leave = new AbortController();

/** Itself, the page that it belongs to, and so on. */
function above(page) {
  return page ? [page, ...above(PAGES.find((one) => one.name === page.under))] : [];
}

/** The pages that stand beside one another, as links; nothing where there is only one. */
function tabs(current) {
  const first = current.tab ? current.under : current.name;
  const beside = PAGES.filter((page) => (page.name === first || page.tab && page.under === first) && api.may(page.scope));
  return beside.length > 1 && h("nav", { class: "tabs", "aria-label": "Pages beside this one" },
    ...beside.map((page) => h("a", { href: at(page.name), "aria-current": page === current && "page" }, page.title)));
}

function closeDialogues() {
  for (const dialogue of document.querySelectorAll("dialog")) dialogue.close();
}

function header(current) {
  const items = PAGES.filter((page) => page.menu && api.may(page.scope)).map((page) =>
    h("a", { href: at(page.name), "aria-current": above(current).includes(page) && "page" }, page.menu));
  fill(top,
    h("strong", { class: "brand" }, "pg_dialer"),
    h("nav", { "aria-label": "Pages" }, ...items),
    h("div", { class: "who" },
      h("span", null, api.who.tenant, " ", h("span", { class: "badge calm" }, api.who.scope)),
      api.who.clockRate !== 1 && h("span", { class: "badge warn" }, api.who.clockRate === 0 ? "the clock stands still" : `the clock runs ${api.who.clockRate}×`),
      button("Sign out", () => {
        api.signOut();
        history.replaceState(null, "", at("dashboard"));
        showSignIn("You are signed out; the key is forgotten.");
      })));
  top.hidden = false;
}

function showSignIn(message) {
  leave.abort();
  leave = new AbortController();
  top.hidden = true;
  fill(top);
  closeDialogues();
  document.title = "Sign in: pg_dialer";
  signInPage(main, message, show);
}

/** The page that the address names, or the dashboard. */
function named() {
  const parts = location.hash.startsWith("#/") ? location.hash.slice(2).split("/") : [];
  const decoded = parts.map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return [PAGES.find((page) => page.name === (decoded[0] || "dashboard")), decoded.slice(1)];
}

function show() {
  if (api.who === null) return;
  const [page, parts] = named();
  closeDialogues();
  leave.abort();
  leave = new AbortController();
  header(page);
  if (!page || !api.may(page.scope)) {
    document.title = "pg_dialer";
    fill(main, h("h1", null, page ? "Not with this key" : "There is no such page"),
      h("p", null, page ? `This page needs a key with the scope ${page.scope}; yours has ${api.who.scope}. ` : "", link(at("dashboard"), "To the dashboard")));
    return;
  }
  document.title = `${page.title}: pg_dialer`;
  // A place of its own: what comes late, after the user has left, is drawn where nobody sees it.
  const place = h("div", null, h("h1", null, page.title));
  fill(main, tabs(page), place);
  page.draw(place, { signal: leave.signal, refresh: show }, ...parts);
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
}

async function start() {
  api.onSignedOut((reason) => showSignIn(`${reason}. Sign in again.`));
  addEventListener("hashchange", () => {
    if (location.hash === "" || location.hash.startsWith("#/")) show();
  });
  if (!api.hasKey()) return showSignIn();
  try {
    await api.signInAgain();
    show();
  } catch (error) {
    if (!api.hasKey()) return showSignIn(error.message);
    fill(main, h("h1", null, "pg_dialer"), refusal(error), button("Try again", () => location.reload()),
      button("Sign out", () => {
        api.signOut();
        showSignIn();
      }));
  }
}

addEventListener("unhandledrejection", (event) => {
  if (event.reason?.name === "AbortError") event.preventDefault();
  else say("Something went wrong on this page; load it again.");
});
start();
