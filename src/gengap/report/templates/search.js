// The search box and the keys of a page: "/" searches, the arrows turn to the neighbouring pages.
(() => {
  const box = document.getElementById("search");
  const list = document.getElementById("found");
  const root = document.body.dataset.root;
  const MOST = 12;

  // One spelling for both: "memorize" also finds "memorise".
  const spelled = (text) => text.toLowerCase().replaceAll("iz", "is");

  // The pages that have every word, first those whose title has them in this order, then those with most of them there.
  function matches(words) {
    const scored = [];
    for (const page of window.siteIndex) {
      const title = spelled(page.title);
      const text = spelled(page.text);
      if (!words.every((word) => title.includes(word) || text.includes(word))) continue;
      const phrase = title.includes(words.join(" ")) ? words.length : 0;
      scored.push([phrase + words.filter((word) => title.includes(word)).length, page]);
    }
    return scored.sort((a, b) => b[0] - a[0]).slice(0, MOST).map(([, page]) => page);
  }

  function item(page) {
    const link = Object.assign(document.createElement("a"), { href: root + page.path, textContent: page.title });
    link.append(Object.assign(document.createElement("small"), { textContent: page.lead }));
    const entry = document.createElement("li");
    entry.append(link);
    return entry;
  }

  function show() {
    const words = spelled(box.value).split(/\s+/).filter(Boolean);
    list.hidden = words.length === 0;
    const pages = words.length ? matches(words) : [];
    list.replaceChildren(...pages.map(item));
    if (words.length && !pages.length) {
      list.append(Object.assign(document.createElement("li"), { className: "none", textContent: "Nothing is found." }));
    }
  }

  box.addEventListener("input", show);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter") list.querySelector("a")?.click();
    if (event.key === "ArrowDown") list.querySelector("a")?.focus();
    if (event.key === "Escape") {
      box.value = "";
      show();
      box.blur();
    }
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const links = [...list.querySelectorAll("a")];
    const next = links.indexOf(document.activeElement) + step;
    (next < 0 ? box : links[Math.min(next, links.length - 1)]).focus();
  });
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("input, select, textarea, [tabindex], .piece")) return;
    if (event.key === "/") {
      event.preventDefault();
      box.focus();
    }
    if (event.key === "ArrowLeft") document.querySelector("[rel=prev]")?.click();
    if (event.key === "ArrowRight") document.querySelector("[rel=next]")?.click();
  });
})();
