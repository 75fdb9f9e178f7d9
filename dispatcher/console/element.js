// Elements from data. Text only ever becomes text: nothing here, or anywhere in the console, reads HTML.

export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    // What a form that is emptied goes back to.
    else if (name === "value" && "defaultValue" in element) element.defaultValue = value;
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...shown(children));
  return element;
}

function shown(children) {
  return children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}

export function fill(element, ...children) {
  element.replaceChildren(...shown(children));
  return element;
}

export function link(address, ...children) {
  return h("a", { href: address }, ...children);
}

/** The address of a page, with what it is about. */
export function at(...parts) {
  return "#/" + parts.map((part) => encodeURIComponent(part)).join("/");
}

export function button(text, onclick, kind) {
  return h("button", { type: "button", class: kind, onclick }, text);
}

/** "no_answer" as people read it. */
export function words(name) {
  return name === undefined || name === null || name === "" ? "" : String(name).replaceAll("_", " ");
}

export function count(number) {
  return number === undefined || number === null ? "" : new Intl.NumberFormat("en").format(number);
}

/** What is counted up to a limit only. */
export function counted(number, most) {
  return number >= most ? count(most) + "+" : count(number);
}

/** How many of each: [[what, number], ...], the most first. */
export function tally(items, by) {
  const found = new Map();
  for (const item of items) found.set(by(item), (found.get(by(item)) ?? 0) + 1);
  return [...found].sort((a, b) => b[1] - a[1]);
}

const TONES = {
  running: "good", open: "good", completed: "good", sale: "good", transferred: "good", scheduled: "calm", in_flight: "busy", claimed: "busy",
  draft: "calm", paused: "warn", stopped: "bad", failed: "bad", expired: "warn", cancelled: "calm", archived: "calm", dnc: "bad",
  holds: "good", withdrawn: "bad", active: "good", ended: "calm", in_force: "bad", to_come: "warn", over: "calm",
};

/** A state as a word with a colour; the word says it all. */
export function badge(state) {
  return h("span", { class: "badge " + (TONES[state] ?? "calm") }, words(state));
}

/**
 * A table of rows, which on a narrow screen becomes a card a row.
 * columns: {title, cell(row), numeric}; empty: what to say, and do, where there is nothing.
 */
export function table(columns, rows, { caption, empty } = {}) {
  if (rows.length === 0) return h("p", { class: "empty" }, empty ?? "There is nothing here.");
  const head = columns.map((column) => h("th", { scope: "col", class: column.numeric && "number" }, column.title));
  const cells = (row) => columns.map((column) =>
    h("td", { class: column.numeric && "number", "data-title": column.title }, h("span", null, column.cell(row))));
  return h("div", { class: "scroll" }, h("table", null,
    caption && h("caption", null, caption),
    h("thead", null, h("tr", null, ...head)),
    h("tbody", null, ...rows.map((row) => h("tr", null, ...cells(row))))));
}

/** Names and values: [[name, value], ...]; what is not there is left out. */
export function facts(pairs) {
  const given = pairs.filter(([, value]) => value !== undefined && value !== null && value !== "" && value !== false);
  return h("dl", { class: "facts" }, ...given.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))));
}

/** What is there for those who open it. */
export function folded(title, ...inside) {
  return h("details", null, h("summary", null, title), ...inside);
}

/** What the API has refused, with its rule and its remedy. */
export function refusal(error) {
  return h("div", { class: "refusal", role: "alert" },
    h("p", null, h("strong", null, error.message)),
    error.details && h("p", null, error.details),
    error.hint && h("p", null, "What to do: ", error.hint),
    error.code && h("p", { class: "small" }, [error.code, error.sqlstate].filter(Boolean).join(", ")));
}

/** Says something to everybody, also to those who listen to the page. */
export function say(text) {
  const said = document.getElementById("said");
  said.textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { said.textContent = ""; }, 6000);
}

/** Puts what a promise brings into a place, or why it brings nothing. */
export async function into(place, promise, draw) {
  place.setAttribute("aria-busy", "true");
  if (place.childElementCount === 0) fill(place, h("p", { class: "small" }, "One moment ..."));
  try {
    const data = await promise;
    fill(place, draw(data));
    return data;
  } catch (error) {
    if (error.name !== "AbortError") fill(place, refusal(error));
    return undefined;
  } finally {
    place.removeAttribute("aria-busy");
  }
}
