// Winsorising: what happens to memorising when the extremes of the gradients are cut off.
(() => {
  const { COLOURS, DOTTED, chart, choice, data, element, legend, percent, place, slider } = window.pieces;
  const { noises, label } = data();
  const epochs = Math.max(...noises.flatMap(({ runs }) => runs.map(({ train }) => train.length)));
  const picture = chart({
    label,
    x: [1, epochs],
    y: [0, 1],
    xTicks: [1, Math.round(epochs / 2), epochs],
    yTicks: [0, 0.25, 0.5, 0.75, 1],
    xTitle: "epoch",
    yTitle: "accuracy",
  });
  const noise = choice("noise", "labels redrawn", noises.map(({ noise }) => percent(noise)), update);
  const clip = slider("clip", "percentile c clipped at both ends", 0, 1, 0, update);
  const answer = element("p", { id: "answer", "aria-live": "polite" });
  const lines = legend(
    ["training accuracy", COLOURS[0]],
    ["test accuracy", COLOURS[1]],
    ["share of labels that are right", undefined, DOTTED],
  );
  const curve = (values) => values.map((value, i) => [i + 1, value]);

  function update() {
    const chosen = noises[Number(noise.select.value)];
    clip.input.max = chosen.runs.length - 1;
    const run = chosen.runs[Math.min(Number(clip.input.value), chosen.runs.length - 1)];
    picture.draw(
      picture.rule(1 - 0.9 * chosen.noise),
      picture.line(curve(run.train), COLOURS[0]),
      picture.line(curve(run.test), COLOURS[1]),
    );
    clip.shown.textContent = `c = ${run.c}`;
    answer.textContent =
      `${percent(chosen.noise)} of the labels redrawn, c = ${run.c}: training accuracy ${percent(run.train.at(-1))}, ` +
      `test accuracy ${percent(run.test.at(-1))} at the end.` +
      (run.wrong === null ? "" : ` Of the wrong labels ${percent(run.wrong)} are memorised.`);
  }

  place().append(noise.row, clip.row, picture.svg, lines, answer);
  noise.select.value = noises.length > 1 ? 1 : 0;
  update();
})();
