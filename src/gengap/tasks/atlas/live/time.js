// The learning curve as a time axis: which examples are fitted when, those with right and those with wrong labels.
(() => {
  const { COLOURS, chart, data, element, legend, percent, place, slider } = window.pieces;
  const { examples, curves, label } = data();
  const epochs = curves.right.length;
  const picture = chart({
    label,
    x: [1, epochs],
    y: [0, 1],
    xTicks: [1, Math.round(epochs / 2), epochs],
    yTicks: [0, 0.5, 1],
    xTitle: "epoch",
    yTitle: "fitted",
  });
  const time = slider("epoch", "epoch", 1, epochs, Math.min(10, epochs), update);
  const lines = legend(["fitted, of examples with a right label", COLOURS[0]], ["of those with a wrong label", COLOURS[1]]);
  const answer = element("p", { id: "answer", "aria-live": "polite" });
  const points = (values) => values.map((value, i) => [i + 1, value]);

  function image({ pixels, label: given, digit }) {
    const canvas = element("canvas", { width: 8, height: 8, "aria-hidden": "true" });
    const context = canvas.getContext("2d");
    const largest = Math.max(...pixels);
    pixels.forEach((value, i) => {
      const grey = Math.round(255 - (255 * value) / largest);
      context.fillStyle = `rgb(${grey},${grey},${grey})`;
      context.fillRect(i % 8, Math.floor(i / 8), 1, 1);
    });
    canvas.style.cssText = "width:2.6rem;height:2.6rem;image-rendering:pixelated;display:block";
    const words = given === digit ? `${given}` : `“${given}”`;
    return element("div", { class: "digit" }, canvas, element("small", {}, words));
  }

  function shelf(title, colour, group) {
    const tiles = group.map((example) => ({ example, tile: image(example) }));
    const row = element("div", { class: "shelf" }, ...tiles.map(({ tile }) => tile));
    return { part: element("div", {}, element("p", { style: `border-left: 4px solid ${colour}; padding-left: 0.5rem` }, title), row), tiles };
  }

  const byTime = [...examples].sort((a, b) => a.lasting - b.lasting);
  const right = shelf("Right labels", COLOURS[0], byTime.filter(({ digit, label: given }) => digit === given));
  const wrong = shelf("Wrong labels, in quotation marks", COLOURS[1], byTime.filter(({ digit, label: given }) => digit !== given));

  function update() {
    const epoch = Number(time.input.value);
    picture.draw(
      picture.cursor(epoch),
      picture.line(points(curves.right), COLOURS[0]),
      picture.line(points(curves.wrong), COLOURS[1]),
    );
    for (const { example, tile } of [...right.tiles, ...wrong.tiles]) {
      tile.firstChild.style.opacity = example.lasting > 0 && example.lasting <= epoch ? 1 : 0.15;
    }
    time.shown.textContent = epoch;
    answer.textContent =
      `After epoch ${epoch} the network is right on ${percent(curves.right[epoch - 1])} of the examples with a right label ` +
      `and on ${percent(curves.wrong[epoch - 1])} of those with a wrong one. Pictures at full strength are fitted from here on.`;
  }

  place().append(time.row, picture.svg, lines, answer, right.part, wrong.part);
  update();
})();
