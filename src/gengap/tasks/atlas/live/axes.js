// Double descent with two axes: the same points against the number of parameters and against the effective number.
(() => {
  const { COLOURS, chart, choice, data, element, legend, percent, place, slider } = window.pieces;
  const { methods, label } = data();
  const kind = choice("method", "method", methods.map(({ name }) => name), choose);
  const step = slider("step", "along the curve", 0, 1, 0, update);
  const answer = element("p", { id: "answer", "aria-live": "polite" });
  const frame = element("div");
  const DASHED = "6 4";
  let pictures = [];

  const ticks = (low, high) => [...Array(Math.floor(high) - Math.ceil(low) + 1).keys()].map((i) => Math.ceil(low) + i);
  const logs = (points, key) => points.map((point) => Math.log10(point[key]));

  function picture(points, key, xTitle) {
    const values = logs(points, key);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const drawing = chart({
      label: `${label}: ${xTitle}`,
      x: [low, high],
      y: [0, 1],
      xTicks: ticks(low, high),
      yTicks: [0, 0.25, 0.5, 0.75, 1],
      percent: methods[Number(kind.select.value)].shown === "test error",
      xTitle,
      yTitle: methods[Number(kind.select.value)].shown,
      xText: (tick) => (10 ** tick).toLocaleString("en-US", { notation: "compact" }),
    });
    return { drawing, key };
  }

  function choose() {
    const { points, first, second } = methods[Number(kind.select.value)];
    pictures = [
      picture(points, "parameters", "parameters, counted"),
      picture(points, "effective", "effective number, on the test points"),
    ];
    const lines = legend([`first axis: ${first}`, COLOURS[0]], [`second axis: ${second}`, COLOURS[1], DASHED]);
    frame.replaceChildren(...pictures.map(({ drawing }) => drawing.svg), lines);
    step.input.max = points.length - 1;
    step.input.value = points.findIndex(({ axis }) => axis === 2);
    update();
  }

  function update() {
    const { points, shown } = methods[Number(kind.select.value)];
    const point = points[Number(step.input.value)];
    for (const { drawing, key } of pictures) {
      const path = (axis) => points.filter((p) => p.axis === axis || p.turn).map((p) => [Math.log10(p[key]), p.error]);
      drawing.draw(
        drawing.line(path(1), COLOURS[0]),
        drawing.line(path(2), COLOURS[1], DASHED),
        drawing.mark([Math.log10(point[key]), point.error], point.axis === 1 ? COLOURS[0] : COLOURS[1]),
      );
    }
    step.shown.textContent = point.axis === 1 ? "first axis" : "second axis";
    const effective = Number(point.effective.toPrecision(3)).toLocaleString("en-US");
    answer.textContent =
      `${point.parameters.toLocaleString("en-US")} ${point.parameters === 1 ? "parameter" : "parameters"}, effectively ${effective} on the ` +
      `test points: ${shown} ${shown === "test error" ? percent(point.error) : point.error.toPrecision(3)}.`;
  }

  place().append(kind.row, step.row, frame, answer);
  choose();
})();
