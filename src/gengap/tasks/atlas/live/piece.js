// What live pieces share: drawing in SVG, the theme's colours, and a place for the answer.
window.pieces = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const COLOURS = [0, 1, 2, 3, 4, 5].map((i) => `var(--hue-${i})`); // site.css has them, for each colour scheme

  const DOTTED = "2 4";

  const data = () => JSON.parse(document.getElementById("data").textContent);
  const place = () => document.getElementById("piece");

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  function drawn(tag, attributes = {}, text = "") {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== "") made.textContent = text;
    return made;
  }

  // The room for a picture in pixels, so that its text keeps its size on a phone.
  function room() {
    const style = getComputedStyle(place());
    return Math.min(640, place().clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight));
  }

  // A chart of lines: axes with ticks, and lines and marks that `draw` replaces.
  function chart({ label, x, y, xTicks, yTicks, xTitle, yTitle, percent = true, xText = String }) {
    const WIDTH = room();
    const [HEIGHT, LEFT, LOW, TOP] = [WIDTH < 480 ? 290 : 370, 52, 52, 35];
    const across = (v) => LEFT + ((v - x[0]) / (x[1] - x[0])) * (WIDTH - LEFT - 34);
    const down = (v) => HEIGHT - LOW - ((v - y[0]) / (y[1] - y[0])) * (HEIGHT - LOW - TOP);
    const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label });
    const text = (attributes, words) => drawn("text", { "font-size": 12, fill: "currentColor", ...attributes }, words);
    for (const tick of yTicks) {
      svg.append(
        drawn("line", { x1: LEFT, x2: WIDTH - 34, y1: down(tick), y2: down(tick), stroke: "currentColor", opacity: 0.15 }),
        text({ x: LEFT - 8, y: down(tick) + 4, "text-anchor": "end" }, percent ? `${Math.round(100 * tick)}%` : tick),
      );
    }
    for (const tick of xTicks) svg.append(text({ x: across(tick), y: HEIGHT - 24, "text-anchor": "middle" }, xText(tick)));
    svg.append(text({ x: LEFT + (WIDTH - LEFT - 34) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, xTitle));
    svg.append(text({ x: 0, y: 14 }, yTitle));
    const layer = drawn("g");
    svg.append(layer);
    const line = (points, colour, dash = "") => {
      const path = "M" + points.map(([a, b]) => `${across(a).toFixed(1)},${down(b).toFixed(1)}`).join("L");
      return drawn("path", { d: path, fill: "none", stroke: colour, "stroke-width": 2.5, "stroke-dasharray": dash });
    };
    const mark = ([a, b], colour) => drawn("circle", { cx: across(a), cy: down(b), r: 7, fill: colour });
    const rule = (b) =>
      drawn("line", { x1: LEFT, x2: WIDTH - 34, y1: down(b), y2: down(b), stroke: "currentColor", "stroke-dasharray": DOTTED });
    const cursor = (a) =>
      drawn("line", { x1: across(a), x2: across(a), y1: TOP - 5, y2: HEIGHT - LOW, stroke: "currentColor", opacity: 0.5 });
    return { svg, line, mark, rule, cursor, draw: (...shapes) => layer.replaceChildren(...shapes.flat()) };
  }

  // What the lines of a chart are, below it, where no curve can run through the words: [words, colour, dashes] each.
  function legend(...entries) {
    const items = entries.map(([words, colour = "currentColor", dash = ""]) => {
      const swatch = drawn("svg", { viewBox: "0 0 28 10", width: 28, height: 10, "aria-hidden": "true" });
      swatch.append(drawn("line", { x1: 0, x2: 28, y1: 5, y2: 5, stroke: colour, "stroke-width": 2.5, "stroke-dasharray": dash }));
      return element("li", {}, swatch, words);
    });
    return element("ul", { class: "legend" }, ...items);
  }

  // A handle with its label and the value beside it; `update` is called whenever it moves.
  function slider(id, label, low, high, value, update, step = 1) {
    const input = element("input", { type: "range", id, min: low, max: high, step, value });
    const shown = element("output", { for: id });
    input.addEventListener("input", update);
    return { row: element("div", { class: "handle" }, element("label", { for: id }, label), input, shown), input, shown };
  }

  function choice(id, label, names, update) {
    const select = element("select", { id });
    names.forEach((name, i) => select.append(element("option", { value: i }, name)));
    select.addEventListener("change", update);
    return { row: element("div", { class: "handles" }, element("label", { for: id }, label), select), select };
  }

  const percent = (value) => `${(100 * value).toFixed(1)}%`;
  return { COLOURS, DOTTED, data, place, room, element, drawn, chart, legend, slider, choice, percent };
})();
