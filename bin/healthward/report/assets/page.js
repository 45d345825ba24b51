"use strict";
// What the parts of the page share: the data, what is shown of it, the theme
window.healthward = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const scans = data.scans.scan.map((id, at) => ({
    id, at, subject: data.scans.subject[at], label: data.scans.label[at], split: data.scans.split[at],
  }));
  const byId = new Map(scans.map((scan) => [scan.id, scan]));
  const listeners = [];

  // base64 of little-endian float32
  function numbers(text) {
    return new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
  }

  const boxes = [...document.querySelectorAll("#classes-shown input")];
  const split = document.getElementById("split-shown");
  const shown = document.getElementById("shown");

  function visible(scan) {
    const label = boxes.find((box) => box.value === scan.label);
    return label.checked && (!split.value || scan.split === split.value);
  }

  function changed() {
    const count = scans.filter(visible).length;
    shown.textContent = `${count} of ${scans.length} scans shown`;
    listeners.forEach((listener) => listener());
  }

  // A colour of the stylesheet as the current theme has it
  function colour(name) {
    const probe = document.createElement("span");
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  const system = matchMedia("(prefers-color-scheme: dark)");
  const button = document.getElementById("theme");
  const isDark = () => (document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";

  function themed() {
    button.textContent = isDark() ? "Light theme" : "Dark theme";
    listeners.forEach((listener) => listener());
  }

  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    themed();
  });
  system.addEventListener("change", themed);
  boxes.forEach((box) => box.addEventListener("change", changed));
  split.addEventListener("change", changed);
  document.querySelectorAll(".swatch").forEach((swatch) => { swatch.style.background = swatch.dataset.colour; });

  // Paper has no triangles to click
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((one) => { one.open = false; }));

  return { data, scans, byId, numbers, visible, colour, isDark, themed, changed, onChange: (it) => listeners.push(it) };
})();
