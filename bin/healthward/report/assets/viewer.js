"use strict";
// The panel of a scan: three planes by NiiVue, its volumes taken from the folder `viewer` when it is opened
(() => {
  const { data, byId } = window.healthward;
  const panel = document.getElementById("panel");
  const part = (name) => document.getElementById(`panel-${name}`);
  const [image, overlay, threshold, opacity] = ["image", "overlay", "threshold", "opacity"].map(part);
  const positions = [...panel.querySelectorAll(".position")];
  const backgrounds = data.volumes.filter((one) => ["scan", "pseudohealthy"].includes(one.key));
  const overlays = data.volumes.filter((one) => !backgrounds.includes(one));
  const ranges = { zscore: [1.5, 6], abnormal: [0.5, 1] };

  let viewer = null; // made when the first scan is opened
  let scan = null;
  let turn = 0; // counts what was asked for: what comes late is dropped
  let loaded = new Map(); // promises of base64, of the open scan

  // Each volume's script calls this
  const waiting = new Map();
  window.healthwardVolume = (id, name, text) => waiting.get(`${id}/${name}`)?.(text);

  function volume(name) {
    if (!loaded.has(name)) {
      const id = scan.id;
      loaded.set(name, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        waiting.set(`${id}/${name}`, resolve);
        script.src = `viewer/${encodeURIComponent(id)}/${encodeURIComponent(name)}.js`;
        script.onerror = () => reject(new Error(`viewer/${id}/${name}.js`));
        script.onload = () => { waiting.delete(`${id}/${name}`); script.remove(); };
        document.head.append(script);
      }));
    }
    return loaded.get(name);
  }

  function say(text) {
    part("message").textContent = text;
  }

  async function start() {
    if (viewer) return;
    const script = document.createElement("script");
    script.textContent = document.getElementById("niivue").textContent;
    document.head.append(script);
    viewer = new niivue.Niivue({
      show3Dcrosshair: false, multiplanarShowRender: 0, multiplanarLayout: 3, dragAndDropEnabled: false, logLevel: "error",
      backColor: [0, 0, 0, 1], crosshairColor: [0.35, 0.75, 1, 0.8], crosshairWidth: 0.7, crosshairWidthUnit: "mm", isColorbar: true, loadingText: "", tileMargin: 4,
      fontColor: [0.85, 0.85, 0.85, 1], isRadiologicalConvention: false, viewModeHotKey: "", clipPlaneHotKey: "",
      cycleClipPlaneHotKey: "", scrollRequiresFocus: false,
    });
    await viewer.attachToCanvas(part("canvas"));
    viewer.onLocationChange = moved;
  }

  function moved() {
    const [at] = viewer.volumes;
    if (!at) return;
    positions.forEach((slider, axis) => {
      const size = at.dimsRAS[axis + 1];
      slider.max = size - 1;
      slider.value = Math.round(viewer.scene.crosshairPos[axis] * size - 0.5);
      slider.previousElementSibling.textContent = slider.value;
    });
  }

  function move(axis, index) {
    const size = viewer.volumes[0].dimsRAS[axis + 1];
    const place = [...viewer.scene.crosshairPos];
    place[axis] = (Math.min(Math.max(index, 0), size - 1) + 0.5) / size;
    viewer.scene.crosshairPos = place;
    viewer.drawScene();
    moved();
  }

  async function show() {
    const mine = ++turn;
    const wanted = [image.value, overlay.value].filter(Boolean);
    say("Loading …");
    try {
      await start();
    } catch {
      say("This browser shows no volumes: it lacks WebGL 2. The maps below open in any viewer of NIfTI files.");
      return;
    }
    try {
      const texts = await Promise.all(wanted.map(volume));
      if (mine !== turn) return;
      const place = viewer.volumes.length ? [...viewer.scene.crosshairPos] : null;
      const images = [];
      for (const [at, base64] of texts.entries()) {
        images.push(await niivue.NVImage.loadFromBase64({
          base64, name: `${wanted[at]}.nii.gz`, colormap: at ? (wanted[at] === "abnormal" ? "red" : "warm") : "gray",
          colorbarVisible: at > 0,
        }));
      }
      if (mine !== turn) return;
      while (viewer.volumes.length) viewer.removeVolume(viewer.volumes[0]);
      images.forEach((one) => viewer.addVolume(one));
      images[0].cal_min = 0;
      images[0].cal_max = 1;
      if (images[1]) scale(images[1], wanted[1]);
      if (place) viewer.scene.crosshairPos = place;
      adjust();
      moved();
      say("");
      panel.dataset.shown = `${scan.id} ${wanted.join(" ")}`;
    } catch (problem) {
      if (mine !== turn) return;
      panel.dataset.shown = "";
      say(`${problem.message} cannot be read. Keep the folder viewer, which the pipeline writes, beside this page.`);
    }
  }

  // The sliders' range is the overlay's own
  function scale(one, name) {
    const highest = one.global_max || 1;
    if (overlay.dataset.of === `${scan.id} ${name}`) return;
    overlay.dataset.of = `${scan.id} ${name}`;
    threshold.max = highest;
    threshold.step = highest / 200;
    threshold.value = ranges[name] ? Math.min(ranges[name][0], highest) : highest * 0.25;
  }

  function adjust() {
    part("threshold-value").textContent = Number(threshold.value).toPrecision(2);
    part("opacity-value").textContent = `${Math.round(100 * opacity.value)} %`;
    const one = viewer?.volumes[1];
    if (one) {
      const top = ranges[overlay.value] ? Math.min(ranges[overlay.value][1], one.global_max) : one.global_max * 0.8;
      one.cal_min = Number(threshold.value);
      one.cal_max = Math.max(top, one.cal_min * 1.05);
      one.opacity = Number(opacity.value);
    }
    viewer?.updateGLVolume();
  }

  function fill() {
    part("name").textContent = scan.id;
    part("about").textContent = `subject ${scan.subject} · ${scan.label} · ${scan.split}`;
    const table = document.getElementById("ranking");
    const row = table.querySelector(`button.scan[data-scan="${CSS.escape(scan.id)}"]`).closest("tr");
    const facts = [...table.tHead.rows[0].cells].map((header, at) => [header.textContent, row.cells[at].textContent]);
    part("facts").replaceChildren(...facts.slice(4).filter(([, value]) => value.trim()).map(([name, value]) => {
      const pair = document.createElement("div");
      for (const [tag, text] of [["dt", name], ["dd", value]]) {
        pair.append(Object.assign(document.createElement(tag), { textContent: text }));
      }
      return pair;
    }));
    const id = encodeURIComponent(scan.id);
    part("maps").replaceChildren(...data.maps.flatMap((name) => {
      const link = Object.assign(document.createElement("a"), { textContent: name, href: `maps/${id}/${id}_${name}.nii.gz` });
      return [link, " "];
    }));
    part("figure").src = `figures/scans/${id}.png`;
    part("regions-plot").hidden = !data.regions;
    if (data.regions) window.healthward.drawScanRegions(part("regions"), scan);
  }

  function open(id) {
    scan = byId.get(id);
    loaded = new Map();
    if (!panel.open) panel.showModal();
    fill();
    show();
  }

  // In the order of the table as it is sorted and filtered
  function step(by) {
    const shown = [...document.querySelectorAll("#ranking tbody tr:not([hidden]) button.scan")].map((one) => one.dataset.scan);
    const next = shown[(shown.indexOf(scan.id) + by + shown.length) % shown.length];
    if (next) open(next);
  }

  function offer(select, volumes, none) {
    const options = volumes.map((one) => new Option(one.name, one.key));
    select.replaceChildren(...options, ...(none ? [new Option("none", "")] : []));
  }

  offer(image, backgrounds, false);
  offer(overlay, overlays, true);
  [image, overlay].forEach((one) => one.addEventListener("change", show));
  [threshold, opacity].forEach((one) => one.addEventListener("input", adjust));
  positions.forEach((slider, axis) => slider.addEventListener("input", () => viewer && move(axis, Number(slider.value))));

  const keys = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1], PageDown: [2, -1], PageUp: [2, 1] };
  part("canvas").addEventListener("keydown", (event) => {
    if (!keys[event.key] || !viewer?.volumes.length) return;
    event.preventDefault();
    const [axis, by] = keys[event.key];
    move(axis, Number(positions[axis].value) + by);
  });

  part("previous").addEventListener("click", () => step(-1));
  part("next").addEventListener("click", () => step(1));
  part("close").addEventListener("click", () => panel.close());
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.scan");
    if (button) open(button.dataset.scan);
  });

  window.healthward.open = open;
  window.healthward.themed();
  window.healthward.changed();
})();
