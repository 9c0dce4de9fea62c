// Promotion: a dialog that says what will happen, asks for a reason, and sends one request.
import { keepToken, request, token } from "./token.js";

export function offerPromotion(root) {
  const dialog = root.querySelector("#promote-dialog");
  if (dialog === null) {
    return;
  }
  const form = dialog.querySelector("form");
  const refusal = dialog.querySelector("[data-refusal]");
  const part = (name) => dialog.querySelector(`[data-for='${name}']`);
  let version = "";
  let promotable = true;

  function describe() {
    const champion = form.alias.value === "champion";
    const before = dialog.dataset.champion;
    dialog.querySelector("[data-effect]").textContent = champion
      ? `Requests that name no version will be answered by ${version}${before ? ` instead of ${before}, which becomes previous` : ""}.`
      : `${version} will answer a share of the requests beside ${before || "the champion"}.`;
    part("challenger").hidden = champion;
    part("override").hidden = promotable || !champion;
  }

  for (const button of root.querySelectorAll("[data-promote]")) {
    button.addEventListener("click", () => {
      version = button.dataset.promote;
      promotable = button.dataset.promotable === "yes";
      form.reset();
      refusal.hidden = true;
      dialog.querySelector("[data-version]").textContent = version;
      part("token").hidden = token() !== "";
      describe();
      dialog.showModal();
      form.alias.focus();
    });
  }
  form.alias.addEventListener("change", describe);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const typed = dialog.querySelector("#promote-token").value.trim();
    if (typed) {
      keepToken(typed);
    }
    const body = { version, reason: form.reason.value.trim(), override: form.override.checked };
    if (form.alias.value === "challenger") {
      body.share = Number(form.share.value) / 100;
    }
    try {
      await request("PUT", `/api/v1/models/${dialog.dataset.model}/aliases/${form.alias.value}`, body);
      dialog.close();
      location.reload();
    } catch (failure) {
      part("token").hidden = token() !== "";
      refusal.textContent = failure.message;
      refusal.hidden = false;
    }
  });
}
