"use strict";
(async () => {
  const plots = [...document.querySelectorAll(".plot")];
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const picked = new Set();
  let printing = false;

  /** Decompresses a text of this page (gzip, base64). */
  async function unpacked(id) {
    const text = document.getElementById(id).textContent;
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }

  function loadLibrary(source) {
    const script = document.createElement("script");
    script.nonce = document.querySelector("script[nonce]").nonce;
    script.textContent = source;
    document.head.append(script);
  }

  /** Replaces the roles of a figure by colours, as `with_theme` in components/figure.py does. */
  function themed(value, theme) {
    if (typeof value === "string") return value in theme ? theme[value] : value;
    if (Array.isArray(value)) return value.map((item) => themed(item, theme));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, themed(item, theme)]));
  }

  /** Returns the traces; if balancers are highlighted, the traces of the others are faded. */
  function faded(data) {
    if (!picked.size) return data;
    return data.map((trace) =>
      !trace.meta || picked.has(trace.meta) ? trace : { ...trace, opacity: 0.12 * (trace.opacity ?? 1) },
    );
  }

  function draw(plot) {
    const theme = drawings.themes[dark.matches && !printing ? "dark" : "light"];
    const { data, layout } = drawings.figures[plot.dataset.figure];
    const whole = { ...layout, template: drawings.template, autosize: true, dragmode: false };
    // There is no time to measure the page again while it is printed.
    if (printing) whole.width = plot.clientWidth;
    if (printing && parseInt(plot.style.minWidth) > plot.clientWidth)
      whole.xaxis = { ...layout.xaxis, tickfont: { size: 7 } };
    return Plotly.react(plot, themed(faded(data), theme), themed(whole, theme), drawings.config);
  }

  /** Returns the plot nearest to the top of the window. */
  function nearest(candidates) {
    const distance = (plot) => Math.abs(plot.getBoundingClientRect().top);
    return [...candidates].reduce((best, plot) => (distance(plot) < distance(best) ? plot : best));
  }

  function redraw() {
    plots.forEach(draw);
  }

  function pick(event) {
    const arm = event.currentTarget.dataset.arm;
    if (!picked.delete(arm)) picked.add(arm);
    for (const button of document.querySelectorAll(".legend button"))
      button.setAttribute("aria-pressed", picked.has(button.dataset.arm));
    redraw();
  }

  let drawings;
  try {
    loadLibrary(await unpacked("library"));
    drawings = JSON.parse(await unpacked("drawings"));
    const waiting = new Set(plots);
    while (waiting.size) {
      const plot = nearest(waiting);
      waiting.delete(plot);
      await draw(plot);
      plot.dataset.drawn = "yes";
      await new Promise((resume) => setTimeout(resume));
    }
  } catch (error) {
    const trouble = document.getElementById("trouble");
    trouble.hidden = false;
    trouble.textContent = `The figures could not be drawn (${error.message}). Use a browser from 2023 or later.`;
    throw error;
  }
  for (const button of document.querySelectorAll(".legend button")) button.addEventListener("click", pick);
  dark.addEventListener("change", redraw);
  for (const [moment, state] of [["beforeprint", true], ["afterprint", false]])
    addEventListener(moment, () => {
      printing = state;
      document.documentElement.classList.toggle("printing", state);
      for (const folded of document.querySelectorAll(state ? "details:not([open])" : "details[data-folded]")) {
        folded.open = state;
        folded.toggleAttribute("data-folded", state);
      }
      redraw();
    });
  document.documentElement.dataset.ready = "yes";
})();
