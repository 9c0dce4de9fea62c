// Experiments of the laboratory, judged by the API for whoever has a token: figures, a chart and its table.
import { drawCharts } from "./charts.js";
import { sending, request } from "./token.js";
import { say } from "./swap.js";

const written = (value) => value.toFixed(2).replace("-", "\u2212");
const percent = (value) => `${(100 * value).toFixed(1)}\u00a0%`;

function cell(name, text, className = "") {
  const found = document.createElement(name);
  found.textContent = text;
  found.className = className;
  return found;
}

function rowOf(row, index) {
  const line = document.createElement("tr");
  line.append(
    cell("td", String(index + 1), "number"),
    cell("th", row.key, "mono"),
    cell("td", String(row.residual).replace("-", "\u2212"), "number"),
    cell("td", row.covered ? "yes" : "no"),
    cell("td", row.flags.map((flag) => flag.replaceAll("_", " ")).join(", ") || "–"),
  );
  line.cells[1].scope = "row";
  return line;
}

function show(place, answer) {
  const { validation: found, unit } = answer;
  const fresh = document.getElementById("laboratory-template").content.cloneNode(true);
  const put = (name, text) => (fresh.querySelector(`[data-put='${name}']`).textContent = text);
  put("count", String(found.count));
  put("mae", written(found.mae));
  put("bias", written(found.bias));
  put("coverage", percent(found.coverage));
  put("kept", found.kept ? `${percent(found.promised)} promised: kept` : `${percent(found.promised)} promised: not kept`);
  const sentence =
    `${found.count} experiments: mean absolute error ${written(found.mae)} ${unit}, ` +
    `${percent(found.coverage)} inside their ${percent(found.promised)} interval.`;
  fresh.querySelector(".said").textContent = sentence;
  fresh.querySelector("canvas").setAttribute("aria-label", sentence);
  fresh.querySelector("tbody").append(...found.rows.map(rowOf));
  if (answer.left_out.length > 0) {
    const left = fresh.querySelector("[data-left-out]");
    left.hidden = false;
    left.querySelector("summary").textContent = `Left out (${answer.left_out.length})`;
    left.querySelector("ul").append(...answer.left_out.map((text) => cell("li", text)));
  }
  place.replaceChildren(fresh);
  drawCharts(place);
  say(sentence);
}

export function offerLaboratory(root) {
  const form = root.querySelector("#laboratory-form");
  if (form === null) {
    return;
  }
  sending(form, async () => {
    const days = {};
    for (const side of ["from", "to"]) {
      if (form.elements[side].value) {
        days[side] = form.elements[side].value;
      }
    }
    const answer = await request("POST", "/api/v1/validations", {
      model: form.dataset.model,
      version: form.dataset.version,
      confidence_level: Number(form.dataset.level),
      experiments: days,
    });
    show(document.getElementById("laboratory-result"), answer);
  });
}
