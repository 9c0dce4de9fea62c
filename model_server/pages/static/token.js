// The operator's token: kept in this tab's session storage, and sent only with the requests that change something.
import { say } from "./swap.js";

const KEY = "cryo-token";

export const token = () => sessionStorage.getItem(KEY) ?? "";

export function keepToken(text) {
  if (text) {
    sessionStorage.setItem(KEY, text);
  } else {
    sessionStorage.removeItem(KEY);
  }
  show();
}

function show() {
  document.getElementById("token-state").textContent = token() ? "Token kept" : "Token";
}

// Ask the API for a change. Returns the answer's body, or throws an Error whose message is the API's own.
export async function request(method, path, body) {
  const headers = { authorization: `Bearer ${token()}` };
  if (body !== undefined) {
    headers["content-type"] = "application/json";
  }
  const response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const answer = await response.json().catch(() => null);
  if (response.ok) {
    return answer;
  }
  if (response.status === 401) {
    keepToken("");
  }
  const failure = new Error(answer?.error?.message ?? `the server answered ${response.status}`);
  failure.status = response.status;
  throw failure;
}

// A form that sends one request with the token, and shows a refusal in its own place.
export function sending(form, send) {
  const refusal = form.querySelector("[data-refusal]");
  const part = form.querySelector("[data-for='token']");
  const input = part.querySelector("input");
  const show = () => (part.hidden = token() !== "");
  show();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (input.value.trim()) {
      keepToken(input.value.trim());
      input.value = "";
    }
    refusal.hidden = true;
    try {
      await send();
    } catch (failure) {
      refusal.textContent = failure.message;
      refusal.hidden = false;
    }
    show();
  });
  return show;
}

export function openToken() {
  const dialog = document.getElementById("token-dialog");
  const input = document.getElementById("token-input");
  document.getElementById("token-open").addEventListener("click", () => {
    input.value = "";
    dialog.showModal();
  });
  document.getElementById("token-form").addEventListener("submit", () => {
    if (input.value) {
      keepToken(input.value.trim());
      say("The token is kept for this tab.");
    }
    input.value = "";
  });
  document.getElementById("token-forget").addEventListener("click", () => {
    keepToken("");
    say("The token is forgotten.");
    dialog.close();
  });
  show();
}
