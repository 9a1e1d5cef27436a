// Guess which memorised: two networks that fit their training labels, what measures say of them, and who is right more often.
(() => {
  const { element, place, data } = window.pieces;
  const { panel, groups } = data();
  const ROUNDS = 10;
  const text = (value) => (value >= 1e5 || value < 1e-3 ? value.toExponential(1) : value.toPrecision(4));
  const setting = element("p", { id: "setting" });
  const table = element("div", { class: "duel", role: "region", "aria-label": "The two networks", tabindex: 0 });
  const answer = element("p", { id: "answer", "aria-live": "polite" });
  const buttons = ["A", "B"].map((name) => element("button", { type: "button", id: `guess-${name}` }, `${name} memorised`));
  const next = element("button", { type: "button", id: "again" }, "Next pair");
  const anew = element("button", { type: "button", id: "new" }, "New game");
  const tally = element("div", { id: "tally", "aria-live": "polite" });
  let game;

  function shuffled(list) {
    const made = [...list];
    for (let i = made.length - 1; i > 0; i--) {
      const j = Math.floor(Math.random() * (i + 1));
      [made[i], made[j]] = [made[j], made[i]];
    }
    return made;
  }

  // Rounds of every group in turn, each group with another pair first; the sides are dealt. Without `mix` always the same.
  function dealt(mix) {
    const order = mix ? shuffled(groups).map(shuffled) : groups.map((group, i) => group.map((_, j) => group[(5 * i + j) % group.length]));
    const turns = Math.max(...order.map((group) => group.length));
    const rounds = [...Array(turns).keys()].flatMap((i) => order.filter((group) => i < group.length).map((group) => group[i]));
    return rounds.slice(0, ROUNDS).map((round, i) => ({ ...round, memorised: (mix ? Math.random() < 0.5 : i % 3 === 1) ? "A" : "B" }));
  }

  // What each measure says: the network with the larger value; nothing where it has no values or equal ones.
  function votes({ values, memorised }) {
    const other = memorised === "A" ? "B" : "A";
    return values.map((pair) => (!pair || pair[0] === pair[1] ? null : pair[1] > pair[0] ? memorised : other));
  }

  function head(...names) {
    return element("thead", {}, element("tr", {}, ...names.map((name) => element("th", { scope: "col" }, name))));
  }

  function shown(round, over) {
    const said = votes(round);
    const rows = panel.map(({ name, large }, i) => {
      const pair = round.values[i];
      const sides = pair && (round.memorised === "A" ? [pair[1], pair[0]] : pair);
      const mark = over && said[i] ? (said[i] === round.memorised ? " ✓" : " ✗") : "";
      const cells = [sides ? text(sides[0]) : "–", sides ? text(sides[1]) : "–", (said[i] ?? "–") + mark];
      const label = element("th", { scope: "row" }, name, element("small", {}, `large where ${large}`));
      return element("tr", {}, label, ...cells.map((cell) => element("td", {}, cell)));
    });
    table.replaceChildren(element("table", {}, head("measure", "A", "B", "points to"), element("tbody", {}, ...rows)));
  }

  function show() {
    const round = game.rounds[game.turn];
    setting.textContent = `Pair ${game.turn + 1} of ${game.rounds.length}. ${round.setting} Both fit them. Which memorised?`;
    shown(round, false);
    answer.textContent = "Each measure points to the network where it is larger. Which of them do you trust?";
    buttons.forEach((button) => (button.disabled = false));
    next.disabled = true;
  }

  function guess(name) {
    const round = game.rounds[game.turn];
    const said = votes(round);
    const wrong = panel.filter((_, i) => said[i] && said[i] !== round.memorised).map((measure) => measure.name.toLowerCase());
    game.turn += 1;
    game.right += name === round.memorised ? 1 : 0;
    said.forEach((vote, i) => {
      game.panel[i].played += vote ? 1 : 0;
      game.panel[i].right += vote === round.memorised ? 1 : 0;
    });
    shown(round, true);
    answer.textContent =
      `${name === round.memorised ? "Right" : "Wrong"}: ${round.memorised} memorised. ${round.why} ` +
      (wrong.length ? `Pointed to the wrong one: ${wrong.join(", ")}.` : "No measure pointed to the wrong one.");
    const last = game.turn === game.rounds.length;
    buttons.forEach((button) => (button.disabled = true));
    next.disabled = last;
    if (last) finish();
    else tally.textContent = `You: ${game.right} of ${game.turn}.`;
  }

  function finish() {
    const you = { name: "You", right: game.right, played: game.turn };
    const share = ({ right, played }) => (played ? right / played : 0);
    const scores = [you, ...panel.map(({ name }, i) => ({ name, ...game.panel[i] }))].filter(({ played }) => played);
    scores.sort((a, b) => share(b) - share(a));
    const better = scores.filter((score) => share(score) > share(you)).length;
    const rows = scores.map((score) =>
      element("tr", score === you ? { class: "you" } : {}, element("th", { scope: "row" }, score.name), element("td", {}, `${score.right} of ${score.played}`)),
    );
    tally.replaceChildren(
      element("p", {}, better ? `${better} of ${scores.length - 1} measures did better than you.` : "No measure did better than you."),
      element("div", { class: "duel" }, element("table", {}, head("who", "right"), element("tbody", {}, ...rows))),
    );
  }

  function start(mix) {
    game = { rounds: dealt(mix), turn: 0, right: 0, panel: panel.map(() => ({ right: 0, played: 0 })) };
    tally.textContent = `${groups.flat().length} pairs are recorded; a game has ${game.rounds.length} of them.`;
    show();
  }

  buttons[0].addEventListener("click", () => guess("A"));
  buttons[1].addEventListener("click", () => guess("B"));
  next.addEventListener("click", show);
  anew.addEventListener("click", () => start(true));
  place().append(setting, table, element("div", { class: "handles" }, ...buttons, next, anew), answer, tally);
  start(false);
})();
