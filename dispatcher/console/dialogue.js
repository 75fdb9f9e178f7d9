// Questions before something that cannot be undone, or that others will notice.

import { h } from "./element.js";
import { field, form, input } from "./form.js";

/**
 * Asks, and then does. says: what will happen, in sentences; act(values): does it, and what it
 * throws is shown in the dialogue. Resolves to true when it was done.
 */
export function ask({ title, says, label, reason, fields = [], act }) {
  return new Promise((resolve) => {
    let done = false;
    const because = reason && field(reason, input("reason", { maxlength: 200 }));
    const cancel = h("button", { type: "button", onclick: () => dialogue.close() }, "Go back");
    const body = form({}, [...fields, because], label, async (entered) => {
      await act(entered);
      done = true;
      dialogue.close();
    }, cancel);
    const dialogue = h("dialog", { "aria-label": title }, h("h2", null, title), ...says.map((sentence) => h("p", null, sentence)), body);
    dialogue.addEventListener("close", () => {
      dialogue.remove();
      resolve(done);
    });
    document.body.append(dialogue);
    dialogue.showModal();
  });
}
