// Guess which memorised: two networks that fit their training labels, and what measures say of them.
(() => {
  const { element, place, data } = window.pieces;
  const { rounds } = data();
  const score = { reader: 0, measure: 0, played: 0 };
  const number = (value) => (Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3 ? value.toExponential(2) : value.toPrecision(4));
  const table = element("div", { class: "scroll", role: "region", "aria-label": "The two networks", tabindex: 0 });
  const answer = element("p", { id: "answer", "aria-live": "polite" });
  const buttons = ["A", "B"].map((name) => element("button", { type: "button", id: `guess-${name}` }, `${name} memorised`));
  const again = element("button", { type: "button", id: "again" }, "Next pair");
  const tally = element("p", { id: "tally" });
  let turn = 0;
  let memorised = "A";

  function show() {
    const round = rounds[turn % rounds.length];
    memorised = Math.random() < 0.5 ? "A" : "B";
    const head = element("tr", {}, ...["measure", "A", "B"].map((text) => element("th", { scope: "col" }, text)));
    const rows = round.measures.map(({ name, learned, memorised: other }) => {
      const pair = memorised === "A" ? [other, learned] : [learned, other];
      return element("tr", {}, ...[name, ...pair.map(number)].map((text) => element("td", {}, text)));
    });
    table.replaceChildren(element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
    answer.textContent = `Both networks (${round.network}) fit their training labels: one the true labels, the other random ones.`;
    buttons.forEach((button) => (button.disabled = false));
    again.disabled = true;
  }

  function guess(name) {
    const round = rounds[turn % rounds.length];
    const right = round.measures.filter((m) => m.right).length;
    score.played += 1;
    score.reader += name === memorised ? 1 : 0;
    score.measure += right / round.measures.length;
    answer.textContent =
      `${memorised} memorised. Of the ${round.measures.length} measures, ${right} point to it: ` +
      `${round.measures.filter((m) => m.right).map((m) => m.name).join(", ") || "none"}.`;
    tally.textContent = `You: ${score.reader} of ${score.played}. A measure drawn at random: ${score.measure.toFixed(1)} on average.`;
    buttons.forEach((button) => (button.disabled = true));
    again.disabled = false;
    turn += 1;
  }

  buttons[0].addEventListener("click", () => guess("A"));
  buttons[1].addEventListener("click", () => guess("B"));
  again.addEventListener("click", show);
  place().append(table, element("div", { class: "handles" }, ...buttons, again), answer, tally);
  show();
})();
