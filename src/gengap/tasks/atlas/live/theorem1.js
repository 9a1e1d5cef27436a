// Theorem 1: points on a line and the network of two layers through them; drag a point and the network follows.
window.theorem1 = (() => {
  // Weights w of c(x) = sum_j w_j max(x - b_j, 0) through the points, with knots b just right of the point before.
  function network(points) {
    const sorted = [...points].sort((p, q) => p[0] - q[0]);
    const knots = sorted.map(([x], i) => (i === 0 ? x - 1 : sorted[i - 1][0] + (x - sorted[i - 1][0]) / 10));
    const weights = [];
    for (let i = 0; i < sorted.length; i++) {
      const [x, y] = sorted[i];
      let rest = y;
      for (let j = 0; j < i; j++) rest -= weights[j] * (x - knots[j]);
      weights.push(rest / (x - knots[i]));
    }
    return { knots, weights };
  }
  const value = ({ knots, weights }, x) =>
    knots.reduce((sum, knot, j) => sum + weights[j] * Math.max(x - knot, 0), 0);
  return { network, value };
})();

(() => {
  const { COLOURS, drawn, element, place, room, data } = window.pieces;
  const WIDTH = room();
  const HEIGHT = WIDTH < 480 ? 280 : 360;
  const points = data().points.map((point) => [...point]);
  const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": data().label });
  const across = (x) => 30 + (x / 10) * (WIDTH - 60);
  const down = (y) => HEIGHT / 2 - (y / 3) * (HEIGHT / 2 - 15);
  const text = element("p", { id: "answer", "aria-live": "polite" });
  const curve = drawn("path", { fill: "none", stroke: COLOURS[0], "stroke-width": 2.5 });
  const units = drawn("g", { stroke: "currentColor", "stroke-dasharray": "2 4", opacity: 0.55 });
  svg.append(drawn("line", { x1: 0, x2: WIDTH, y1: down(0), y2: down(0), stroke: "currentColor", opacity: 0.3 }), units, curve);

  function update() {
    const net = window.theorem1.network(points);
    const steps = [...Array(401).keys()].map((i) => (i / 400) * 10).concat(net.knots, points.map(([x]) => x));
    const visible = steps.filter((x) => x >= 0 && x <= 10).sort((a, b) => a - b);
    const clipped = (x) => Math.max(-20, Math.min(20, window.theorem1.value(net, x)));
    curve.setAttribute("d", "M" + visible.map((x) => `${across(x).toFixed(2)},${down(clipped(x)).toFixed(2)}`).join("L"));
    units.replaceChildren(
      ...net.knots.map((knot) => drawn("line", { x1: across(knot), x2: across(knot), y1: 10, y2: HEIGHT - 10 })),
    );
    circles.forEach((circle, i) => {
      circle.setAttribute("cx", across(points[i][0]));
      circle.setAttribute("cy", down(points[i][1]));
      const where = `${points[i][0].toFixed(1)}, value ${points[i][1].toFixed(1)}`;
      circle.setAttribute("aria-label", `Point ${i + 1} at ${where}; arrow keys move it`);
    });
    const miss = Math.max(...points.map(([x, y]) => Math.abs(window.theorem1.value(net, x) - y)));
    const largest = Math.max(...net.weights.map(Math.abs));
    text.textContent =
      `${points.length} points, ${points.length} ReLUs, ${2 * points.length + 1} weights. Largest miss: ` +
      `${miss < 1e-6 ? "0, every point is fitted" : miss.toPrecision(2)}. Largest weight: ${largest.toPrecision(3)}.`;
    text.dataset.miss = String(miss);
  }

  // Points never share a place: no function has two values at one.
  function move(i, x, y) {
    const wanted = Math.min(9.8, Math.max(0.2, x));
    const free = points.every(([other], j) => j === i || Math.abs(other - wanted) > 0.05);
    points[i] = [free ? wanted : points[i][0], Math.min(2.8, Math.max(-2.8, y))];
    update();
  }

  const circles = points.map((_, i) => {
    const circle = drawn("circle", { r: 10, fill: COLOURS[1], tabindex: 0, role: "button", cursor: "grab" });
    circle.style.touchAction = "none";
    circle.addEventListener("pointerdown", (event) => circle.setPointerCapture(event.pointerId));
    circle.addEventListener("pointermove", (event) => {
      if (!circle.hasPointerCapture(event.pointerId)) return;
      const box = svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * WIDTH;
      const y = ((event.clientY - box.top) / box.height) * HEIGHT;
      move(i, ((x - 30) / (WIDTH - 60)) * 10, ((HEIGHT / 2 - y) / (HEIGHT / 2 - 15)) * 3);
    });
    circle.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }[event.key];
      if (!step) return;
      event.preventDefault();
      move(i, points[i][0] + step[0], points[i][1] + step[1]);
    });
    return circle;
  });
  svg.append(...circles);
  const shuffle = element("button", { type: "button", id: "random" }, "Random labels");
  shuffle.addEventListener("click", () => {
    points.forEach((point) => (point[1] = Math.random() < 0.5 ? -1 : 1));
    update();
  });
  place().append(svg, element("div", { class: "handles" }, shuffle), text);
  update();
})();
