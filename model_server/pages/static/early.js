// Runs before the first paint, so that what needs scripts, and what replaces it, never trade places on the screen.
document.documentElement.classList.add("scripted");
