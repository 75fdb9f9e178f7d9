// A list by pages: the next one begins where the last one ended, whatever came meanwhile.

import { button, fill, h, into } from "./element.js";

/** fetch(cursor) brings {items, nextCursor}; draw(items) shows them. Returns the place and show(), which begins anew. */
export function pages(fetch, draw) {
  const [place, foot] = [h("div"), h("div", { class: "actions" })];
  let cursors = [undefined];
  async function turn() {
    const page = await into(place, fetch(cursors.at(-1)), ({ items }) => draw(items));
    const back = cursors.length > 1 && button("Back", () => {
      cursors.pop();
      turn();
    });
    const on = page?.nextCursor && button("Next page", () => {
      cursors.push(page.nextCursor);
      turn();
    });
    fill(foot, back, on, (back || on) && h("span", { class: "small" }, `Page ${cursors.length}`));
  }
  return {
    element: h("section", null, place, foot),
    show: () => {
      cursors = [undefined];
      return turn();
    },
    again: turn,
  };
}
