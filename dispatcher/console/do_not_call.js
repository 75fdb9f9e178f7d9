// The do-not-call list: look up, add, take off.

import { get, may, path, post, remove } from "./api.js";
import { ask } from "./dialogue.js";
import { button, h, say } from "./element.js";
import { field, form, input } from "./form.js";
import { pages } from "./list.js";
import { doNotCallRows } from "./person.js";
import { instant, own } from "./time.js";

export function doNotCall(main, page) {
  let address;
  const list = pages((cursor) => get("api/v1/do-not-call", { address, cursor }, page.signal), (items) => {
    if (items.length === 0) return h("p", { class: "empty" }, address ? "It is not on the list." : "The list is empty. Numbers come onto it from calls, imports, the API and the form below.");
    return doNotCallRows(items, may("admin") && ((row) => button("Take off", () => takeOff(row, list), "quiet")));
  });
  main.append(form({ class: "filters" }, [field("Number or address", input("address", { inputmode: "tel" }), "Empty: the whole list, the youngest entry first")], "Look up", (given) => {
    address = given.address;
    return list.show();
  }), list.element);
  if (may("plan")) main.append(h("section", null, h("h2", null, "Put one on the list"), adding(list)));
  if (!may("admin")) main.append(h("p", { class: "small" }, "Taking an entry off needs a key with the scope admin."));
  list.show();
}

function adding(list) {
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

async function takeOff(row, list) {
  const done = await ask({
    title: "Take it off the do-not-call list", label: "Take it off",
    says: [`${row.address ?? `Contact ${row.contactId}`} may be called again after that. What was cancelled stays cancelled.`, `It is on the list because of: ${row.source}.`],
    act: () => remove(path`api/v1/do-not-call/${row.doNotCallId}`),
  });
  if (done) {
    say("It is off the list.");
    await list.again();
  }
}
