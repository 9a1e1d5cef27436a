// Draws every chart into its figure, and again when the colour scheme or the room for it changes. A figure whose
// chart cannot be drawn falls back to its still picture.
(() => {
  const { specs, themes } = JSON.parse(document.getElementById("charts").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const LEGEND_COLUMN = 150; // pixels
  let latest = 0;
  let drawn = [];

  async function draw() {
    const turn = ++latest;
    drawn.splice(0).forEach((embedded) => embedded.finalize());
    const config = structuredClone(dark.matches ? themes.dark : themes.light);
    for (const [name, spec] of Object.entries(specs)) {
      const figure = document.getElementById(name);
      const place = figure.querySelector(".live");
      config.legend.columns = Math.max(1, Math.floor(place.clientWidth / LEGEND_COLUMN));
      try {
        const tooltip = { theme: dark.matches ? "dark" : "light" };
        const embedded = await vegaEmbed(place, structuredClone(spec), { config, tooltip, actions: false, renderer: "svg" });
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
