// Draws every chart into its figure, and again when the colour scheme or the room for it changes. A figure whose
// chart cannot be drawn falls back to its still picture.
(() => {
  const { specs, themes } = JSON.parse(document.getElementById("charts").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const LEGEND_COLUMN = 150; // pixels, of the narrowest
  let latest = 0;
  let drawn = [];

  // The chart with as many columns in its legends as fit into the place.
  async function embed(place, spec, config) {
    const options = { config, tooltip: { theme: dark.matches ? "dark" : "light" }, actions: false, renderer: "svg" };
    for (let columns = Math.max(1, Math.floor(place.clientWidth / LEGEND_COLUMN)); ; columns -= 1) {
      config.legend.columns = columns;
      const embedded = await vegaEmbed(place, structuredClone(spec), options);
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
