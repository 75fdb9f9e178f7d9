// Consent: what a number or address has agreed to, or is a customer for; look up, give, withdraw.

import { get, may, post } from "./api.js";
import { ask } from "./dialogue.js";
import { badge, button, fill, folded, h, say, table } from "./element.js";
import { check, choiceField, field, form, input, select } from "./form.js";
import { pages } from "./list.js";
import { instant, mine, own } from "./time.js";

const KINDS = { consent: "has agreed", relationship: "is a customer" };

export function consent(main, page) {
  let filter = {};
  const place = h("div");
  const list = pages((cursor) => held({ ...filter, cursor }, page), (items) => consentRows(items, may("plan") && ((row) => row.state === "holds" && button("Withdraw", () => withdraw(row, list), "quiet")),
    Object.keys(filter).length > 0 ? "Nothing like that is held: whoever asks for it does not call." : "No consent is held yet. Campaigns that ask for one call nobody."));
  main.append(form({ class: "filters" }, [
    field("Number or address", input("address", { inputmode: "tel" }), "Empty: all, the youngest first"),
    field("Purpose", input("purpose")),
  ], "Look up", (given) => {
    filter = given;
    return list.show();
  }), place, list.element);
  if (may("plan")) giving(list, page).then((form) => fill(place, form));
  list.show();
}

/** Consents as they stand by the dialer's own clock. */
export async function held(wanted, page) {
  const [{ now }, found] = await Promise.all([get("api/v1/key", {}, page.signal), get("api/v1/consents", wanted, page.signal)]);
  const past = (instant) => instant !== null && new Date(instant) <= new Date(now);
  const state = (row) => (past(row.withdrawnAt) ? "withdrawn" : past(row.expiresAt) ? "expired" : past(row.givenAt) ? "holds" : "to_come");
  return { ...found, items: found.items.map((row) => ({ ...row, state: state(row) })) };
}

export function consentRows(consents, action, empty) {
  const evidence = (row) => Object.entries(row.evidence).map(([name, value]) => h("span", { class: "small block" }, `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`));
  return table([
    { title: "Who", cell: (row) => row.address },
    { title: "Purpose", cell: (row) => [row.purpose, h("span", { class: "small block" }, KINDS[row.kind])] },
    { title: "State", cell: (row) => badge(row.state) },
    { title: "Known from", cell: (row) => [row.source, evidence(row)] },
    { title: "Since", cell: (row) => mine(row.givenAt) },
    { title: "Until", cell: (row) => mine(row.withdrawnAt ?? row.expiresAt) || "it is withdrawn" },
    ...(action ? [{ title: "", cell: action }] : []),
  ], consents, { empty });
}

async function giving(list, page) {
  // Without the choices a purpose is typed all the same.
  const { consentPurposes: asked } = await get("api/v1/choices", {}, page.signal).catch(() => ({ consentPurposes: [] }));
  const answer = h("div");
  return folded("Note a consent", form({}, [
    h("div", { class: "row" }, field("Number or address", input("address", { required: true, inputmode: "tel" })),
      choiceField("purpose", "Purpose", asked, { required: true }, asked.length > 0 ? `Campaigns ask for: ${asked.join(", ")}` : "No campaign asks for consent now"),
      field("Kind", select("kind", Object.entries(KINDS), "consent"), "Being a customer lifts rules of the law that say so; it is no consent to be called")),
    h("div", { class: "row" }, field("Where this is known from", input("source", { required: true, placeholder: "e.g. web form 7" })),
      field("What proves it", input("proof", { placeholder: "e.g. recording 4711" })),
      field(`Until (${own})`, input("until", { type: "datetime-local" }), "Empty: until it is withdrawn")),
    h("p", { class: "hint" }, "Calls that waited for it are looked at again at once."),
    answer,
  ], "Note it", async ({ address, purpose, kind, source, proof, until }, element) => {
    fill(answer);
    await post("api/v1/consents", { address, purpose, kind, source, evidence: proof && { note: proof }, expiresAt: until && instant(until) });
    say("It is noted.");
    element.reset();
    if (!asked.includes(purpose)) fill(answer, h("p", { class: "note", role: "status" }, `It is noted, but no campaign asks for "${purpose}" now: is it spelled as there?`));
    await list.show();
  }));
}

async function withdraw(row, list) {
  let withdrawn = 0;
  const done = await ask({
    title: "Withdraw a consent", label: "Withdraw it",
    says: [`From now on ${row.address} has not agreed to "${row.purpose}", and is no customer for it either: all that is held of it for this purpose ends. The record of it stays.`,
      "Its calls that need it are not placed any more. To forbid every call, put it on the do-not-call list."],
    fields: [check("all", "for every other purpose as well", false)],
    act: async ({ all }) => {
      ({ withdrawn } = await post("api/v1/consents/withdraw", { address: row.address, purpose: all ? undefined : row.purpose }));
    },
  });
  if (done) {
    say(withdrawn === 1 ? "It is withdrawn." : `${withdrawn} are withdrawn.`);
    await list.again();
  }
}
