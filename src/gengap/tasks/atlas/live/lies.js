// How many labels are lies: training error stays at 0 while the test error climbs.
(() => {
  const { COLOURS, DOTTED, chart, choice, data, element, legend, percent, place, slider } = window.pieces;
  const { networks, chance, label } = data();
  const picture = chart({
    label,
    x: [0, 1],
    y: [0, 1],
    xTicks: [0, 0.25, 0.5, 0.75, 1],
    yTicks: [0, 0.25, 0.5, 0.75, 1],
    xTitle: "share of labels replaced",
    yTitle: "error",
  });
  const network = choice("network", "network", networks.map(({ name }) => name), update);
  const level = slider("level", "labels replaced", 0, 1, 0, update);
  const lines = legend(["training error", COLOURS[0]], ["test error", COLOURS[1]], ["error of guessing", undefined, DOTTED]);
  const answer = element("p", { id: "answer", "aria-live": "polite" });

  function update() {
    const { name, points } = networks[Number(network.select.value)];
    level.input.max = points.length - 1;
    const point = points[Math.min(Number(level.input.value), points.length - 1)];
    const curve = (key) => points.map((p) => [p.level, p[key]]);
    picture.draw(
      picture.rule(chance),
      picture.line(curve("test"), COLOURS[1]),
      picture.line(curve("train"), COLOURS[0]),
      picture.mark([point.level, point.test], COLOURS[1]),
      picture.mark([point.level, point.train], COLOURS[0]),
    );
    level.shown.textContent = percent(point.level);
    answer.textContent =
      `With the ${name}, ${percent(point.level)} of the training labels drawn at random: training error ${percent(point.train)}, ` +
      `test error ${percent(point.test)}.`;
  }

  place().append(network.row, level.row, picture.svg, lines, answer);
  update();
})();
