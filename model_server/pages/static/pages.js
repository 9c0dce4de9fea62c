// Puts the behaviour of the pages together. Every page works without it; this makes answers come without a reload.
import { followForms } from "./swap.js";
import { drawCharts } from "./charts.js";
import { offerLaboratory } from "./laboratory.js";
import { openToken } from "./token.js";
import { offerPromotion } from "./promote.js";
import { offerTraining } from "./train.js";

function enliven(root) {
  drawCharts(root);
  offerPromotion(root);
  offerTraining(root);
  offerLaboratory(root);
  for (const code of root.querySelectorAll("pre code")) {
    code.textContent = code.textContent.replace("{ADDRESS}", location.origin);
  }
  for (const close of root.querySelectorAll("dialog [data-close]")) {
    close.addEventListener("click", () => close.closest("dialog").close());
  }
}

openToken();
enliven(document);
followForms(enliven);
