// Draws every chart into its figure, and again when the colour scheme or the room for it changes. A figure whose
// chart cannot be drawn falls back to its still picture.
(() => {
  const { specs, themes } = JSON.parse(document.getElementById("charts").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 40rem)");
  const actions = { export: true, source: false, compiled: false, editor: false };
  let latest = 0;
  let drawn = [];

  async function draw() {
    const turn = ++latest;
    drawn.splice(0).forEach((embedded) => embedded.finalize());
    const config = structuredClone(dark.matches ? themes.dark : themes.light);
    config.legend.columns = narrow.matches ? 2 : 0;
    for (const [name, spec] of Object.entries(specs)) {
      const figure = document.getElementById(name);
      try {
        const embedded = await vegaEmbed(figure.querySelector(".live"), structuredClone(spec), {
          config, actions, renderer: "svg", downloadFileName: name, theme: "none", tooltip: { theme: dark.matches ? "dark" : "light" },
        });
        if (turn !== latest) return embedded.finalize();
        drawn.push(embedded);
      } catch (error) {
        figure.classList.add("undrawn");
        console.error(error);
      }
    }
  }

  dark.addEventListener("change", draw);
  narrow.addEventListener("change", draw);
  draw();
})();
