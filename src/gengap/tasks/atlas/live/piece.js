// What live pieces share: drawing in SVG, the theme's colours, and a place for the answer.
window.pieces = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#B86F9A", "#A87B00", "#7D7D7D"];

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

  return { COLOURS, data, place, element, drawn };
})();
