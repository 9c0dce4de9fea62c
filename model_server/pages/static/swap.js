// Sends forms and marked links in the background and swaps the content in; the address bar and the back button keep up.

const addressHere = () => location.pathname + location.search;
let shown = addressHere();

const main = () => document.getElementById("main");

export function say(text) {
  document.getElementById("spoken").textContent = text;
}

async function show(url, { enliven, focus, push }) {
  document.body.classList.add("busy");
  try {
    const response = await fetch(url, { headers: { accept: "text/html" } });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.getElementById("main");
    if (fresh === null) {
      location.assign(url);
      return;
    }
    const kept = document.activeElement?.id;
    main().replaceChildren(...fresh.childNodes);
    document.title = page.title;
    if (push) {
      history.pushState({}, "", url);
      shown = addressHere();
    }
    enliven(main());
    settle(focus, kept);
  } catch {
    say("The server did not answer. Try again.");
    location.assign(url);
  } finally {
    document.body.classList.remove("busy");
  }
}

// Where the keyboard stands after a swap: at the first mistake, at the answer, or where it was.
function settle(focus, kept) {
  const wrong = main().querySelector("[aria-invalid='true']");
  const spoken = main().querySelector("[data-spoken]")?.textContent ?? main().querySelector(".mistake")?.textContent;
  if (wrong !== null) {
    wrong.focus();
  } else if (focus && document.getElementById(focus)) {
    const target = document.getElementById(focus);
    target.focus({ preventScroll: true });
    if (target.getBoundingClientRect().top > innerHeight * 0.7) {
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      target.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
    }
  } else if (kept) {
    document.getElementById(kept)?.focus({ preventScroll: true });
  }
  if (spoken) {
    say(spoken.trim());
  }
}

function addressOf(form, extra) {
  const url = new URL(form.getAttribute("action") || location.pathname, location.href);
  for (const [name, value] of new FormData(form)) {
    if (value !== "") {
      url.searchParams.append(name, value);
    } else if (name === "smiles" || name === "component-1") {
      url.searchParams.append(name, "");
    }
  }
  for (const [name, value] of Object.entries(extra)) {
    url.searchParams.set(name, value);
  }
  return url;
}

export function followForms(enliven) {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "get" || !("swap" in form.dataset)) {
      return;
    }
    event.preventDefault();
    const by = event.submitter?.name ? { [event.submitter.name]: event.submitter.value } : {};
    show(addressOf(form, by), { enliven, focus: event.submitter?.name ? "" : form.dataset.swap, push: !event.submitter?.name });
  });
  document.addEventListener("change", (event) => {
    const field = event.target;
    const form = field.form;
    if (form && "refresh" in field.dataset) {
      const extra = "asks" in form.dataset ? {} : { draft: "1" };
      if (field.id === "target" || field.id === "model") {
        form.querySelectorAll("[data-of-model]").forEach((other) => (other.disabled = true));
      }
      show(addressOf(form, extra), { enliven, focus: "", push: "asks" in form.dataset });
    }
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-swap]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
      event.preventDefault();
      show(new URL(link.href), { enliven, focus: link.dataset.swap, push: true });
    }
  });
  // A jump within the page, such as the skip link, changes nothing but the part after the hash.
  addEventListener("popstate", () => {
    if (addressHere() !== shown) {
      location.reload();
    }
  });
}
