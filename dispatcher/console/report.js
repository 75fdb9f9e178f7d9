// Reports: numbers with their definitions, on the page and as CSV.

import { get } from "./api.js";
import { button, count, fill, h, table, words } from "./element.js";
import { save, write } from "./csv.js";
import { field, form, input, select, wide, zoneField } from "./form.js";
import { instant, own } from "./time.js";

const SPAN = ["from", "to"];
const REPORTS = {
  breakdown: { title: "What became of the calls planned in a span", takes: ["campaign", ...SPAN] },
  range: { title: "Attempts dialled in a span: calls, redials, outcomes, rates", takes: ["campaign", ...SPAN], needs: SPAN },
  today: { title: "Attempts of today", takes: ["campaign", "tz"] },
  totals: { title: "Totals since the beginning", takes: ["campaign", "tz"] },
  stagger: { title: "A batch: planned against placed", takes: ["campaign", ...SPAN], needs: ["campaign", ...SPAN] },
  capacity: { title: "What so many lines can carry", takes: ["contacts", "attemptsADay", "openADay", "maxConcurrent", "averageCall"], needs: ["contacts", "attemptsADay", "openADay", "maxConcurrent"] },
};

export function reports(main, page, campaign) {
  const answer = h("div");
  const kind = select("report", Object.entries(REPORTS).map(([name, { title }]) => [name, title]), "breakdown");
  const fields = {
    campaign: field("Campaign", input("campaign", { value: campaign ?? "" }), "Empty: all"),
    from: field(`From (${own})`, input("from", { type: "datetime-local" })),
    to: field(`To, not included (${own})`, input("to", { type: "datetime-local" })),
    tz: zoneField("tz", "Zone whose day is meant", own),
    contacts: field("Contacts", input("contacts", { type: "number", min: 0, value: 980 })),
    attemptsADay: field("Attempts a day for each", input("attemptsADay", { type: "number", min: 1, value: 8 })),
    openADay: field("Open a day", input("openADay", { value: "9 hours" })),
    maxConcurrent: field("Calls at once", input("maxConcurrent", { type: "number", min: 1, value: 10 })),
    averageCall: field("A call takes", input("averageCall", { value: "150 seconds" })),
  };
  const show = () => {
    const { takes, needs = [] } = REPORTS[kind.value];
    for (const [name, one] of Object.entries(fields)) {
      const control = one.querySelector("input");
      one.hidden = !takes.includes(name);
      control.disabled = one.hidden;
      control.required = needs.includes(name);
    }
    fill(answer);
  };
  kind.addEventListener("change", show);
  show();
  main.append(form({ class: "filters" }, [wide(field("Report", kind)), ...Object.values(fields)], "Show", async ({ report, from, to, ...more }) => {
    const asked = { ...more, from: from && instant(from), [report === "stagger" ? "until" : "to"]: to && instant(to) };
    fill(answer, drawn(report, await get(`api/v1/reports/${report}`, asked, page.signal), more.campaign));
  }), answer);
}

function drawn(report, rows, campaign) {
  const rate = (row) => (row.measure.endsWith("_rate") && row.value !== null ? `${(row.value * 100).toFixed(1)} %` : count(row.value));
  const keep = () => save(`${report}${campaign ? "-" + campaign : ""}.csv`, write(["measure", "value", "definition"], rows.map((row) => [row.measure, row.value, row.definition])));
  return h("section", null, h("h2", null, REPORTS[report].title), table([
    { title: "Measure", cell: (row) => words(row.measure) },
    { title: "Value", cell: rate, numeric: true },
    { title: "What it counts", cell: (row) => row.definition },
  ], rows), h("div", { class: "actions" }, button("Download as CSV", keep)));
}
