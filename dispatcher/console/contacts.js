// People by whom they are known as, and the word that forbids all of somebody's numbers at once.

import { may, post } from "./api.js";
import { ask } from "./dialogue.js";
import { button, h, say, table } from "./element.js";
import { field, input } from "./form.js";
import { instant, own } from "./time.js";

/** Contacts with their numbers; forbidden(): what to do when one of them was put on the do-not-call list. */
export function contactRows(contacts, forbidden) {
  const never = (row) => button("Never call this person", async () => {
    if (await forbidPerson(row)) await forbidden();
  }, "quiet danger");
  return table([
    { title: "Name", cell: (row) => row.name ?? "" },
    { title: "Key of yours", cell: (row) => row.externalKey ?? "" },
    { title: "Zone", cell: (row) => (row.zones.length > 0 ? `${row.zones.join(" and ")} (${row.zoneSource})` : "not known: never called") },
    { title: "Numbers and addresses", cell: (row) => row.addresses.map((one) => h("div", null, one.address, one.status === "ok" ? "" : ` (${one.status})`)) },
    ...(may("plan") ? [{ title: "", cell: never }] : []),
  ], contacts, { empty: "Nobody is known by that." });
}

async function forbidPerson(contact) {
  const addresses = contact.addresses.map((one) => one.address).join(", ");
  const done = await ask({
    title: "Never call this person", label: "Never call this person",
    says: [`${contact.name ?? "This person"} is not called any more on any number or address: ${addresses || "none is known yet"}, and those that become known later.`,
      "Their waiting calls are cancelled at once, in every campaign."],
    fields: [field("Where this is known from", input("source", { required: true, placeholder: "e.g. letter of 3 December" })),
      field(`Until (${own})`, input("until", { type: "datetime-local" }), "Empty: for good")],
    act: ({ source, until }) => post("api/v1/do-not-call", { contactId: contact.contactId, source, expiresAt: until && instant(until) }),
  });
  if (done) say("They are on the list, and are not called any more.");
  return done;
}
