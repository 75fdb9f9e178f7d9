// Fields of forms, and forms that say what was wrong where the user looks.

import { fill, h, refusal } from "./element.js";
import { zones } from "./time.js";

let number = 0;

/** A labelled field around a control; hint: what to enter. */
export function field(label, control, hint) {
  const id = `field-${++number}`;
  control.id = id;
  if (hint) control.setAttribute("aria-describedby", id + "-hint");
  return h("div", { class: "field" }, h("label", { for: id }, label), control, hint && h("p", { id: id + "-hint", class: "hint" }, hint));
}

/** A field that takes more room than others beside it. */
export function wide(element) {
  element.classList.add("wide");
  return element;
}

export function input(name, attributes) {
  return h("input", { name, autocomplete: "off", ...attributes });
}

/** options: [[value, text], ...] or texts. */
export function select(name, options, chosen, attributes) {
  const element = h("select", { name, ...attributes }, ...options.map((option) => {
    const [value, text] = Array.isArray(option) ? option : [option, option];
    return h("option", { value }, text);
  }));
  if (chosen !== undefined && chosen !== null) element.value = chosen;
  return element;
}

/** A field for one of these choices, or for any other text. */
export function choiceField(name, label, choices, attributes, hint) {
  const list = h("datalist", { id: `choices-${++number}` }, ...choices.map((choice) => h("option", { value: choice })));
  return h("div", null, field(label, input(name, { list: list.id, ...attributes }), hint), list);
}

export function zoneField(name, label, chosen, hint, attributes) {
  return choiceField(name, label, zones, { value: chosen ?? "", placeholder: "e.g. America/New_York", ...attributes }, hint);
}

export function check(name, label, checked) {
  const control = h("input", { type: "checkbox", name });
  control.checked = Boolean(checked);
  return h("label", { class: "check" }, control, " ", label);
}

/** Related fields with a title. */
export function group(title, ...fields) {
  return h("fieldset", null, h("legend", null, title), ...fields);
}

/**
 * A form: done(values, form) does what it is for; what it throws is shown beside the button, and
 * the form stays as it is. While it works it cannot be sent again.
 */
export function form(attributes, fields, label, done, ...beside) {
  const problem = h("div", { class: "problem" });
  const send = h("button", { type: "submit", class: "main" }, label);
  const element = h("form", attributes, ...fields, h("div", { class: "actions" }, send, ...beside), problem);
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (send.disabled) return;
    send.disabled = true;
    fill(problem);
    try {
      await done(values(element), element);
    } catch (error) {
      if (error.name !== "AbortError") fill(problem, refusal(error));
    } finally {
      send.disabled = false;
    }
  });
  return element;
}

/** What was entered, by name; empty fields are left out. */
export function values(element) {
  const found = {};
  for (const control of element.elements) {
    if (!control.name || control.disabled) continue;
    if (control.type === "checkbox") found[control.name] = control.checked;
    else if (control.type === "file") found[control.name] = control.files[0];
    else if (control.value.trim() !== "") found[control.name] = control.value.trim();
  }
  return found;
}
