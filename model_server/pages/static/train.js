// Training: order a job, watch the server's own page of jobs while any of them runs, cancel one.
import { request, sending } from "./token.js";
import { say } from "./swap.js";

// Chosen: a step of a training takes seconds; a job that changes shows within two of them.
const PAUSE_MS = 2000;
let timer;

async function refresh() {
  const here = document.getElementById("jobs");
  if (here === null) {
    return;
  }
  const response = await fetch("/train", { headers: { accept: "text/html" } }).catch(() => null);
  if (response?.ok) {
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.getElementById("jobs");
    raise(page.getElementById("train-model"));
    const kept = document.activeElement?.id;
    const before = here.dataset.active;
    here.replaceChildren(...fresh.childNodes);
    here.dataset.active = fresh.dataset.active;
    if (kept) {
      document.getElementById(kept)?.focus({ preventScroll: true });
    }
    if (before === "yes" && here.dataset.active === "no") {
      const first = here.querySelector(".job .badge");
      say(`The training is over: ${first?.textContent.trim() ?? ""}.`);
    }
  }
  watch();
}

// A version that is being made or exists is not offered again; one that somebody typed stays.
function raise(fresh) {
  const form = document.getElementById("train-form");
  if (form === null || fresh === null) {
    return;
  }
  const offered = form.model.selectedOptions[0].dataset.next;
  for (const option of form.model.options) {
    option.dataset.next = fresh.querySelector(`option[value="${option.value}"]`)?.dataset.next ?? option.dataset.next;
  }
  if (form.version.value.trim() === offered) {
    form.version.value = form.model.selectedOptions[0].dataset.next;
  }
}

function watch() {
  clearTimeout(timer);
  if (document.getElementById("jobs")?.dataset.active === "yes") {
    timer = setTimeout(refresh, PAUSE_MS);
  }
}

export function offerTraining(root) {
  const form = root.querySelector("#train-form");
  const dialog = root.querySelector("#cancel-dialog");
  if (dialog === null) {
    return;
  }
  if (form !== null) {
    form.model.addEventListener("change", () => {
      form.version.value = form.model.selectedOptions[0].dataset.next;
    });
    sending(form, async () => {
      const body = { model: form.model.value, version: form.version.value.trim(), reason: form.reason.value.trim() };
      const job = await request("POST", "/api/v1/training-jobs", {
        ...body,
        seed: Number(form.seed.value),
        trials: Number(form.trials.value),
        experiments: form.experiments.checked,
      });
      form.reason.value = "";
      form.version.value = form.model.selectedOptions[0].dataset.next;
      say(`The training of ${job.model} ${job.version} is in the queue.`);
      await refresh();
    });
  }
  const chosen = { id: "" };
  const show = sending(dialog.querySelector("form"), async () => {
    await request("DELETE", `/api/v1/training-jobs/${chosen.id}`);
    dialog.close();
    await refresh();
  });
  root.querySelector("#jobs").addEventListener("click", (event) => {
    const button = event.target.closest("[data-cancel]");
    if (button !== null) {
      chosen.id = button.dataset.cancel;
      dialog.querySelector("[data-name]").textContent = button.dataset.name;
      dialog.querySelector("[data-refusal]").hidden = true;
      show();
      dialog.showModal();
    }
  });
  watch();
}
