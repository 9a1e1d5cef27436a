// The certificate planner: the Clopper-Pearson bound of `gengap certify`, while its four numbers are moved.
window.certificate = (() => {
  // ln of the gamma function, by Lanczos' approximation with g = 7.
  const LANCZOS = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];
  function logGamma(z) {
    let sum = LANCZOS[0];
    for (let i = 1; i < 9; i++) sum += LANCZOS[i] / (z - 1 + i);
    const t = z + 6.5;
    return 0.5 * Math.log(2 * Math.PI) + (z - 0.5) * Math.log(t) - t + Math.log(sum);
  }

  // The continued fraction of the incomplete beta function, by Lentz' method.
  function fraction(a, b, x) {
    const TINY = 1e-300;
    let c = 1;
    let d = 1 - ((a + b) * x) / (a + 1);
    d = 1 / (Math.abs(d) < TINY ? TINY : d);
    let result = d;
    for (let m = 1; m < 20000; m++) {
      for (const term of [
        (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
        (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
      ]) {
        d = 1 + term * d;
        d = 1 / (Math.abs(d) < TINY ? TINY : d);
        c = 1 + term / c;
        if (Math.abs(c) < TINY) c = TINY;
        result *= d * c;
      }
      if (Math.abs(d * c - 1) < 1e-15) break;
    }
    return result;
  }

  // ln P(Bin(n, p) <= k) for k < n: the regularised incomplete beta function at 1 - p with n - k and k + 1.
  function logTail(k, n, p) {
    const [a, b, x] = [n - k, k + 1, 1 - p];
    const front = logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(p);
    if (x < (a + 1) / (a + b + 2)) return front - Math.log(a) + Math.log(fraction(a, b, x));
    return Math.log1p(-Math.exp(front - Math.log(b) + Math.log(fraction(b, a, p))));
  }

  // The largest p at which at most k errors still have probability delta / tried.
  function upper(k, n, tried, delta) {
    if (k >= n) return 1;
    const wanted = Math.log(delta / tried);
    let [low, high] = [0, 1];
    for (let i = 0; i < 200 && high - low > 1e-15 * high; i++) {
      const middle = (low + high) / 2;
      if (logTail(k, n, middle) > wanted) low = middle;
      else high = middle;
    }
    return high;
  }
  return { upper };
})();

(() => {
  const { element, place, data } = window.pieces;
  const { start } = data();
  const whole = (value) => Math.round(value).toLocaleString("en-US");
  const percent = (value) => `${(100 * value).toPrecision(3)}%`;
  const points = (value) => `${(100 * value).toPrecision(3)} percentage points`;
  // A confidence near 1 keeps the digits that tell it from certainty, as the command does: 99.9999%.
  const sure = (delta) => `${Number((100 * (1 - delta)).toFixed(6))}%`;
  // A bound is rounded upwards, as the command does, since it would not hold otherwise.
  const upwards = (value) => {
    const unit = 10 ** (Math.floor(Math.log10(value)) - 2);
    return percent(Math.min(1, Math.ceil(value / unit - 1e-6) * unit));
  };
  const HANDLES = [
    ["n", "held-out examples n", 1, 6, (v) => Math.round(10 ** v), whole, Math.log10(start.n)],
    ["errors", "error rate seen", 0, 0.5, (v) => v, percent, start.rate],
    ["tried", "models tried M", 0, 6, (v) => Math.round(10 ** v), whole, Math.log10(start.tried)],
    ["delta", "probability δ that it fails", -6, -0.31, (v) => 10 ** v, (v) => v.toPrecision(2), Math.log10(start.delta)],
  ];
  const answer = element("p", { id: "answer", "aria-live": "polite" });
  const command = element("pre", { id: "command", tabindex: 0 });
  const inputs = {};
  const shown = {};

  function update() {
    const value = {};
    for (const [name, , , , read, write] of HANDLES) {
      value[name] = read(Number(inputs[name].value));
      shown[name].textContent = write(value[name]);
    }
    const k = Math.min(value.n, Math.round(value.errors * value.n));
    const delta = Number(value.delta.toPrecision(2));
    const bound = window.certificate.upper(k, value.n, value.tried, delta);
    const models = value.tried === 1 ? "one model" : `the best of ${whole(value.tried)} models`;
    answer.textContent =
      `${whole(k)} errors in ${whole(value.n)} examples: with ${sure(delta)} confidence the true error rate ` +
      `of ${models} is at most ${upwards(bound)}, ${points(Math.max(0, bound - k / value.n))} above what was seen.`;
    answer.dataset.upper = String(bound);
    command.textContent = `gengap certify --errors ${k} --n ${value.n} --tried ${value.tried} --delta ${delta}`;
  }

  for (const [name, label, low, high, , , first] of HANDLES) {
    inputs[name] = element("input", { type: "range", id: `handle-${name}`, min: low, max: high, step: "any", value: first });
    inputs[name].addEventListener("input", update);
    shown[name] = element("output", { for: `handle-${name}` });
    const words = element("label", { for: `handle-${name}` }, label);
    place().append(element("div", { class: "handle" }, words, inputs[name], shown[name]));
  }
  place().append(answer, command);
  update();
})();
