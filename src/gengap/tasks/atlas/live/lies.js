// How many labels are lies: training error stays at 0 while the test error climbs.
(() => {
  const { COLOURS, drawn, element, place, data } = window.pieces;
  const { networks, chance } = data();
  const [WIDTH, HEIGHT, LEFT, LOW] = [640, 340, 50, 40];
  const across = (level) => LEFT + level * (WIDTH - LEFT - 20);
  const down = (error) => HEIGHT - LOW - error * (HEIGHT - LOW - 15);
  const percent = (value) => `${(100 * value).toFixed(1)}%`;

  const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": data().label });
  for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
    svg.append(
      drawn("line", { x1: LEFT, x2: WIDTH - 20, y1: down(tick), y2: down(tick), stroke: "currentColor", opacity: 0.15 }),
      drawn("text", { x: LEFT - 8, y: down(tick) + 4, "text-anchor": "end", "font-size": 12, fill: "currentColor" }, `${100 * tick}%`),
      drawn("text", { x: across(tick), y: HEIGHT - 18, "text-anchor": "middle", "font-size": 12, fill: "currentColor" }, tick),
    );
  }
  svg.append(
    drawn("text", { x: WIDTH / 2, y: HEIGHT - 2, "text-anchor": "middle", "font-size": 12, fill: "currentColor" }, "share of labels replaced"),
    drawn("line", { x1: LEFT, x2: WIDTH - 20, y1: down(chance), y2: down(chance), stroke: "currentColor", "stroke-dasharray": "2 4" }),
    drawn("text", { x: LEFT + 6, y: down(chance) - 6, "font-size": 12, fill: "currentColor" }, "guessing"),
  );
  const lines = drawn("g");
  const marks = drawn("g");
  svg.append(lines, marks);

  const select = element("select", { id: "network", "aria-label": "Network" });
  networks.forEach((network, i) => select.append(element("option", { value: i }, network.name)));
  const handle = element("input", { type: "range", id: "level", min: 0, step: 1, value: 0 });
  const shown = element("output", { for: "level" });
  const answer = element("p", { id: "answer", "aria-live": "polite" });

  function update() {
    const { name, points } = networks[Number(select.value)];
    handle.max = points.length - 1;
    const point = points[Math.min(Number(handle.value), points.length - 1)];
    const path = (key) => "M" + points.map((p) => `${across(p.level)},${down(p[key])}`).join("L");
    lines.replaceChildren(
      drawn("path", { d: path("test"), fill: "none", stroke: COLOURS[1], "stroke-width": 2.5 }),
      drawn("path", { d: path("train"), fill: "none", stroke: COLOURS[0], "stroke-width": 2.5 }),
    );
    marks.replaceChildren(
      drawn("circle", { cx: across(point.level), cy: down(point.test), r: 7, fill: COLOURS[1] }),
      drawn("circle", { cx: across(point.level), cy: down(point.train), r: 7, fill: COLOURS[0] }),
    );
    shown.textContent = percent(point.level);
    answer.textContent =
      `${name}, ${percent(point.level)} of the training labels drawn at random: training error ${percent(point.train)} ` +
      `(blue), test error ${percent(point.test)} (orange).`;
  }

  select.addEventListener("change", update);
  handle.addEventListener("input", update);
  place().append(
    element("div", { class: "handles" }, element("label", { for: "network" }, "network"), select),
    element("div", { class: "handles" }, element("label", { for: "level" }, "labels replaced"), handle, shown),
    svg,
    answer,
  );
  update();
})();
