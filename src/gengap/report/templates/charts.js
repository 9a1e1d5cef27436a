// Draws every chart into its figure, and again when the colour scheme or the room for it changes. A figure whose
// chart cannot be drawn falls back to its still picture.
(() => {
  const { specs, themes, lightened } = JSON.parse(document.getElementById("charts").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const LEGEND_COLUMN = 150; // pixels, of the narrowest
  const PHONE = 480;
  const AXIS = 95; // pixels beside what is drawn, for the vertical axis
  let latest = 0;
  let drawn = [];

  // On a phone the parts of a chart stand below each other; a grid of rows and columns scrolls sideways.
  function arranged(spec, width) {
    const made = structuredClone(spec);
    if (width >= PHONE) return made;
    const fitting = (part) => ({ ...part, width: width - AXIS });
    if (made.concat) return { ...made, columns: 1, concat: made.concat.map(fitting) };
    if (!made.facet || (made.facet.row && made.facet.column)) return made;
    const { header, ...facet } = made.facet.row ?? made.facet.column ?? made.facet;
    return { ...made, facet, columns: 1, spec: fitting(made.spec) };
  }

  // The chart in the colours of the dark page; a scale that interpolates keeps its own, which text on it goes by.
  function coloured(value) {
    if (!dark.matches) return value;
    if (typeof value === "string") return lightened[value.toLowerCase()] ?? value;
    if (Array.isArray(value)) return value.map(coloured);
    if (value === null || typeof value !== "object" || "interpolate" in value) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, key === "datasets" ? one : coloured(one)]));
  }

  // The chart with as many columns in its legends as fit into the place.
  async function embed(place, spec, config) {
    const options = { config, tooltip: { theme: dark.matches ? "dark" : "light" }, actions: false, renderer: "svg" };
    for (let columns = Math.max(1, Math.floor(place.clientWidth / LEGEND_COLUMN)); ; columns -= 1) {
      config.legend.columns = columns;
      const embedded = await vegaEmbed(place, arranged(coloured(spec), place.clientWidth), options);
      const edge = place.getBoundingClientRect().right;
      const fits = (legend) => legend.getBoundingClientRect().right <= edge;
      if (columns === 1 || [...place.querySelectorAll(".role-legend")].every(fits)) return embedded;
      embedded.finalize();
    }
  }

  async function draw() {
    const turn = ++latest;
    drawn.splice(0).forEach((embedded) => embedded.finalize());
    const config = structuredClone(dark.matches ? themes.dark : themes.light);
    for (const [name, spec] of Object.entries(specs)) {
      const figure = document.getElementById(name);
      const place = figure.querySelector(".live");
      try {
        const embedded = await embed(place, spec, config);
        if (turn !== latest) return embedded.finalize();
        drawn.push(embedded);
      } catch (error) {
        figure.classList.add("undrawn");
        console.error(error);
      }
    }
  }

  dark.addEventListener("change", draw);
  let width = innerWidth; // a phone's address bar changes the height alone
  let waiting;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(draw, 150);
  });
  draw();
})();
