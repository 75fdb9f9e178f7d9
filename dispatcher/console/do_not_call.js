// The do-not-call list of numbers, addresses and people: look up, add, take off.

import { get, may, path, post, remove } from "./api.js";
import { contactRows } from "./contacts.js";
import { ask } from "./dialogue.js";
import { at, button, fill, folded, h, link, say, table } from "./element.js";
import { field, form, input } from "./form.js";
import { pages } from "./list.js";
import { instant, mine, own } from "./time.js";

export function doNotCall(main, page) {
  let filter = {};
  const list = pages((cursor) => listed({ ...filter, cursor }, page), (items) => {
    if (items.length === 0) return h("p", { class: "empty" }, Object.keys(filter).length > 0 ? "It is not on the list." : "The list is empty. Numbers come onto it from calls, imports, the API and the forms here.");
    return doNotCallRows(items, may("admin") && ((row) => button("Take off", () => takeOff(row, list), "quiet")));
  });
  main.append(form({ class: "filters" }, [
    field("Number or address", input("address", { inputmode: "tel" }), "What forbids its person is shown as well"),
    field("Key of yours", input("externalKey"), "Of a person. Both empty: the whole list, the youngest entry first"),
  ], "Look up", (given) => {
    filter = given;
    return list.show();
  }));
  if (may("plan")) main.append(folded("Put a number on the list", addNumber(list)), folded("Put a person on the list", addPerson(list, page)));
  main.append(list.element);
  if (!may("admin")) main.append(h("p", { class: "small" }, "Taking an entry off needs a key with the scope admin."));
  main.append(h("p", { class: "small" }, "A state or an area code is closed by ", link(at("bans"), "a ban"), "."));
  list.show();
}

/** Entries, and whether they forbid by the dialer's own clock. */
export async function listed(wanted, page) {
  const [{ now }, found] = await Promise.all([get("api/v1/key", {}, page.signal), get("api/v1/do-not-call", wanted, page.signal)]);
  return { ...found, items: found.items.map((row) => ({ ...row, forbids: row.expiresAt === null || new Date(row.expiresAt) > new Date(now) })) };
}

/** Entries of the list; action(row): what can be done with one. */
export function doNotCallRows(entries, action) {
  return table([
    { title: "Who", cell: (row) => row.address ?? [named(row), h("span", { class: "small block" }, "a person: every number and address")] },
    { title: "Known from", cell: (row) => row.source },
    { title: "Since", cell: (row) => mine(row.addedAt) },
    { title: "Until", cell: (row) => (row.expiresAt ? [mine(row.expiresAt), !row.forbids && h("span", { class: "small block" }, "over")] : "for good") },
    ...(action ? [{ title: "", cell: action }] : []),
  ], entries, { empty: "It is not on the list." });
}

const named = (row) => [row.contact ?? `contact ${row.contactId}`, row.externalKey && ` (${row.externalKey})`].filter(Boolean).join("");

function addNumber(list) {
  return form({}, [
    h("div", { class: "row" }, field("Number or address", input("address", { required: true, inputmode: "tel" })),
      field("Where this is known from", input("source", { required: true, placeholder: "e.g. letter of 3 December" })),
      field(`Until (${own})`, input("until", { type: "datetime-local" }), "Empty: for good")),
    h("p", { class: "hint" }, "Its waiting calls are cancelled at once, in every campaign."),
  ], "Never call it", async ({ address, source, until }, element) => {
    await post("api/v1/do-not-call", { address, source, expiresAt: until && instant(until) });
    say("It is on the list, and is not called any more.");
    element.reset();
    await list.show();
  });
}

function addPerson(list, page) {
  const found = h("div");
  return [h("p", { class: "hint" }, "With every number and address of theirs, also those that become known later."), form({}, [
    h("div", { class: "row" }, field("Number, address or name", input("person"), "The beginning of a name will do"), field("Key of yours", input("externalKey"))),
  ], "Find", async (given) => {
    fill(found);
    if (Object.keys(given).length === 0) throw new Error("Say who it is: a number, an address, a name, or your key.");
    const { items, nextCursor } = await get("api/v1/contacts", given, page.signal);
    fill(found, contactRows(items, () => list.show()), nextCursor && h("p", { class: "small" }, "There are more: say more exactly who it is."));
  }), found];
}

async function takeOff(row, list) {
  const done = await ask({
    title: "Take it off the do-not-call list", label: "Take it off",
    says: [`${row.address ?? named(row)} may be called again after that. What was cancelled stays cancelled, and that it was on the list stays known.`, `It is on the list because of: ${row.source}.`],
    act: () => remove(path`api/v1/do-not-call/${row.doNotCallId}`),
  });
  if (done) {
    say("It is off the list.");
    await list.again();
  }
}
