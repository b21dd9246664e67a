// Clickable tokens: the alternatives of a position, and «go on from here».
// Text is never set as HTML. data-lm-suppress-shortcuts keeps JupyterLab from
// treating letters typed on a token as commands.
function made(tag, parent, text, title) {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  if (title) node.title = title;
  parent?.append(node);
  return node;
}

function shownPlace(place, words, choose) {
  const box = made("div");
  made("div", box, place.head).className = "wcode-faint";
  const list = made("div", box);
  list.className = "wcode-choices";
  place.alternatives.forEach((word, index) => {
    const button = made("button", list, word, words.go_on);
    button.className = "jupyter-button";
    button.onclick = () => choose(place.index, index + 1);
  });
  if (place.others) made("span", list, place.others);
  return box;
}

export default {
  render({ model, el }) {
    el.dataset.lmSuppressShortcuts = "true";
    const running = made("div", el);
    running.className = "wcode-tokens";
    running.setAttribute("role", "toolbar");
    const shown = made("div", el);
    shown.setAttribute("role", "status");
    const choose = (token, alternative) => model.send({ token, alternative });

    function open(map, piece, node) {
      running.querySelector("[aria-pressed=true]")?.setAttribute("aria-pressed", "false");
      node.setAttribute("aria-pressed", "true");
      const places = map.places.slice(piece.first, piece.stop);
      shown.replaceChildren(...places.map((p) => shownPlace(p, map.words, choose)));
    }

    function draw(map) {
      running.replaceChildren();
      shown.replaceChildren();
      running.setAttribute("aria-label", map.words.label);
      map.pieces.forEach((piece, index) => {
        const node = made("span", running, piece.text, piece.title);
        node.style.cssText = piece.style;
        node.setAttribute("role", "button");
        node.tabIndex = index ? -1 : 0;
        node.onclick = () => open(map, piece, node);
      });
    }

    running.onkeydown = (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const all = [...running.children];
      const at = all.indexOf(document.activeElement);
      if (step && all[at + step]) {
        all[at].tabIndex = -1;
        all[at + step].tabIndex = 0;
        all[at + step].focus();
      } else if (event.key === "Enter" || event.key === " ") {
        all[at]?.click();
      } else return;
      event.preventDefault();
    };
    model.on("msg:custom", draw);
    model.send({ ready: true });
  },
};
